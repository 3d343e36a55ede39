"""The engine's methods that the agent offers to its callers, by noun and name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from tenantry.engine import Engine
from tenantry.engine.backups import Backups
from tenantry.engine.instances import Instances
from tenantry.engine.mail import Mail
from tenantry.engine.moves import Moves
from tenantry.engine.pool import Pool
from tenantry.engine.templates import Templates

PROVISION = "instances.provisioning"
"""Opens a creation. The caller then asks for its parts, and ends it by LEAVE, or by GIVE_UP to undo it."""
LEAVE, GIVE_UP = "leave", "give up"
HEARTBEAT_S, SILENT_FOR_S = 3, 12
"""How often a caller on another machine sends an empty line, and after what silence it counts as ended."""

IDLE_TIMEOUT_S = 60
"""How long a conversation may be idle: each one uses one of the agent's few processes."""

PARTS = frozenset({"clone", "sanitize", "customize", "create_admin", "publish"})
"""The parts of a creation; see `operations.instance.provision.Session`."""

NOUNS: Mapping[str, type] = MappingProxyType(
    {
        **{"": Engine, "templates": Templates, "pool": Pool, "instances": Instances, "mail": Mail},
        **{"moves": Moves, "backups": Backups},
    }
)
"""The classes that the methods belong to; "" is the engine itself."""
REPORTS_STEPS = frozenset(
    {
        *("templates.build", "templates.finish_editing", "pool.fill"),
        *("instances.provision", "instances.rename", "instances.terminate", "instances.operate"),
        *("instances.suspend", "instances.reactivate"),
        *("instances.stop", "instances.start", "instances.restart", "instances.duplicate"),
        *("backups.take", "backups.prove", "backups.restore", "backups.put_back", "backups.confirm"),
    }
)
METHODS = REPORTS_STEPS | frozenset(
    {
        *("facts", "is_up", "condition", "seal", "unseal", "keep_address", "keep_provider"),
        *("keep_railway", "reconcile", "give_back"),
        *("templates.all", "templates.get", "templates.edit", "templates.clone", "templates.logs"),
        "pool.status",
        *("instances.all", "instances.get", "instances.find_by_reference", "instances.taken"),
        *("instances.url_of", "instances.activities", "instances.logs", "instances.usage"),
        "instances.install_logs",
        *("instances.is_serving", "instances.abandon", "instances.entitle", "instances.set_limits"),
        *("instances.check_hostnames", "instances.set_hostnames"),
        *("instances.modules", "instances.check_modules", "instances.install_modules"),
        *("instances.login_link", "instances.reset_password"),
        *("mail.set", "mail.unset", "mail.traffic"),
        *("moves.whereabouts", "moves.digest", "moves.send", "moves.freeze", "moves.thaw", "moves.leave"),
        *("moves.confirm", "moves.check", "moves.stage", "moves.receive", "moves.arrive", "moves.front"),
        *("moves.discard", "moves.settle"),
        *("backups.all", "backups.prune", "backups.kept", "backups.sweep"),
    }
)
"""No caller may start or stop servers, or read a key or the mail server's password."""


def function(name: str) -> Callable[..., Any]:
    """The function of the engine for one of METHODS."""
    noun, _dot, method = name.rpartition(".")
    found: Callable[..., Any] = getattr(NOUNS[noun], method)
    return found
