from . import creation
from . import form
