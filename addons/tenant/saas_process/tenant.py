"""A tenant's process, from the fork to its end: confined, then served, then asleep again."""

import logging
import os
import resource
import signal
import socket
import tempfile
import threading
import time
from pathlib import Path

import odoo.sql_db
from odoo.addons.saas_agreed import Board, Field, TenantOrder
from odoo.modules.registry import Registry
from odoo.tools import config
from odoo.tools.misc import dumpstacks

from . import facts, patches, reports
from .confinement import SYSTEM_PATHS, Limits, confine
from .crons import Crons
from .serving import TenantServer, refuse_all

_logger = logging.getLogger(__name__)

ASLEEP, TOO_LONG, BROKEN, TOLD_TO_END, UNKNOWN = 0, 3, 4, 5, 6
"""How a process ends."""

_REFUSE_FOR_S = 5
_LEAVE_S = 5
_LEAVE_AT_ONCE_S = 1
_LOOK_AROUND_S = 5


def run(registry, spawner, descriptors):
    """Be the process of one tenant; return its exit status.

    spawner: a pipe on which it says in one line what the tenant is, a `TenantOrder`, and then that it has
    noted this process. descriptors: the listening socket, the log, the shared page.
    """
    order = TenantOrder.from_line(spawner.readline())
    listener_fd, log_fd, board_fd = descriptors
    os.dup2(log_fd, 1)
    os.dup2(log_fd, 2)
    board = Board(board_fd)
    limits = order.limits
    protection = confine(
        order.uid,
        order.gid,
        readable=(*SYSTEM_PATHS, *order.readable),
        writable=[order.folder],
        limits=Limits(memory_bytes=limits.memory_bytes, tasks=limits.tasks, open_files=1024),
        keep=(listener_fd, spawner.fileno()),
    )
    if protection.missing:
        _logger.warning("%s runs without: %s", order.name, ", ".join(protection.missing))
    listener = socket.socket(fileno=listener_fd)
    take_over(registry, order)
    facts.tell(order, board)
    try:
        Registry(order.name).check_signaling()
    except Exception:
        _logger.critical("%s cannot be loaded", order.name, exc_info=True)
        board[Field.IS_BROKEN] = 1
        if spawner.read(1):
            refuse_all(listener, _REFUSE_FOR_S)
        return BROKEN
    if not spawner.read(1):
        _logger.warning("the spawner is gone, and does not know of this process; it ends")
        return UNKNOWN
    return Life(order, listener, board).live()


def take_over(registry, order):
    """Make the zygote's registry the tenant's: over its own role, in its own folder."""
    name = order.name
    patches.serve(name, order.folder, order.password)
    reports.reach_through(order.front)
    config["db_maxconn"] = order.limits.connections
    tempfile.tempdir = os.environ["TMPDIR"] = patches.temporary_folder()
    os.environ["HOME"] = order.folder
    threading.current_thread().dbname = name
    odoo.sql_db._Pool = None
    Registry.registries.clear()
    if registry is not None:
        registry.db_name, registry._db = name, odoo.sql_db.db_connect(name)
        Registry.registries[name] = registry


class Life:
    """Serves, runs what is due, and ends when there is nothing to do, or when it must."""

    def __init__(self, order, listener, board):
        self.name = order.name
        self.limits = order.limits
        self.server = TenantServer(listener, board, self.limits)
        self.crons = None
        self.board = board
        self.began = time.monotonic()
        self.status = ASLEEP
        self.is_only_for_jobs = order.is_for_jobs

    def live(self):
        signal.signal(signal.SIGTERM, self._told_to_end)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.server.run(self._look_around)
        self.server.say_goodbye(_LEAVE_AT_ONCE_S if self.status == TOLD_TO_END else _LEAVE_S)
        return self.status

    def _told_to_end(self, _number, _frame):
        self._end(TOLD_TO_END)

    def _end(self, status):
        self.status = status
        self.server.leave()

    def _look_around(self):
        """Decide whether to go on; in how many seconds to look again."""
        if self.crons is None and self.board[Field.HAS_CRONS]:
            first_look_s = 0 if self.is_only_for_jobs else _LOOK_AROUND_S
            self.crons = Crons(self.name, self.board, first_look_s, on_rest=self.server.wake)
            self.crons.start()
        if self.board[Field.IS_BROKEN]:
            self._end(BROKEN)
        elif self._is_over_its_limits():
            self._end(TOO_LONG)
        elif self._may_sleep():
            self._end(ASLEEP)
        return min(_LOOK_AROUND_S, self.limits.idle_s)

    def _may_sleep(self):
        """Nobody asked for a while, no job runs, and none is due so soon that it had to be woken for it."""
        workers, crons = self.server.workers, self.crons
        if workers.are_at_work:
            return False
        if crons and (crons.is_running or crons.is_due_within(self.limits.stay_for_job_s)):
            return False
        if self.is_only_for_jobs and workers.rested_at is None:
            return True
        return time.monotonic() - (workers.rested_at or self.began) >= self.limits.idle_s

    def _is_over_its_limits(self):
        """What runs too long, or a process that has grown too large, ends with the process."""
        now = time.time()
        late = [thread for thread in threading.enumerate() if self._is_late(thread, now)]
        if late:
            _logger.error("%s ran for too long; the process ends", ", ".join(t.name for t in late))
            dumpstacks(thread_idents=[thread.ident for thread in late])
        return bool(late) or (not self.server.workers.are_at_work and self._has_grown())

    def _is_late(self, thread, now):
        began = getattr(thread, "start_time", None)
        kind = getattr(thread, "type", None)
        limit_s = self.limits.job_s if kind == "cron" else self.limits.request_s
        return bool(began) and kind in ("cron", "http") and now - began > limit_s

    def _has_grown(self):
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
        if resident > self.limits.recycle_bytes:
            _logger.info("%d MB are in use; the process ends and begins anew", resident >> 20)
            return True
        return False
