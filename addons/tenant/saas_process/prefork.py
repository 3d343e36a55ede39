"""The processes of one tenant with several processor cores, in a container.

The process that the spawner knows has loaded the registry. It forks workers, which serve visitors, and the
processes for scheduled jobs. It starts anew what ended, decides when the tenant sleeps, and serves nobody
itself. It is the first process of its container: when it ends, the kernel ends the others.
"""

import contextlib
import gc
import logging
import os
import signal
import sys
import threading
import time
from dataclasses import replace

import odoo.sql_db
from odoo.addons.base.models.ir_cron import IrCron
from odoo.addons.saas_agreed import Board, Field

from .alarm import Alarm
from .crons import Crons
from .endings import ASLEEP, BROKEN, OVER_LIMITS, TERMINATED, finish_within_s, is_late

_logger = logging.getLogger(__name__)

_LOOK_S = 1
_MARGIN_S = 0.2


class Member:
    """One of the processes, and the page that it shares with the first one; see `agreed.Board`."""

    def __init__(self, title, main):
        """main: what the process does; it is called with the page, and returns the exit status."""
        self.title = title
        self.page = Board(-1)
        self.pid = None
        self._main = main
        self._may_start_at = 0.0

    def ensure(self):
        """Fork it, unless it runs, or was forked a moment ago."""
        if self.pid is not None or time.monotonic() < self._may_start_at:
            return
        self.page[Field.THREADS] = self.page[Field.WEBSOCKETS] = self.page[Field.JOBS] = 0
        self._may_start_at = time.monotonic() + _LOOK_S
        self.pid = os.fork() or self._run()

    def _run(self):
        status = 70
        try:
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGTERM, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            status = self._main(self.page)
        except BaseException:
            _logger.critical("%s cannot go on", self.title, exc_info=True)
        finally:
            logging.shutdown()
            sys.stderr.flush()
            os._exit(status)

    def send(self, number):
        if self.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    @property
    def is_busy(self):
        return bool(self.page[Field.THREADS] or self.page[Field.WEBSOCKETS])


class Prefork:
    """The first process. It takes the place of a `TenantProcess`, which each worker is."""

    def __init__(self, order, board, process):
        """process: makes a `TenantProcess`, of an order and a page."""
        self.limits, self.board, self.is_for_jobs = order.limits, board, order.is_for_jobs
        self.alarm = Alarm()
        self.status = None
        self.used_at = time.monotonic()
        share = replace(order, limits=replace(order.limits, idle_s=0), is_for_jobs=False)
        bell = Alarm()  # workers ring it when they plan a job

        def serve(page):
            IrCron._notifydb = lambda _model: bell.ring()
            return process(share, page).run()

        def run_jobs(page):
            return Jobs(order, board, page, bell).run()

        self.workers = [Member("a worker", serve) for _ in range(self.limits.workers)]
        self.jobs = [Member("a process for jobs", run_jobs) for _ in range(self.limits.crons)]
        self.members = [*self.workers, *self.jobs]

    def run(self):
        limits = self.limits
        _logger.info(
            "%d workers with %d threads, %d connections and %d MB each; %d processes for jobs",
            *(limits.workers, limits.threads, limits.connections, limits.recycle_bytes >> 20, limits.crons),
        )
        self._become_forkable()
        self.alarm.ring_on_signals()
        signal.signal(signal.SIGTERM, self._on_sigterm)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        while self.status is None:
            for member in self.members:
                member.ensure()
            self.alarm.wait(min(_LOOK_S, limits.idle_s or _LOOK_S))
            self._reap()
            self._tell()
            self.status = self._decide() if self.status is None else self.status
        self._end_members()
        return self.status

    @staticmethod
    def _become_forkable():
        odoo.sql_db.close_all()
        if threading.active_count() > 1:
            raise RuntimeError("threads would be lost by forking")
        gc.collect()
        gc.freeze()

    def _on_sigterm(self, _number, _frame):
        self.status = ASLEEP if self.board[Field.IS_RETIRED] else TERMINATED

    def _reap(self):
        """Note which members have ended; also reap what their programs left behind."""
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if not pid:
                    return
                for member in self.members:
                    if member.pid == pid:
                        member.pid = None
                        if self.status is None:
                            _logger.warning("%s ended: %d", member.title, os.waitstatus_to_exitcode(status))

    def _tell(self):
        """Tell the spawner what all of them do."""
        pages = [member.page for member in self.workers]
        for field in (Field.REQUESTS, Field.THREADS, Field.WEBSOCKETS):
            self.board[field] = sum(page[field] for page in pages)
        self.board[Field.LAST_REQUEST_NS] = max(page[Field.LAST_REQUEST_NS] for page in pages)
        self.board[Field.JOBS] = any(member.page[Field.JOBS] for member in self.jobs)

    def _decide(self):
        """The status with which to end; None to go on."""
        if self.board[Field.IS_BROKEN]:
            return BROKEN
        return ASLEEP if self._may_sleep() else None

    def _may_sleep(self):
        """See `TenantProcess._may_sleep`."""
        now, limits = time.monotonic(), self.limits
        if any(member.is_busy for member in self.workers):
            self.used_at = now
            return False
        if self.board[Field.HAS_CRONS] and any(map(self._keeps_awake, self.jobs)):
            return False
        if self.is_for_jobs and not self.board[Field.REQUESTS]:
            return True
        used_at = max(self.used_at, self.board[Field.LAST_REQUEST_NS] / 10**9)
        return bool(limits.idle_s) and now - used_at >= limits.idle_s

    def _keeps_awake(self, member):
        """Whether a job runs, is due soon, or may be: the process has not looked yet."""
        page, soon_ns = member.page, time.monotonic_ns() + int(self.limits.stay_for_job_s * 10**9)
        return page[Field.JOBS] or not page[Field.HAS_CRONS] or 0 < page[Field.DUE_NS] < soon_ns

    def _end_members(self):
        """Let them finish their requests; a process for jobs ends at once."""
        deadline = time.monotonic() + finish_within_s(self.status, self.board) + _MARGIN_S
        for member in self.members:
            member.page[Field.IS_RETIRED] = self.status != TERMINATED
            member.send(signal.SIGTERM)
        while any(member.pid for member in self.members) and time.monotonic() < deadline:
            self.alarm.wait(_MARGIN_S)
            self._reap()
        for member in self.members:
            member.send(signal.SIGKILL)


class Jobs:
    """A process that runs the tenant's jobs. `HAS_CRONS` of its page says that it has looked for them."""

    def __init__(self, order, board, page, bell):
        """board: the spawner's. bell: is rung when a worker has planned a job."""
        self.order, self.board, self.page, self.bell = order, board, page, bell
        self.crons = None

    def run(self):
        self.page[Field.HAS_CRONS] = 0
        while not (self.crons and is_late(self.crons, self.order.limits)):
            if self.crons is None and self.board[Field.HAS_CRONS]:
                first_run_s = 0 if self.order.is_for_jobs else _LOOK_S
                self.crons = Crons(self.order.name, self.page, first_run_s, on_idle=self._has_looked)
                self.crons.start()
            if self.bell.wait(_LOOK_S) and self.crons:
                self.crons.wake()
        _logger.error("a job ran for too long; its process ends")
        return OVER_LIMITS

    def _has_looked(self):
        self.page[Field.HAS_CRONS] = 1
