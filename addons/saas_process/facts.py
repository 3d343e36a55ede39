"""What the provider tells a tenant's process of itself; `saas_tenant` reads it."""

from .board import ENTITLED_SINCE

_told = {"public_key": "", "identity": "", "board": None}


def tell(public_key, identity, board):
    _told.update(public_key=public_key, identity=identity, board=board)


def public_key():
    """What verifies the provider's signatures; "" where nobody provides."""
    return _told["public_key"]


def identity():
    """What the provider's statements for this instance are bound to."""
    return _told["identity"]


def entitled_since():
    """The serial of the entitlements in force, as the spawner knows it now."""
    return _told["board"][ENTITLED_SINCE] if _told["board"] else 0
