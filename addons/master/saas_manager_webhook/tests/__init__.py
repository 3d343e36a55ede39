from . import test_webhook_access
from . import test_webhook_delivery
from . import test_webhook_document
from . import test_webhook_events
from . import test_webhook_migration
from . import test_webhook_network
from . import test_webhook_secrets
from . import test_webhook_urls
