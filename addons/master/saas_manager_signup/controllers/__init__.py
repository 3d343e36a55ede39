from . import challenge
from . import creation
from . import form
