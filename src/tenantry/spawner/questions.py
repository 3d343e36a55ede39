"""The requests of the engine to a running spawner, see `spawner.control`: look, end, ps, protections."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any

from tenantry.spawner.control import Server
from tenantry.spawner.loop import Loop
from tenantry.spawner.processes import Processes

Answer = Callable[[], None]


class Questions:
    """look: called to read the labels of the given databases at once."""

    def __init__(
        self, file: Path, loop: Loop, processes: Processes, look: Callable[[Collection[str]], None]
    ) -> None:
        self._server = Server(file)
        self._loop = loop
        self._processes = processes
        self._look = look
        self._waiting: list[tuple[frozenset[str], Answer]] = []
        loop.watch(self._server.listener, self._accept)

    def _accept(self) -> None:
        client = self._server.accept()
        if client is not None:
            self._loop.watch(client, partial(self._read, client))

    def _read(self, client: socket.socket) -> None:
        try:
            question = self._server.receive(client)
        except EOFError:
            self._loop.unwatch(client)
            self._server.drop(client)
            return
        if question is None:
            return
        names = frozenset(str(name) for name in question.get("names", ()))
        done = partial(self._server.answer, client, {"ok": True})
        match question.get("do"):
            case "look":
                self._look(names)
                self._answer_when_settled(names, done)
            case "end":
                for name in names & self._processes.tenants.keys():
                    self._processes.end(self._processes.tenants[name])
                self._answer_when_settled(names, done)
            case "ps":
                self._server.answer(client, {"ok": True, "tenants": self._described(names)})
            case "protections":
                self._server.answer(client, {"ok": True, "protections": self._processes.protections()})
            case _:
                self._server.answer(client, {"ok": False, "error": "there is no such question"})

    def _described(self, names: frozenset[str]) -> list[dict[str, Any]]:
        """The facts of the tenants that are served: of these, or of all if no names are given."""
        served = [tenant for tenant in self._processes.tenants.values() if tenant.entry.is_served]
        return [self._processes.describe(tenant) for tenant in served if not names or tenant.name in names]

    def _answer_when_settled(self, names: frozenset[str], answer: Answer) -> None:
        self._waiting.append((names, answer))
        self.settle()

    def settle(self) -> None:
        """Answer the clients whose tenants have no ending process left."""
        settled = self._processes.are_settled
        ready = [answer for names, answer in self._waiting if settled(names)]
        self._waiting = [entry for entry in self._waiting if not settled(entry[0])]
        for answer in ready:
            answer()

    def close(self) -> None:
        self._server.close()
