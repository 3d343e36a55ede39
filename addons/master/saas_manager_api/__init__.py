from . import models
from . import wizards
from . import access_log, dispatcher
