"""Whatever part of a move fails, or is the last one before a kill: one server serves all that was written.

The servers are in memory and know what the labels say; the real parts: `tests/integration/test_moving.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any

import pytest

from tenantry.engine.moving import move
from tenantry.errors import AgentLost, Busy, InvalidTransition, TenantryError
from tenantry.model.catalog import State
from tenantry.model.move import Whereabouts
from tenantry.model.states import Action, after


class Killed(BaseException):
    """The process is dead."""


@dataclass(frozen=True)
class Copy:
    """What a server has of the instance. written: how many records."""

    state: State
    written: int
    run: str = ""
    is_arriving: bool = False


@dataclass
class Store:
    """The archives, and what happens.

    fault: raised at the call number `at`, before or after its effect, and at all later ones if it goes on.
    """

    archives: dict[str, int] = field(default_factory=dict)
    fault: BaseException | None = None
    at: int = -1
    is_after: bool = False
    goes_on: bool = False
    calls: int = 0


@dataclass
class Server:
    name: str
    store: Store
    copy: Copy | None = None

    @property
    def moves(self) -> Any:
        return SimpleNamespace(**{part: self._part(part) for part in _PARTS})

    def _part(self, part: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            store = self.store
            number, store.calls = store.calls, store.calls + 1
            is_now = store.fault and (number == store.at or (number > store.at >= 0 and store.goes_on))
            if is_now and not (store.is_after and number == store.at):
                raise store.fault
            result = getattr(self, part)(*arguments)
            if is_now:
                raise store.fault
            return result

        return call

    def whereabouts(self, _name: str) -> Whereabouts:
        return Whereabouts(
            self.name,
            "key",
            "19.0",
            16,
            state=str(self.copy.state) if self.copy else "",
            identity="it" if self.copy else "",
            moved_to="there" if self.copy and self.copy.state is State.MOVED else "",
        )

    def digest(self, _name: str) -> dict[str, str]:
        assert self.copy
        return {"public.t": f"{self.copy.written}:1"}

    def send(self, _name: str, _first: str = "") -> str:
        assert self.copy
        self.store.archives[archive := f"a{len(self.store.archives)}"] = self.copy.written
        if self.copy.state is State.ACTIVE:
            self.copy = replace(self.copy, written=self.copy.written + 1)  # users go on
        return archive

    def freeze(self, name: str, run: str) -> None:
        assert self.copy
        self.copy = replace(self.copy, state=after(name, self.copy.state, Action.MOVE), run=run)

    def thaw(self, name: str, run: str) -> None:
        assert self.copy
        if self.copy.state is not State.ACTIVE:
            state = after(name, self.copy.state, Action.ACTIVATE)
            self._check(name, run)
            self.copy = replace(self.copy, state=state)

    def _check(self, name: str, run: str) -> None:
        if not self.copy or self.copy.run != run:
            raise Busy(name)

    def leave(self, name: str, run: str, _server: str, _front: str) -> float:
        assert self.copy
        state = after(name, self.copy.state, Action.LEAVE)
        if self.copy.state is not State.MOVED:
            self._check(name, run)
        self.copy = replace(self.copy, state=state)
        return 1.0

    def check(self, name: str, _there: Whereabouts) -> None:
        """There is nothing to refuse."""

    def stage(self, _origin: str, _name: str, archive: str) -> None:
        assert archive in self.store.archives

    def receive(self, _origin: str, _name: str, archive: str, run: str, _staged: str = "") -> int:
        assert not self.copy or self.copy.is_arriving
        self.copy = Copy(State.MOVING, self.store.archives[archive], run, is_arriving=True)
        return 1

    def arrive(self, name: str, run: str) -> None:
        assert self.copy
        if self.copy.is_arriving:
            self._check(name, run)
            self.copy = replace(self.copy, state=State.ACTIVE, is_arriving=False)
        else:
            after(name, self.copy.state, Action.ACTIVATE)
        return SimpleNamespace(name=name)  # type: ignore[return-value]

    def front(self, _name: str) -> str:
        return "localhost:1"

    def discard(self, _origin: str, name: str, _identity: str) -> None:
        if self.copy and not self.copy.is_arriving:
            raise InvalidTransition(name, self.copy.state, Action.LEAVE)
        self.copy = None

    def settle(self, _origin: str, _name: str) -> None:
        """Nothing is left in memory."""


_PARTS = (
    *("whereabouts", "digest", "send", "freeze", "thaw", "leave", "check", "stage", "receive", "arrive"),
    *("front", "discard", "settle"),
)
_CALLS = 16
_WAYS = [(at, is_after, goes_on) for at in range(_CALLS) for is_after in (0, 1) for goes_on in (0, 1)]


def servers(store: Store) -> tuple[Server, Server]:
    return Server("here", store, Copy(State.ACTIVE, 5)), Server("there", store)


def serving(*both: Server) -> list[Server]:
    return [server for server in both if server.copy and server.copy.state is State.ACTIVE]


def test_as_many_calls_are_tried_as_there_are():
    store = Store()
    move(*servers(store), "acme")
    assert store.calls <= _CALLS


@pytest.mark.parametrize(("at", "is_after", "goes_on"), _WAYS)
@pytest.mark.parametrize("fault", [AgentLost("it ended"), Killed()], ids=["fails", "killed"])
def test_one_server_serves_all_that_was_written(at: int, is_after: int, goes_on: int, fault: BaseException):
    """goes_on: all later calls fail, too, as after a kill."""
    is_dead = isinstance(fault, Killed)
    store = Store(fault=fault, at=at, is_after=bool(is_after), goes_on=bool(goes_on) or is_dead)
    here, there = servers(store)
    try:
        move(here, there, "acme")
    except (TenantryError, Killed):
        assert len(serving(here, there)) <= 1
    written = here.copy.written if here.copy else 0
    store.fault = None
    move(here, there, "acme")
    assert serving(here, there) == [there]
    assert here.copy
    assert there.copy
    assert here.copy.state is State.MOVED
    assert there.copy.written == here.copy.written >= written


@pytest.mark.parametrize("at", range(2, _CALLS))
@pytest.mark.parametrize("is_after", [False, True], ids=["not done", "done"])
def test_a_part_that_fails_once_leaves_nobody_waiting(at: int, is_after: bool):
    store = Store(fault=AgentLost("it ended"), at=at, is_after=is_after)
    here, there = servers(store)
    try:
        move(here, there, "acme")
    except TenantryError:
        held = [server.name for server in (here, there) if server.copy and server.copy.state is State.MOVING]
        assert not held or serving(here, there) == [there], held
