from . import challenge
