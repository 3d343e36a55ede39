"""An operator reads what an instance's process logged last."""

from odoo import api, fields, models

from .. import gateway

_LOGS = ("active", "suspended", "expired")
"""In other states its name may be another's."""


class SaasInstanceProcessLog(models.TransientModel):
    _name = "saas.instance.process.log"
    _description = "Read the Log of an Instance's Process"

    instance_id = fields.Many2one("saas.instance", required=True, readonly=True, ondelete="cascade")
    text = fields.Text(compute="_compute_text")

    @api.depends("instance_id")
    def _compute_text(self):
        """Read when it is looked at, and stored nowhere: it may tell of the customer's people."""
        for wizard in self:
            instance = wizard.instance_id
            instance.check_access("write")
            wizard.text = gateway.process_log(instance) if instance.state in _LOGS else False
