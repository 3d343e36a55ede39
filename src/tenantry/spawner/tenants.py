"""One tenant as the spawner sees it: its entry in the catalog, its socket, and its process while awake."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tenantry.spawner.board import Board
from tenantry.spawner.board import Entry as BoardEntry
from tenantry.spawner.catalog import Entry
from tenantry.spawner.zygotes import close, signal_by

_CLOSED = -1


@dataclass
class Process:
    """A tenant's process. handle: a pidfd. is_job: woken for a scheduled job. since: seconds since 1970."""

    pid: int
    handle: int
    board: Board
    is_job: bool = False
    since: float = field(default_factory=time.time)
    ends_by: float | None = None

    def tell_to_end(self, within_s: float) -> None:
        """Politely; `end_now` follows when the time is up."""
        if self.ends_by is None:
            self.ends_by = time.monotonic() + within_s
            signal_by(self.handle, signal.SIGTERM)

    def end_now(self) -> None:
        """Nothing once it has ended: its handle's number may be another's by then."""
        if self.handle != _CLOSED:
            signal_by(self.handle, signal.SIGKILL)

    @property
    def has_ended(self) -> bool:
        poller = select.poll()
        poller.register(self.handle, select.POLLIN)
        return bool(poller.poll(0))

    def close(self) -> None:
        close(self.handle)
        self.board.close()
        self.handle = _CLOSED


@dataclass
class Tenant:
    """forking: the number of the order under way. due_at: of its next job, on the monotonic clock."""

    entry: Entry
    host: str
    listener: socket.socket | None = None
    links: tuple[str, ...] = ()
    process: Process | None = None
    forking: int | None = None
    resources: tuple[int, Board] | None = None
    due_at: float | None = None
    woken_for_job_at: float = 0.0
    short_lives: int = 0

    @property
    def name(self) -> str:
        return self.entry.database

    @property
    def is_asleep(self) -> bool:
        return self.process is None and self.forking is None

    def tell(self) -> None:
        """What the process must know at once of a changed label."""
        board = self.process.board if self.process else self.resources[1] if self.resources else None
        if board:
            board[BoardEntry.ENTITLED_SINCE] = self.entry.label.entitled_since

    def describe(self) -> dict[str, Any]:
        """For `tenantry ps`; what stands on the board is the tenant's own word."""
        facts: dict[str, Any] = {"name": self.name, "is_awake": not self.is_asleep, "next_job_s": None}
        if self.due_at is not None:
            facts["next_job_s"] = round(self.due_at - time.monotonic(), 1)
        if self.process:
            board = self.process.board
            facts |= {
                "pid": self.process.pid,
                "since": self.process.since,
                **_use_of(self.process.pid),
                "requests": board[BoardEntry.REQUESTS],
                "websockets": board[BoardEntry.WEBSOCKETS],
                "jobs": board[BoardEntry.JOBS],
                "is_broken": bool(board[BoardEntry.IS_BROKEN]),
            }
        return facts


class Records:
    """Which process is whose, for the next spawner: a small file for each, out of the tenants' reach."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder

    def board(self, name: str, *, anew: bool) -> Board:
        return Board(self._folder / f"{name}.board", anew=anew)

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
        for suffix in ("json", "board"):
            (self._folder / f"{name}.{suffix}").unlink(missing_ok=True)

    def noted(self) -> dict[str, tuple[int, Process]]:
        """The processes that a spawner before left running, by name, each with its database's oid."""
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
            close(handle)
            return None, 0
        board = self.board(file.stem, anew=False)
        return Process(facts["pid"], handle, board, facts["is_job"], facts["since"]), facts["oid"]


def _use_of(pid: int) -> dict[str, Any]:
    """CPU and memory, as the kernel counts them. Where it does not tell them apart, shared memory counts."""
    try:
        process = psutil.Process(pid)
        times = process.cpu_times()
        try:
            memory_bytes = process.memory_full_info().uss
        except psutil.AccessDenied:
            memory_bytes = process.memory_info().rss
    except psutil.Error:
        return {}
    return {"cpu_s": times.user + times.system, "memory_bytes": memory_bytes}


def _started(pid: int) -> float:
    """When a process began, which tells it from a later one of its number; 0 when it is gone."""
    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).create_time()
    return 0.0
