from . import test_agreement
from . import test_creation
from . import test_form
from . import test_guards
from . import test_settings
