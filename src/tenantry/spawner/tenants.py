"""One tenant in the spawner: its entry in the catalog, its socket, and its process while it is awake."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from tenantry.agreed import Field
from tenantry.spawner.board import Board
from tenantry.spawner.catalog import Entry

_CLOSED = -1


@dataclass
class Process:
    """A tenant's process. handle: its pidfd. is_job: a scheduled job woke it. since: seconds since 1970."""

    pid: int
    handle: int
    board: Board
    is_job: bool = False
    since: float = field(default_factory=time.time)
    is_terminated: bool = False

    def terminate(self) -> None:
        """Send SIGTERM, once; the caller calls `kill` if the process takes too long."""
        if not self.is_terminated:
            self.is_terminated = True
            signal_by(self.handle, signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL; after `close` do nothing, for the handle's number may be another file's."""
        if self.handle != _CLOSED:
            signal_by(self.handle, signal.SIGKILL)

    @property
    def has_ended(self) -> bool:
        poller = select.poll()
        poller.register(self.handle, select.POLLIN)
        return bool(poller.poll(0))

    @property
    def is_broken(self) -> bool:
        """Whether the process reports that its tenant cannot be served."""
        return bool(self.board[Field.IS_BROKEN])

    def close(self) -> None:
        os.close(self.handle)
        self.board.close()
        self.handle = _CLOSED


@dataclass
class Fork:
    """An order to a launcher that is not answered yet. log, board: descriptors for the new process.

    order_reader, order_writer: the pipe through which the process reads its `TenantOrder` and then a
    confirmation. It serves nobody before the confirmation, and ends when the pipe is closed without one: when
    a spawner or a zygote dies, no unknown process is left.
    """

    serial: int
    launcher: Any
    log: int
    board: Board
    is_job: bool
    order_reader: int
    order_writer: int

    def confirm(self) -> None:
        """Let the process serve: it is recorded and limited now."""
        os.write(self.order_writer, b"known")

    def close(self) -> None:
        """Close our copies of the descriptors, but keep the board."""
        for descriptor in (self.log, self.order_reader, self.order_writer):
            os.close(descriptor)

    def cancel(self) -> None:
        self.close()
        self.board.close()


@dataclass
class Tenant:
    """host: its own host name; links: further ones. due_at: when its next job is due (monotonic clock).

    woken_for_job_at: when the job was due that woke it last. is_unanswered: the query for it failed.
    retired: former processes that finish their last requests. outdated: why its container is not of the
    server's image. obstacle: why it cannot be started.
    """

    entry: Entry
    host: str
    listener: socket.socket | None = None
    links: tuple[str, ...] = ()
    process: Process | None = None
    fork: Fork | None = None
    due_at: float | None = None
    woken_for_job_at: float = 0.0
    is_unanswered: bool = False
    failures: int = 0
    retired: list[Process] = field(default_factory=list)
    outdated: str = ""
    obstacle: str = ""

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

    def update_board(self) -> None:
        """Write what the process must know at once of a changed label to the board."""
        for holder in (self.process, self.fork, *self.retired):
            if holder:
                self.fill(holder.board)

    def fill(self, board: Board) -> None:
        board[Field.ENTITLED_SINCE] = self.entry.label.entitled_since
        board[Field.SEATS] = self.entry.label.seats
        board[Field.HAS_CRONS] = self.entry.has_crons

    def describe(self) -> dict[str, Any]:
        """The facts of `model.activity.Activity`. Those of the board are untrusted: a tenant writes them."""
        facts: dict[str, Any] = {"name": self.name, "is_awake": self.process is not None}
        facts["is_broken"] = self.failures > 0
        facts |= {"outdated": self.outdated, "obstacle": self.obstacle}
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
    """CPU time and memory as the kernel counts them; private memory, else resident memory."""
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


def pid_of(handle: int) -> int:
    """The process id of a pidfd in our pid namespace; 0 when the process has ended."""
    for line in Path(f"/proc/self/fdinfo/{handle}").read_text(encoding="ascii").splitlines():
        name, _, value = line.partition(":")
        if name == "Pid":
            return max(int(value), 0)
    return 0


def signal_by(handle: int, number: int) -> None:
    """Send a signal by a pidfd: it cannot reach another process that has the same id now."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(handle, number)
