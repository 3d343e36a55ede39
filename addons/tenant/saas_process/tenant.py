"""A tenant's process, from the fork to its end: confine it, serve the tenant, end when it is idle."""

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
from .drawing import draw
from .endings import ASLEEP, BROKEN, OVER_LIMITS, TERMINATED, UNKNOWN, finish_within_s, is_late
from .mail import connect_by
from .prefork import Prefork
from .serving import TenantServer, listen_on_loopback, refuse_all

_logger = logging.getLogger(__name__)

_REFUSE_FOR_S = 5
_CHECK_EVERY_S = 5


def run(registry, spawner, descriptors, *, is_contained=False):
    """Run as the process of one tenant; return the exit status.

    spawner: a pipe with the spawner's `TenantOrder` in one line, and later its confirmation that it has
    recorded this process. descriptors: the listening socket, the log, the shared page. is_contained: it is
    the first process of a container, which also limits it and gives it its user.
    """
    order = TenantOrder.from_line(spawner.readline())
    listener_fd, log_fd, board_fd = descriptors
    os.dup2(log_fd, 1)
    os.dup2(log_fd, 2)
    board = Board(board_fd)
    loopback = listen_on_loopback() if is_contained else None
    _confine(order, [listener_fd, spawner.fileno(), *([loopback.fileno()] if loopback else [])], is_contained)
    listener = socket.socket(fileno=listener_fd)
    take_over(registry, order)
    facts.set_facts(order, board)
    try:
        Registry(order.name).check_signaling()
    except Exception:
        _logger.critical("%s cannot be loaded", order.name, exc_info=True)
        board[Field.IS_BROKEN] = 1
        if spawner.read(1):
            refuse_all(listener, _REFUSE_FOR_S)
        return BROKEN
    if order.is_successor:
        board[Field.FIRST_PAGE] = first_page(order.name)
    if not spawner.read(1):
        _logger.warning("the spawner has ended before it recorded this process; the process ends")
        return UNKNOWN
    if order.limits.workers > 1:
        return Prefork(order, board, lambda share, page: TenantProcess(share, listener, page, loopback)).run()
    return TenantProcess(order, listener, board, loopback).run()


def first_page(name):
    """Draw the login page; return its status."""
    try:
        return draw(name, "/web/login", "en-US")
    except Exception:
        _logger.critical("%s cannot draw its first page", name, exc_info=True)
        return 500


def _confine(order, keep, is_contained):
    memory_bytes = None if is_contained else order.limits.memory_bytes
    protection = confine(
        order.uid,
        order.gid,
        readable=["/"] if is_contained else [*SYSTEM_PATHS, *order.readable],
        writable=[order.folder, *(["/tmp"] if is_contained else [])],
        limits=Limits(memory_bytes=memory_bytes, tasks=order.limits.tasks, open_files=1024),
        keep=keep,
    )
    if protection.missing:
        _logger.warning("%s runs without these protections: %s", order.name, ", ".join(protection.missing))


def take_over(registry, order):
    """Turn the zygote's registry into the tenant's, with the tenant's role and folder."""
    name = order.name
    patches.serve(name, order.folder, order.password)
    reports.set_proxy(order.front)
    config["db_maxconn"] = order.limits.connections
    set_mail_server(order.mail)
    tempfile.tempdir = os.environ["TMPDIR"] = patches.temporary_folder()
    os.environ["HOME"] = order.folder
    threading.current_thread().dbname = name
    odoo.sql_db._Pool = None
    Registry.registries.clear()
    if registry is not None:
        registry.db_name, registry._db = name, odoo.sql_db.db_connect(name)
        Registry.registries[name] = registry


def set_mail_server(mail):
    """Let Odoo send by the provider's relay, unless its administrator sets another server. mail: or None."""
    if mail:
        config["smtp_server"], config["smtp_port"] = mail.host, mail.port
        config["smtp_user"], config["smtp_password"] = mail.user, mail.password
        if mail.socket:
            connect_by(mail.socket, (mail.host, mail.port))


class TenantProcess:
    """Serves requests and runs scheduled jobs; ends when it is idle, over its limits, or asked to."""

    def __init__(self, order, listener, board, loopback=None):
        """loopback: a second listening socket, for programs of the tenant's own container."""
        self.name = order.name
        self.limits = order.limits
        self.server = TenantServer(listener, board, self.limits, loopback)
        self.crons = None
        self.board = board
        self.began = time.monotonic()
        self.status = ASLEEP
        self.is_only_for_jobs = order.is_for_jobs

    def run(self):
        self.server.alarm.ring_on_signals()
        signal.signal(signal.SIGTERM, self._on_sigterm)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self.server.run(self._check)
        self.server.close_websockets_and_wait(finish_within_s(self.status, self.board))
        return self.status

    def _on_sigterm(self, _number, _frame):
        self._end(ASLEEP if self.board[Field.IS_RETIRED] else TERMINATED)

    def _end(self, status):
        self.status = status
        self.server.stop_accepting()

    def _check(self):
        """End the process if it should end; return the seconds until the next check."""
        if self.crons is None and self.board[Field.HAS_CRONS]:
            first_run_s = 0 if self.is_only_for_jobs else _CHECK_EVERY_S
            self.crons = Crons(self.name, self.board, first_run_s, on_idle=self.server.alarm.ring)
            self.crons.start()
        if self.board[Field.IS_BROKEN]:
            self._end(BROKEN)
        elif self._is_over_its_limits():
            self._end(OVER_LIMITS)
        elif self._may_sleep():
            self._end(ASLEEP)
        return min(_CHECK_EVERY_S, self.limits.idle_s or _CHECK_EVERY_S)

    def _may_sleep(self):
        """Whether no request came for a while, no job runs, and none is due soon."""
        workers, crons = self.server.workers, self.crons
        if workers.are_busy:
            return False
        if crons and (crons.is_running or crons.is_due_within(self.limits.stay_for_job_s)):
            return False
        if self.is_only_for_jobs and workers.idle_since is None:
            return True
        if not self.limits.idle_s:
            return False
        return time.monotonic() - (workers.idle_since or self.began) >= self.limits.idle_s

    def _is_over_its_limits(self):
        """Whether a request or a job runs for too long, or the idle process has grown too large."""
        late = [thread for thread in threading.enumerate() if is_late(thread, self.limits)]
        if late:
            _logger.error("%s ran for too long; the process ends", ", ".join(t.name for t in late))
            dumpstacks(thread_idents=[thread.ident for thread in late])
        return bool(late) or (not self.server.workers.are_busy and self._has_grown())

    def _has_grown(self):
        resident = int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
        if resident > self.limits.recycle_bytes:
            _logger.info(
                "the process uses %d MB; it ends, and the next request starts a new one", resident >> 20
            )
            return True
        return False
