"""The provider's facts about the tenant of this process, for `saas_tenant`."""

from odoo.addons.saas_agreed import Field

_NAMES = ("public_key", "identity", "links_since", "is_provided")
_facts = {}


def set_facts(order, board):
    """order: the spawner's `TenantOrder`. board: the shared page with the facts that change."""
    _facts.update({name: getattr(order, name) for name in _NAMES}, board=board)


def public_key():
    """The key that verifies the provider's signatures; "" without a provider."""
    return _facts.get("public_key", "")


def identity():
    """The instance's identity, for which the provider signs statements."""
    return _facts.get("identity", "")


def links_since():
    """Login links that were made before this time are void; microseconds since 1970."""
    return _facts.get("links_since", 0)


def is_provided():
    """Whether the instance was created with the provider's module; then it is not served without it."""
    return _facts.get("is_provided", False)


def board():
    return _facts["board"]


def entitled_since():
    """The current serial of the entitlements in force."""
    return _facts["board"][Field.ENTITLED_SINCE] if _facts else 0


def seats():
    """The current number of internal users who may log in; 0: unlimited."""
    return _facts["board"][Field.SEATS] if _facts else 0
