"""Move an instance between two servers of an installation, by the parts in `engine.moves`.

What was done is read from both servers' labels, so a killed move is simply run again. Until the instance has
arrived, a failure is undone; afterwards the move only goes forward: the new server may have been written to.
"""

from __future__ import annotations

import logging
import secrets
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Protocol

from tenantry.errors import (
    InstanceNotFound,
    MoveDiffers,
    OtherInstallation,
    OtherMachine,
    SameServer,
    TenantryError,
)
from tenantry.model.catalog import State
from tenantry.model.instance import Instance
from tenantry.model.move import Moved, Whereabouts, differences, rows_in
from tenantry.model.progress import OnStep, ignore
from tenantry.model.states import Action, after
from tenantry.operations.steps import Operation, Step

_logger = logging.getLogger(__name__)


class Server(Protocol):
    """An engine, or an agent's client, as `engine_at` returns them."""

    @property
    def moves(self) -> Any: ...


@dataclass
class Moving:
    """One run of a move.

    left, there: what both servers say. first: the archive made while the instance was in use; last: the one
    made while it was held. content: of the original's tables, see `operations.instance.digest`.
    may_have_arrived: this run has tried it, or there was another one before.
    """

    source: Server
    target: Server
    name: str
    left: Whereabouts
    there: Whereabouts
    run: str = field(default_factory=lambda: secrets.token_hex(8))
    first: str = ""
    last: str = ""
    files: int = 0
    content: Mapping[str, str] = field(default_factory=dict)
    instance: Instance | None = None
    may_have_arrived: bool = False

    @classmethod
    def between(cls, source: Server, target: Server, name: str) -> Moving:
        found = cls(source, target, name, source.moves.whereabouts(name), target.moves.whereabouts(name))
        found.may_have_arrived = found.is_frozen
        return found

    @property
    def is_frozen(self) -> bool:
        return self.left.state == State.MOVING

    @property
    def has_left(self) -> bool:
        return self.left.state == State.MOVED and self.left.moved_to == self.there.server

    @property
    def has_arrived(self) -> bool:
        """Whether the other server serves it already."""
        is_there = self.there.state == State.ACTIVE and self.there.identity == self.left.identity
        return self.has_left or (self.is_frozen and is_there)

    def discard_copy(self) -> None:
        self.target.moves.discard(self.left.server, self.name, self.left.identity)


def _check(move: Moving) -> None:
    if not move.left.state:
        raise InstanceNotFound(move.name)
    if move.left.server == move.there.server and move.left.installation == move.there.installation:
        raise SameServer(move.name, move.left.server)
    if move.left.installation != move.there.installation:
        raise OtherInstallation(move.name, move.there.server)
    if move.left.machine != move.there.machine:
        raise OtherMachine(move.name, move.there.server)
    if not move.has_left:
        after(move.name, State(move.left.state), Action.MOVE)
    if not (move.is_frozen or move.has_left):
        move.target.moves.check(move.name, move.left)


def _is_copied(move: Moving) -> bool:
    """An instance that is held already is not copied in advance: its visitors wait."""
    return move.is_frozen or move.has_left


def _copy(move: Moving) -> None:
    move.discard_copy()
    move.first = move.source.moves.send(move.name)


def _stage(move: Moving) -> None:
    move.target.moves.stage(move.left.server, move.name, move.first)


def _has_left(move: Moving) -> bool:
    return move.has_left


def _has_arrived(move: Moving) -> bool:
    return move.has_arrived


def _freeze(move: Moving) -> None:
    move.source.moves.freeze(move.name, move.run)


def _catch_up(move: Moving) -> None:
    if not move.first:
        move.discard_copy()
    move.last = move.source.moves.send(move.name, move.first)


def _load(move: Moving) -> None:
    """Load the copy, and meanwhile read the original."""
    with ThreadPoolExecutor(1) as beside:
        content = beside.submit(move.source.moves.digest, move.name)
        move.files = move.target.moves.receive(move.left.server, move.name, move.last, move.run, move.first)
        move.content = content.result()


def _verify(move: Moving) -> None:
    """Compare the rows of each table, and each sequence. The files were compared when they were written."""
    differing = differences(move.content, move.target.moves.digest(move.name))
    if differing:
        raise MoveDiffers(move.name, move.there.server, differing)


def _switch(move: Moving) -> None:
    move.may_have_arrived = True
    move.instance = move.target.moves.arrive(move.name, move.run)


def _forward(move: Moving) -> None:
    front = move.target.moves.front(move.name)
    move.source.moves.leave(move.name, move.run, move.there.server, front)


def _clean_up(move: Moving) -> None:
    move.target.moves.settle(move.left.server, move.name)


def _undo(move: Moving) -> None:
    """Let the instance serve again where it was, but only if no copy of it is served, or will be.

    A copy that cannot be removed, since its server does not answer, is safe if only this run can let it
    arrive, and has not tried: the next move removes it.
    """
    try:
        move.discard_copy()
    except TenantryError as error:
        if move.may_have_arrived:
            raise
        _logger.warning("the copy of %s was not removed: %s", move.name, error)
    move.source.moves.thaw(move.name, move.run)


STEPS: tuple[Step[Moving], ...] = (
    Step("check", _check),
    Step("copy", _copy, is_done=_is_copied, undo=_undo),
    Step("files", _stage, is_done=_is_copied),
    Step("freeze", _freeze, is_done=_has_left),
    Step("catch up", _catch_up, is_done=_has_arrived),
    Step("load", _load, is_done=_has_arrived),
    Step("verify", _verify, is_done=_has_arrived),
    Step("switch", _switch),
    Step("forward", _forward, is_done=_has_left),
    Step("clean up", _clean_up),
)


def move(source: Server, target: Server, name: str, on_step: OnStep = ignore) -> Moved:
    """Move the instance `name` from one server to another; its visitors wait for a few seconds.

    The source keeps the data until `confirm`, and forwards its visitors. Moving back is the same the other
    way. A killed move is run again; a failed one is undone, unless the instance has arrived. Raises
    InstanceNotFound, InvalidTransition, SameServer, OtherInstallation, OtherMachine, MoveUnsupported,
    MoveDiffers, ModuleNotFound, NameTaken, Busy, ProbeFailed, and what dumping and loading archives raises.
    """
    moving = Moving.between(source, target, name)
    Operation("move", name, STEPS, on_step).run(moving)
    tables, rows = rows_in(moving.content)
    assert moving.instance
    return Moved(
        name=name,
        source=moving.left.server,
        target=moving.there.server,
        instance=moving.instance,
        pause_s=source.moves.whereabouts(name).pause_s,
        tables=tables,
        rows=rows,
        files=moving.files,
    )


def confirm(source: Server, name: str, on_step: OnStep = ignore) -> None:
    """Remove the data that the instance left at `source`; its old address still leads to it.

    Raises InstanceNotFound, InvalidTransition, Busy.
    """
    steps = (Step[str]("data", source.moves.confirm),)
    Operation("confirm move", name, steps, on_step).run(name)
