"""The operations on an existing instance: one row each, for the engine, the command line and the back office.

Facts that only the back office needs are in its own `operations.py`, under the same names.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from tenantry.model.catalog import State
from tenantry.model.states import Action

ENGINE_STATES: Mapping[tuple[str, str], State] = MappingProxyType(
    {
        ("active", "running"): State.ACTIVE,
        ("active", "stopped"): State.STOPPED,
        ("suspended", "stopped"): State.SUSPENDED,
        ("expired", "stopped"): State.SUSPENDED,
    }
)
"""The engine's state for the state and run state of a back office's record on which no operation runs. The
engine's other states last only during an operation."""


@dataclass(frozen=True)
class Operation:
    """An operation. name: its word in the back office, in the API and on the command line.

    actions: the engine's actions, in order. before: the states of the record in which it is allowed.
    after, run_state: the record's states after it; "": unchanged. needs_running: it is refused while the
    instance is stopped. engine: the engine's word, if it is another one. doing, done: the texts of the
    command line, if it can be requested from a master. help: the help text of its command, if that takes a
    name only.
    """

    name: str
    actions: tuple[Action, ...]
    before: tuple[str, ...]
    after: str = ""
    run_state: str = ""
    needs_running: bool = False
    engine: str = ""
    doing: str = ""
    done: str = "is active at {url}."
    help: str = ""

    @property
    def takes_name_alone(self) -> bool:
        return bool(self.help)

    def is_done(self, state: str, run_state: str, reason: str) -> bool:
        """Whether the operation succeeded, by the record after its end. reason: the record's failure."""
        if self.after:
            return state == self.after
        return run_state in (self.run_state or run_state,) and not reason


_ACTIVE, _BLOCKED, _LIVES = ("active",), ("suspended", "expired"), ("active", "suspended", "expired")
_ROWS = (
    Operation(
        "suspend",
        (Action.SUSPEND,),
        _ACTIVE,
        "suspended",
        "stopped",
        doing="Suspending",
        done="is suspended.",
    ),
    Operation("expire", (Action.SUSPEND,), _ACTIVE, "expired", "stopped", engine="suspend"),
    Operation(
        "reactivate",
        (Action.REACTIVATE,),
        _BLOCKED,
        "active",
        "running",
        doing="Reactivating",
        help="Make a suspended instance active again.",
    ),
    Operation(
        "stop",
        (Action.STOP,),
        _ACTIVE,
        run_state="stopped",
        doing="Stopping",
        done="is stopped.",
        help="Stop an instance: until it is started its address answers 503, and its jobs wait.",
    ),
    Operation(
        "start",
        (Action.START,),
        _ACTIVE,
        run_state="running",
        doing="Starting",
        help="Start a stopped instance.",
    ),
    Operation(
        "restart",
        (Action.STOP, Action.START),
        _ACTIVE,
        run_state="running",
        needs_running=True,
        doing="Restarting",
        help="Stop an instance and start it again.",
    ),
    Operation("rename", (Action.RENAME, Action.ACTIVATE), _ACTIVE, needs_running=True),
    Operation("move", (Action.MOVE, Action.ACTIVATE), _ACTIVE, needs_running=True),
    Operation("backup", (Action.DUMP,), _LIVES, doing="Backing up", done="is backed up."),
    Operation("restore", (Action.RESTORE, Action.END_RESTORE), _LIVES),
    Operation("put_back", (Action.RESTORE, Action.END_RESTORE), _LIVES),
    Operation("set_domains", (Action.SET_DOMAINS,), _LIVES),
    Operation("install", (Action.INSTALL,), _ACTIVE, needs_running=True),
    Operation(
        "terminate",
        (Action.TERMINATE,),
        _LIVES,
        "terminated",
        "stopped",
        doing="Terminating",
        done="is gone.",
    ),
)
OPERATIONS: Mapping[str, Operation] = MappingProxyType({row.name: row for row in _ROWS})
REMOTE = tuple(row.name for row in OPERATIONS.values() if row.doing)
"""The operations that a program may request from a master, in the API's words."""


def transitions() -> dict[tuple[str, str], str]:
    """For each (operation, state of the record before) the state after."""
    return {(row.name, state): row.after or state for row in OPERATIONS.values() for state in row.before}
