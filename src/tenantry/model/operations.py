"""What is done with an instance that exists: a row for each operation, for all who must agree on it.

The engine, the command line and the back office read it. What only the back office needs stands in its own
`operations.py`, under the same names.
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
"""What an instance is to the engine, by state and run state of the back office's record at rest. The engine's
other states last for a part of an operation."""


@dataclass(frozen=True)
class Operation:
    """An operation, by its word in the back office, in the API and on the command line.

    actions: the engine's, one after the other. before: the states of the record in which it is allowed.
    after, run_state: the record's when it is done; "" leaves it as it was. needs_running: it is refused while
    the instance is stopped. engine: the engine's word, where it has another one. doing, done: how the command
    line tells of it, if a master can be asked for it. help: of its command, if that takes the name alone.
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
        """Whether a record on which nothing is under way any more tells of success; reason: its own."""
        return state == self.after if self.after else run_state == self.run_state and not reason


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
        help="Let a suspended instance run again.",
    ),
    Operation(
        "stop",
        (Action.STOP,),
        _ACTIVE,
        run_state="stopped",
        doing="Stopping",
        done="is stopped.",
        help="Let an instance rest: its address answers 503, its jobs wait, until it is started.",
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
        help="Stop an instance and start it: it is loaded anew.",
    ),
    Operation("rename", (Action.RENAME, Action.ACTIVATE), _ACTIVE, needs_running=True),
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
"""What a program may ask a master for, in the API's words."""


def transitions() -> dict[tuple[str, str], str]:
    """(operation, state of the record before): its state after."""
    return {(row.name, state): row.after or state for row in OPERATIONS.values() for state in row.before}
