"""What the provider tells a tenant's process of itself; `saas_tenant` reads it."""

from odoo.addons.saas_agreed import Field

_NAMES = ("public_key", "identity", "links_since", "is_provided")
_told = {}


def tell(order, board):
    """order: what the spawner says, a `TenantOrder`. board: where it says what changes."""
    _told.update({name: getattr(order, name) for name in _NAMES}, board=board)


def public_key():
    """What verifies the provider's signatures; "" where nobody provides."""
    return _told.get("public_key", "")


def identity():
    """What the provider's statements for this instance are bound to."""
    return _told.get("identity", "")


def links_since():
    """Login links that were made before are void."""
    return _told.get("links_since", 0)


def is_provided():
    """Whether the instance was made with the provider's module, and is not served without it."""
    return _told.get("is_provided", False)


def board():
    return _told["board"]


def entitled_since():
    """The serial of the entitlements in force, as the spawner knows it now."""
    return _told["board"][Field.ENTITLED_SINCE] if _told else 0


def seats():
    """How many internal users may log in, as the spawner knows it now; 0: any number."""
    return _told["board"][Field.SEATS] if _told else 0
