"""An additional host name of an instance, besides <subdomain>.<base domain>."""

import logging

from odoo import api, fields, models
from odoo.addons.queue_job.exception import RetryableJobError
from odoo.exceptions import UserError
from odoo.tools import SQL
from psycopg2.errors import UniqueViolation

from .. import gateway
from ..reasons import in_words_of

_logger = logging.getLogger(__name__)

SERVED = ("verified", "live")
"""The states in which the engine is told of a name."""
_MOST = 50
"""For one instance: each costs a line in its label, and a certificate."""
_AGAIN_S = 5
_TO_LIVE = {
    "pending": ("verify", "serve"),
    "verified": ("serve",),
    "failing": ("retry", "verify", "serve"),
}


class SaasInstanceHostname(models.Model):
    _name = "saas.instance.hostname"
    _description = "SaaS Instance Hostname"
    _inherit = ["saas.lifecycle.mixin", "saas.tidy.mixin"]
    _hostname_fields = ("name",)
    _order = "name"

    name = fields.Char(string="Hostname", required=True)
    instance_id = fields.Many2one("saas.instance", required=True, ondelete="cascade", index=True)
    company_id = fields.Many2one(related="instance_id.company_id", store=True)
    state = fields.Selection(
        [("pending", "Pending"), ("verified", "Verified"), ("live", "Live"), ("failing", "Failing")],
        required=True,
        default="pending",
        readonly=True,
        copy=False,
    )
    state_at = fields.Datetime(
        string="Since", required=True, default=fields.Datetime.now, readonly=True, copy=False
    )
    reason = fields.Char(readonly=True, copy=False, help="Why it is not served.")
    reason_text = fields.Char(string="Reason in Words", compute="_compute_reason_text")

    _once_in_instance = models.Constraint(
        "UNIQUE(instance_id, name)", "This instance has that hostname already."
    )
    _served_once = models.UniqueIndex(
        "(name) WHERE state IN ('verified', 'live')", "This hostname belongs to an instance already."
    )

    @api.depends("reason")
    @api.depends_context("lang")
    def _compute_reason_text(self):
        for hostname in self:
            hostname.reason_text = in_words_of(self.env, hostname.reason)

    @api.constrains("name")
    def _check_name(self):
        for hostname in self:
            gateway.check_hostname(self.env, hostname.name)

    @api.model_create_multi
    def create(self, vals_list):
        hostnames = super().create(vals_list)
        added = hostnames.filtered(lambda hostname: hostname.state == "pending")
        added._check_not_too_many()
        added._serve_later()
        return hostnames

    def write(self, vals):
        if "instance_id" in vals and any(hostname.instance_id.id != vals["instance_id"] for hostname in self):
            raise UserError(self.env._("A hostname stays with its instance. Remove it there first."))
        renamed = self.filtered(
            lambda hostname: hostname.name != self._tidied(vals).get("name", hostname.name)
        )
        renamed._move("change")
        result = super().write(vals)
        renamed._serve_later()
        return result

    def unlink(self):
        told = self.filtered(lambda hostname: hostname.state in SERVED).instance_id
        result = super().unlink()
        told._set_domains_later()
        return result

    def action_retry(self):
        """Try failing ones again."""
        self._move("retry")
        self._serve_later()
        return True

    def _move(self, *actions, **values):
        return super()._move(*actions, **{"state_at": fields.Datetime.now(), "reason": False, **values})

    def _serve_later(self):
        """Let a job verify the names and tell the engine. Obvious objections are raised at once."""
        self.instance_id._set_domains_later()
        with gateway.translated(self.env):
            for instance, hostnames in self.grouped("instance_id").items():
                hostnames._check_held_by_no_other()
                hostnames._check_outside()
                if instance.operation == "set_domains":
                    gateway.check_hostnames(instance, hostnames.mapped("name"))

    def _check_held_by_no_other(self):
        """Raise NameTaken if another instance has one of the names."""
        for hostname in self:
            domain = [("name", "=", hostname.name), ("state", "in", SERVED), ("id", "!=", hostname.id)]
            # sudo: instances of other companies have names, too
            if self.sudo().search_count(domain, limit=1):
                raise gateway.NameTaken(hostname.name)

    def _check_outside(self):
        """Raise InvalidValue if a name is inside the base domain, where the server assigns names."""
        for hostname in self:
            gateway.check_outside(hostname.name, hostname.instance_id._subdomain_server())

    def _check_not_too_many(self):
        for instance in self.instance_id:
            if self.search_count([("instance_id", "=", instance.id)]) > _MOST:
                raise UserError(self.env._("An instance has at most %s further domains.", _MOST))

    # ------------------------------------------------------------ jobs

    def _served_names(self):
        return sorted(hostname.name for hostname in self if hostname.state in SERVED)

    def _live_names(self):
        return sorted(hostname.name for hostname in self if hostname.state == "live")

    def _verify(self):
        """Verify pending names: move them to verified, or to failing if the instance cannot have them.

        There is no proof of ownership: operators who may add a name are trusted.
        """
        waiting = self.filtered(lambda it: it.state in ("pending", "verified"))
        refused = waiting._refusals()
        for hostname in waiting.filtered(lambda it: it not in refused):
            try:
                hostname._check_held_by_no_other()
                hostname._reserve("verify")
            except gateway.NameTaken as error:
                refused[hostname] = gateway.sentence(error)
        self._fail(refused)

    def _refusals(self):
        """The refusals of the engine, a sentence by hostname. It is asked once if all names are free."""
        try:
            if self:
                gateway.check_hostnames(self.instance_id, self.mapped("name"))
        except gateway.HOSTNAME_REFUSED:
            found = {hostname: hostname._refusal() for hostname in self}
            return {hostname: reason for hostname, reason in found.items() if reason}
        return {}

    def _refusal(self):
        try:
            gateway.check_hostnames(self.instance_id, [self.name])
        except gateway.HOSTNAME_REFUSED as error:
            return gateway.sentence(error)
        return ""

    def _reserve(self, *actions):
        """Move the name to a state in which no other instance can have it. Raises NameTaken.

        Raises RetryableJobError while another transaction, such as a long creation, reserves the name:
        waiting for the unique index would block the job's thread.
        """
        lock = SQL(
            "pg_try_advisory_xact_lock('saas_instance_hostname'::regclass::oid::int, hashtext(%s))", self.name
        )
        if not self.env.execute_query(SQL("SELECT %s", lock))[0][0]:
            message = self.env._("%s is being given to an instance at this moment.", self.name)
            raise RetryableJobError(message, seconds=_AGAIN_S, ignore_retry=True)
        try:
            with self.env.cr.savepoint():
                self._move(*actions)
        except UniqueViolation as error:
            raise gateway.NameTaken(self.name) from error

    def _release(self):
        """Make verified names pending again after a failed creation: other instances may have them."""
        verified = self.filtered(lambda hostname: hostname.state == "verified")
        verified._move("release")

    def _go_live(self):
        """Mark as live what the engine now serves."""
        verified = self.filtered(lambda hostname: hostname.state == "verified")
        if verified:
            verified._move("serve")

    def _fail_refused(self):
        """Fail the names that the engine refuses by now, for example after a change of the base domain."""
        self._fail(self.filtered(lambda hostname: hostname.state in SERVED)._refusals())

    def _fail(self, reasons):
        """Mark names as failing, and report them to an operator together. reasons: a sentence by hostname."""
        for hostname, reason in reasons.items():
            hostname._move("fail", reason=reason)
        if reasons:
            told = " ".join(f"{hostname.name}: {reason}" for hostname, reason in reasons.items())
            self.instance_id._emit("instance.hostname_failing", reason=told)

    def _follow(self, is_served, reason):
        """Set the state by whether the engine serves the name; reason: why it may not."""
        if is_served and self.state in _TO_LIVE:
            try:
                return self._reserve(*_TO_LIVE[self.state])
            except gateway.NameTaken as error:
                is_served, reason = False, gateway.sentence(error)
        if not is_served and self.state != "failing":
            self._move("fail", reason=reason)
        return None

    @api.model
    def _add_served(self, instance, name):
        """Make the record of a name that the engine serves, unless another instance has the name."""
        try:
            with self.env.cr.savepoint():
                self.create({"instance_id": instance.id, "name": name, "state": "live"})
        except UniqueViolation:
            _logger.warning("%s answers at %s, which another instance has", instance, name)
