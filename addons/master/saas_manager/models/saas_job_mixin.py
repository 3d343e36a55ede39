"""Ends the wait for lost jobs: those found dead too often, cancelled, or deleted by hand."""

import logging

from odoo import api, models
from odoo.addons.queue_job.job import ENQUEUED, PENDING, STARTED, WAIT_DEPENDENCIES

_logger = logging.getLogger(__name__)

_TO_COME = (WAIT_DEPENDENCIES, PENDING, ENQUEUED, STARTED)


class SaasJobMixin(models.AbstractModel):
    _name = "saas.job.mixin"
    _description = "SaaS Job Mixin"

    def _identity_key(self, kind, of=""):
        """The queue's identity key of the record's job of a kind; of: tells several such jobs apart."""
        self.ensure_one()
        return f"{self._name}.{kind}.{self.id}" + (f".{of}" if of else "")

    def _awaited_jobs(self):
        """The kinds of job that can move the record out of its state; empty if the record waits for none."""
        raise NotImplementedError

    def _on_job_failed(self, exc_message="", **_values):
        raise NotImplementedError

    @api.model
    def _under_way_domain(self):
        """The records that wait for a job."""
        raise NotImplementedError

    @api.model
    def _cron_give_up_lost_jobs(self):
        """Fail records whose job was lost: the queue only reports jobs that raised an error."""
        for record in self.search(self._under_way_domain()):
            if not record._has_job_to_come():
                record._give_up_lost_job()

    def _give_up_lost_job(self):
        try:
            with self.env.cr.savepoint():
                self._on_job_failed(self.env._("Its job was lost: found dead, or taken out by hand."))
        except Exception:  # whatever is odd about this one, the others are not left waiting
            _logger.exception("%s waits for a lost job that could not be given up", self)

    def _has_job_to_come(self):
        keys = [self._identity_key(kind) for kind in self._awaited_jobs()]
        domain = [("identity_key", "in", keys), ("state", "in", _TO_COME)]
        # sudo: users who manage instances need not see jobs
        return bool(self.env["queue.job"].sudo().search_count(domain, limit=1))
