from . import fastapi_endpoint
from . import saas_webhook_event
from . import saas_webhook
from . import saas_webhook_secrets
from . import saas_webhook_delivery
from . import saas_event_mixin
