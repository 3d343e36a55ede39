from . import login
from . import password
