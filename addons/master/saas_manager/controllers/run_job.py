"""Runs a job again when it lost its connection to PostgreSQL, for example because PostgreSQL restarted."""

import time

from odoo.addons.queue_job.controllers.main import RunJobController
from odoo.addons.queue_job.exception import RetryableJobError

from ..exceptions import CONNECTION_LOST

_RESTART_S = 30
_LOOK_S = 0.2
_AGAIN_S = 5
"""Said explicitly: before its first try is counted, the queue would let a job wait for ten minutes."""


class LostConnectionController(RunJobController):
    @classmethod
    def _try_perform_job(cls, env, job):
        """Ask the queue to retry. It cannot see the cause: the job's savepoint hides the original error."""
        try:
            return super()._try_perform_job(env, job)
        except CONNECTION_LOST as error:
            if not env.cr.closed:
                raise
            cls._wait_for_postgresql(env.registry)
            raise RetryableJobError(str(error).strip(), seconds=_AGAIN_S) from error
        except RetryableJobError:
            # The engine may have lost its connections before the job lost its own.
            cls._wait_for_postgresql(env.registry)
            raise

    @staticmethod
    def _wait_for_postgresql(registry):
        """Wait, so that the job can be marked as pending. Otherwise only `job_runner` would find it dead."""
        deadline = time.monotonic() + _RESTART_S
        while time.monotonic() < deadline:
            try:
                return registry.cursor().close()
            except CONNECTION_LOST:
                time.sleep(_LOOK_S)
