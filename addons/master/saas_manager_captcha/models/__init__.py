from . import res_config_settings
from . import saas_captcha_used
from . import saas_instance_request
from . import saas_signup
