"""Nightly work on many records: in batches, resumable, and one failing record does not stop the rest."""

import logging
from datetime import timedelta

from odoo import fields, models
from odoo.fields import Domain
from odoo.tools import split_every

_logger = logging.getLogger(__name__)

_BATCH = 250
_LEFT_ALONE_HOURS = 12
"""A record that failed is tried again the next night, not by this run, even if it is resumed."""


class SaasSweepMixin(models.AbstractModel):
    _name = "saas.sweep.mixin"
    _inherit = ["saas.activity.mixin"]
    _description = "SaaS Nightly Run Mixin"

    sweep_failed_at = fields.Datetime(
        string="Nightly Run Failed", readonly=True, copy=False, help="It is tried again the next night."
    )

    def _sweep_all(self, *sweeps):
        """Run the sweeps, given as arguments of `_sweep`, in order; if time is up, the cron calls again."""
        if all(self._sweep(*sweep) for sweep in sweeps):
            self.env["ir.cron"]._commit_progress(remaining=0)

    def _sweep(self, domain, act, when=None):
        """Call the method `act` on the records of `domain` in batches; return whether time sufficed.

        when: the method that tells whether a record is due, if a domain cannot. A handled record must no
        longer match `domain` or `when`, so that an interrupted run can continue.
        """
        commit_progress = self.env["ir.cron"]._commit_progress
        due = self.search(Domain(domain) & self._not_failed_lately())._sweep_due(when)
        # One more than the records: the work after this sweep remains, too.
        commit_progress(remaining=len(due) + 1)
        for ids in split_every(_BATCH, due.ids):
            self.browse(ids)._sweep_batch(domain, act, when)
            if not commit_progress(len(ids)):
                return False
        return True

    def _not_failed_lately(self):
        before = fields.Datetime.now() - timedelta(hours=_LEFT_ALONE_HOURS)
        return Domain("sweep_failed_at", "=", False) | Domain("sweep_failed_at", "<", before)

    def _sweep_due(self, when):
        return self.filtered(lambda record: getattr(record, when)()) if when else self

    def _sweep_batch(self, *sweep):
        """The whole batch at once, which is fast; record by record if it fails."""
        try:
            self._sweep_locked(*sweep)
        except Exception:  # `_sweep_one` finds out which record fails, and why
            self.env.cr.rollback()
            _logger.info("One of %d %s failed: trying them one by one", len(self), self._name)
            for record in self:
                record._sweep_one(*sweep)

    def _sweep_one(self, *sweep):
        try:
            self._sweep_locked(*sweep)
        except Exception as error:  # whatever the error is, the others are handled
            self.env.cr.rollback()
            _logger.warning("%s could not be handled", self, exc_info=True)
            self._sweep_failed(error)
        self.env["ir.cron"]._commit_progress()

    def _sweep_locked(self, domain, act, when):
        """Lock, check again, act. Records that are locked by others wait for the next run."""
        due = self.try_lock_for_update(allow_referencing=True).filtered_domain(domain)._sweep_due(when)
        getattr(due, act)()
        self.env.flush_all()

    def _sweep_failed(self, error):
        """Notify operators: a line in the instance's log, and an activity."""
        self.sweep_failed_at = fields.Datetime.now()
        reason = str(error) or type(error).__name__
        summary, instance = self.env._("The nightly run failed"), self._sweep_instance()
        instance._log("error", {instance: f"{self.display_name}: {summary}. {reason}"})
        self._ask_operator(summary, reason)

    def _sweep_instance(self):
        """The instance in whose log to write about this record."""
        raise NotImplementedError
