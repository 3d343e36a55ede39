from . import test_crons
from . import test_periods
from . import test_subscription
