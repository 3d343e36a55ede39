"""I13: an instance that lives learns its present plan, however fast plans change."""

from contextlib import contextmanager

from odoo import models
from odoo.addons.queue_job.exception import RetryableJobError

from .. import gateway

_SOON_S = 2


class SaasInstance(models.Model):
    _inherit = "saas.instance"

    def _entitle_later(self):
        """Have each that lives know its present plan, once this is committed.

        A job for each transaction: one that waits already may begin before this is committed, and not see it.
        """
        self.env.cr.execute("SELECT pg_current_xact_id()::text")
        (transaction,) = self.env.cr.fetchone()
        for instance in self.filtered(lambda i: i._knows_its_plan()):
            description = self.env._("Sign the entitlements of %s", instance.name)
            instance._enqueue("_entitle", description, of=transaction)

    def _entitle(self):
        """Job: sign what the instance may use, and write it into it."""
        self.ensure_one()
        with self._as_it_is_now() as instance:
            if not instance._knows_its_plan():
                return self.env._("Nothing to do: %s does not exist any more.", self.name)
            if instance.operation == "rename":
                message = self.env._("%s is being renamed.", self.name)
                raise RetryableJobError(message, seconds=_SOON_S, ignore_retry=True)
            with gateway.retrying():
                gateway.entitle(instance)

    def _knows_its_plan(self):
        return self.state in ("active", "suspended", "expired")

    @contextmanager
    def _as_it_is_now(self):
        """The record and its plan as they are committed, for one job after the other.

        A job's own transaction may be older than what another job has told the instance meanwhile.
        """
        registry = self.env.registry
        with registry.cursor() as turn, registry.cursor() as cursor:
            turn.execute("SELECT pg_advisory_xact_lock(hashtext('saas.instance._entitle'), %s)", [self.id])
            yield self.with_env(self.env(cr=cursor))

    def _on_entitle_failed(self, exc_message="", **_values):
        """Called by the queue; what else is being done with the instance goes on."""
        for instance in self:
            reason = str(exc_message) or self.env._("An unexpected error; see the job.")
            instance._emit("instance.not_entitled", reason=reason)
