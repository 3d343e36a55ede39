"""Run the scheduled jobs of one tenant while it is awake."""

import logging
import threading
import time

import odoo.sql_db
from odoo.addons.base.models.ir_cron import IrCron
from odoo.addons.saas_agreed import NEXT_DUE, Field

_logger = logging.getLogger(__name__)

_LOOK_EVERY_S = 60
_RETRY_S = 10


class Crons(threading.Thread):
    """A thread that runs the due jobs and then waits for the next one.

    due_at: when the next job is due, on the monotonic clock; None when that is unknown or nothing is planned.
    While the database does not answer nothing is due: the process may sleep, and the spawner queries later.
    """

    def __init__(self, database, board, first_run_s, on_idle):
        """first_run_s: the wait before the first run; visitors go first. on_idle: called after each run."""
        super().__init__(name="odoo.service.cron", daemon=True)
        self.database = database
        self.board = board
        self.first_run_s = first_run_s
        self.on_idle = on_idle
        self.is_running = True
        self.due_at = None
        self._woken = threading.Event()
        self.type = "cron"
        self.start_time = None
        IrCron._notifydb = lambda _model: self.wake()

    def wake(self):
        """Run the due jobs now."""
        self._woken.set()

    def is_due_within(self, seconds):
        return self.due_at is not None and self.due_at - time.monotonic() < seconds

    def run(self):
        self._woken.wait(self.first_run_s)
        while True:
            self._woken.clear()
            self.is_running = True
            try:
                self._run_due()
                left_s = self._seconds_left()
                wait_s = _LOOK_EVERY_S if left_s is None else min(left_s, _LOOK_EVERY_S)
            except Exception:
                _logger.warning("the scheduled jobs could not run; retrying later", exc_info=True)
                left_s, wait_s = None, _RETRY_S
            self.due_at = None if left_s is None else time.monotonic() + left_s
            self.board[Field.DUE_NS] = int((self.due_at or 0) * 10**9)
            self.is_running = False
            self.on_idle()
            self._woken.wait(wait_s)

    def _run_due(self):
        self.start_time, self.board[Field.JOBS] = time.time(), 1
        try:
            IrCron._process_jobs(self.database)
        finally:
            self.start_time, self.board[Field.JOBS] = None, 0

    def _seconds_left(self):
        """Seconds until the next job; for a job that is due but could not run, until its next try."""
        with odoo.sql_db.db_connect(self.database).cursor() as cursor:
            cursor.execute(NEXT_DUE)
            (left_s,) = cursor.fetchone()
        return None if left_s is None else max(left_s, 0) or _RETRY_S
