from . import res_users_apikeys_description
from . import saas_webhook_secret
