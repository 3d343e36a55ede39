from . import test_access
from . import test_create
from . import test_errors
from . import test_keys
from . import test_limits
from . import test_lists
from . import test_openapi
from . import test_signup
