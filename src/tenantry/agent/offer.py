"""What the agent does for its callers: these of the engine's methods, by noun and name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from tenantry.engine import Engine
from tenantry.engine.instances import Instances
from tenantry.engine.pool import Pool
from tenantry.engine.templates import Templates

PROVISION = "instances.provisioning"
"""A creation stays open between its parts, until it is left, or given up and undone."""
LEAVE, GIVE_UP = "leave", "give up"
BEAT_S, SILENT_FOR_S = 3, 12
"""How often a caller elsewhere says that they live, by an empty line, and after how long they are dead."""

REST_S = 60
"""How long a conversation may rest: each holds one of a few places."""

PARTS = frozenset({"clone", "sanitize", "customize", "create_admin", "publish"})
"""Of a creation, see `operations.instance.provision.Session`."""

NOUNS: Mapping[str, type] = MappingProxyType(
    {"": Engine, "templates": Templates, "pool": Pool, "instances": Instances}
)
"""What the methods belong to; "" is the engine itself."""
TELLS_STEPS = frozenset(
    {
        *("templates.build", "templates.finish_editing", "pool.fill"),
        *("instances.provision", "instances.rename", "instances.terminate", "instances.operate"),
        *("instances.suspend", "instances.reactivate"),
        *("instances.stop", "instances.start", "instances.restart"),
    }
)
METHODS = TELLS_STEPS | frozenset(
    {
        *("facts", "is_up", "seal", "unseal", "keep_address"),
        *("templates.all", "templates.get", "templates.edit", "templates.clone", "pool.status"),
        *("instances.all", "instances.get", "instances.find_by_reference", "instances.taken"),
        *("instances.url_of", "instances.activities", "instances.logs", "instances.usage"),
        *("instances.is_serving", "instances.abandon", "instances.entitle", "instances.set_limits"),
        *("instances.check_hostnames", "instances.set_hostnames"),
        *("instances.check_modules", "instances.install_modules", "instances.login_link"),
    }
)
"""Nobody behind a pipe starts or stops servers, or is told a key."""


def function(name: str) -> Callable[..., Any]:
    """The engine's, of one of METHODS."""
    noun, _dot, method = name.rpartition(".")
    found: Callable[..., Any] = getattr(NOUNS[noun], method)
    return found
