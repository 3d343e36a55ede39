"""One tenant as the spawner sees it: its entry in the catalog, its socket, and its process while awake."""

from __future__ import annotations

import os
import select
import signal
import socket
import time
from dataclasses import dataclass, field
from typing import Any

import psutil

from tenantry.agreed import Field
from tenantry.spawner.board import Board
from tenantry.spawner.catalog import Entry
from tenantry.spawner.zygotes import signal_by

_CLOSED = -1


@dataclass
class Process:
    """A tenant's process. handle: a pidfd. is_job: woken for a scheduled job. since: seconds since 1970."""

    pid: int
    handle: int
    board: Board
    is_job: bool = False
    since: float = field(default_factory=time.time)
    was_told_to_end: bool = False

    def tell_to_end(self) -> None:
        """Politely; `end_now` follows when it takes too long."""
        if not self.was_told_to_end:
            self.was_told_to_end = True
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

    @property
    def is_broken(self) -> bool:
        """Whether it says that its tenant cannot be served."""
        return bool(self.board[Field.IS_BROKEN])

    def close(self) -> None:
        os.close(self.handle)
        self.board.close()
        self.handle = _CLOSED


@dataclass
class Fork:
    """An order to a zygote that is not answered yet. log, board: what the process is to get.

    told, order: both ends of the pipe that tells the process what it is to be. It serves nobody before it
    hears there that it is known, and ends when the pipe is closed instead: neither a spawner nor a zygote
    that dies leaves one behind that nobody knows.
    """

    serial: int
    log: int
    board: Board
    is_job: bool
    told: int
    order: int

    def let_serve(self) -> None:
        """It is known, and limited."""
        os.write(self.order, b"known")

    def close(self) -> None:
        """The process has what it needs; the board goes on with it."""
        for descriptor in (self.log, self.told, self.order):
            os.close(descriptor)

    def forget(self) -> None:
        self.close()
        self.board.close()


@dataclass
class Tenant:
    """host: its own; links: further ones. due_at: of its next job, on the monotonic clock."""

    entry: Entry
    host: str
    listener: socket.socket | None = None
    links: tuple[str, ...] = ()
    process: Process | None = None
    fork: Fork | None = None
    due_at: float | None = None
    woken_for_job_at: float = 0.0
    failures: int = 0

    @property
    def name(self) -> str:
        return self.entry.database

    @property
    def is_asleep(self) -> bool:
        return self.process is None and self.fork is None

    @property
    def is_at_job(self) -> bool:
        """Whether it was woken for a scheduled job."""
        return any(holder.is_job for holder in (self.process, self.fork) if holder)

    def tell(self) -> None:
        """What its process must know at once of a changed label."""
        for holder in (self.process, self.fork):
            if holder:
                holder.board[Field.ENTITLED_SINCE] = self.entry.label.entitled_since
                holder.board[Field.SEATS] = self.entry.label.seats
                holder.board[Field.HAS_CRONS] = self.entry.has_crons

    def describe(self) -> dict[str, Any]:
        """The facts of `model.activity.Activity`; what stands on the board is the tenant's own word."""
        facts: dict[str, Any] = {"name": self.name, "is_awake": self.process is not None}
        facts["is_broken"] = self.failures > 0
        if self.due_at is not None and self.is_asleep:
            facts["next_job_s"] = max(round(self.due_at - time.monotonic(), 1), 0)
        if self.process:
            board = self.process.board
            facts |= {
                "pid": self.process.pid,
                "since": self.process.since,
                "requests": board[Field.REQUESTS],
                "websockets": board[Field.WEBSOCKETS],
                "jobs": board[Field.JOBS],
                "is_broken": self.process.is_broken,
                **_use_of(self.process.pid),
            }
        return facts


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
