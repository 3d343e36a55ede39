from . import fastapi_endpoint
from . import res_users_apikeys
from . import saas_api_answer
from . import saas_api_count
from . import saas_api_key_publishable
from . import saas_instance
from . import saas_instance_request
from . import saas_instance_request_signup
