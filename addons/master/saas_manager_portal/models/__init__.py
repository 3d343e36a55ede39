from . import res_config_settings
from . import saas_instance
from . import saas_instance_request
from . import saas_instance_request_guards
from . import saas_instance_request_progress
from . import saas_signup
from . import saas_signup_form
from . import saas_signup_layout
