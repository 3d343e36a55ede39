from . import controllers
from . import models
from . import access_log
