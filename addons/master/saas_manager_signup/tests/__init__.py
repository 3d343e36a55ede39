from . import test_agreement
from . import test_captcha
from . import test_creation
from . import test_form
from . import test_guards
from . import test_settings
from . import test_signup_by_api
from . import test_snippet
