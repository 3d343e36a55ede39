"""An additional host name of an instance, besides <subdomain>.<base domain>."""

from odoo import api, fields, models
from odoo.exceptions import UserError
from psycopg2.errors import UniqueViolation

from .. import gateway

SERVED = ("verified", "live")
"""The states in which the engine is told to serve a name."""
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
    _action_fields = frozenset({"state", "state_at", "reason"})
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

    _once_in_instance = models.Constraint(
        "UNIQUE(instance_id, name)", "This instance has that hostname already."
    )
    _served_once = models.UniqueIndex(
        "(name) WHERE state IN ('verified', 'live')", "This hostname belongs to an instance already."
    )

    @api.constrains("name")
    def _check_name(self):
        for hostname in self:
            gateway.check_hostname(hostname.name)

    @api.model_create_multi
    def create(self, vals_list):
        hostnames = super().create(vals_list)
        hostnames.filtered(lambda hostname: hostname.state == "pending")._serve_later()
        return hostnames

    def write(self, vals):
        if "instance_id" in vals and any(hostname.instance_id.id != vals["instance_id"] for hostname in self):
            raise UserError(self.env._("A hostname stays with its instance. Remove it there first."))
        if "name" in vals:
            self._move("change")
        result = super().write(vals)
        if "name" in vals:
            self._serve_later()
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
        with gateway.translated():
            for instance, hostnames in self.grouped("instance_id").items():
                hostnames._check_held_by_no_other()
                if instance.operation == "set_domains":
                    gateway.check_hostnames(instance, hostnames.mapped("name"))

    def _check_held_by_no_other(self):
        """Raise NameTaken if another instance has one of the names."""
        for hostname in self:
            domain = [("name", "=", hostname.name), ("state", "in", SERVED), ("id", "!=", hostname.id)]
            # sudo: instances of other companies have names, too
            if self.sudo().search_count(domain, limit=1):
                raise gateway.NameTaken(hostname.name)

    # ------------------------------------------------------------ jobs

    def _served_names(self):
        return sorted(hostname.name for hostname in self if hostname.state in SERVED)

    def _verify(self):
        """Verify pending names: move them to verified, or to failing if the instance cannot have them.

        There is no proof of ownership: operators who may add a name are trusted.
        """
        for hostname in self.filtered(lambda it: it.state in ("pending", "verified")):
            try:
                hostname._check_held_by_no_other()
                gateway.check_hostnames(hostname.instance_id, [hostname.name])
                hostname._reserve()
            except gateway.HOSTNAME_REFUSED as error:
                hostname._fail(gateway.sentence(error))

    def _reserve(self):
        """Reserve the names for this instance. Raises NameTaken."""
        try:
            with self.env.cr.savepoint():
                self._move("verify")
        except UniqueViolation as error:
            raise gateway.NameTaken(self.name) from error

    def _go_live(self):
        """Mark as live what the engine now serves."""
        verified = self.filtered(lambda hostname: hostname.state == "verified")
        if verified:
            verified._move("serve")

    def _fail(self, reason):
        """Mark as failing: the name is not served, and the operators get an activity."""
        self._move("fail", reason=reason)
        self.instance_id._emit("instance.hostname_failing", reason=f"{self.name}: {reason}")

    @api.model
    def _follow(self, instance, names, reason):
        """Note which names the engine really serves; reason: why it may lack the others.

        names: as the engine reports them; None if it reports nothing.
        """
        known = instance.sudo().hostname_ids
        names = known.filtered(lambda it: it.state == "live").mapped("name") if names is None else names
        for hostname in known:
            if hostname.name in names and hostname.state in _TO_LIVE:
                hostname._move(*_TO_LIVE[hostname.state])
            elif hostname.name not in names and hostname.state != "failing":
                hostname._move("fail", reason=reason)
        more = [name for name in names if name not in known.mapped("name")]
        # sudo: as a job does
        self.sudo().create([{"instance_id": instance.id, "name": name, "state": "live"} for name in more])
