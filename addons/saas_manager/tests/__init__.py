from . import test_dashboard
from . import test_dashboard_alerts
from . import test_following
