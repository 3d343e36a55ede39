"""What the runtimes can do, and how the rest is refused."""

from tenantry.errors import NotOnRailway
from tenantry.model.abilities import Ability, can, runtimes_without

from .sentences import sentence

__all__ = ["Ability", "can", "refusal", "runtimes_without"]


def refusal(server):
    """What its operator is told of what the server's runtime cannot do."""
    return sentence(NotOnRailway(server.name), server.env.lang)
