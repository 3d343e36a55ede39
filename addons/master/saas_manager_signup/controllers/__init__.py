from . import challenge
from . import creation
from . import form
from . import own
