"""Records of the running processes, for the next spawner: a small file for each. Tenants cannot read them."""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

import psutil

from tenantry.spawner.board import Board
from tenantry.spawner.tenants import Process, Tenant


class Records:
    """The records of one spawner."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder

    def board(self, name: str, *, anew: bool, is_successors: bool = False) -> Board:
        """The page of a tenant's process, or of the one that is to take over, see `promote`."""
        return Board(self._folder / f"{name}.{'next' if is_successors else 'board'}", anew=anew)

    def promote(self, tenant: Tenant) -> None:
        """Record a successor, which is the tenant's process now, and its page. Raises OSError."""
        (self._folder / f"{tenant.name}.next").replace(self._folder / f"{tenant.name}.board")
        self.note(tenant)

    def note(self, tenant: Tenant) -> None:
        process = tenant.process
        assert process
        facts = {
            "pid": process.pid,
            "started": _started(process.pid),
            "since": process.since,
            "oid": tenant.entry.oid,
            "is_job": process.is_job,
        }
        partial = self._folder / f"{tenant.name}.partial"
        partial.write_text(json.dumps(facts))
        partial.replace(self._folder / f"{tenant.name}.json")

    def forget(self, name: str) -> None:
        for suffix in ("json", "board", "next"):
            (self._folder / f"{name}.{suffix}").unlink(missing_ok=True)

    def running(self) -> dict[str, tuple[int, Process]]:
        """The processes that the previous spawner left running, by tenant, each with its database's oid."""
        found = {}
        for file in self._folder.glob("*.json"):
            process, oid = self._running(file)
            if process:
                found[file.stem] = (oid, process)
            else:
                self.forget(file.stem)
        return found

    def _running(self, file: Path) -> tuple[Process | None, int]:
        try:
            facts = json.loads(file.read_text())
            handle = os.pidfd_open(facts["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            return None, 0
        if _started(facts["pid"]) != facts["started"]:
            os.close(handle)
            return None, 0
        board = self.board(file.stem, anew=False)
        return Process(facts["pid"], handle, board, facts["is_job"], facts["since"]), facts["oid"]


def _started(pid: int) -> float:
    """The start time of a process, which tells it apart from a later one of the same id; 0: it has ended."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).create_time()
    return 0.0
