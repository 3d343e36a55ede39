"""A wizard: an operator reads the last lines of an instance's process log."""

from odoo import api, fields, models

from .. import gateway

_LOGS = ("active", "suspended", "expired")
"""In other states another instance may have its name."""


class SaasInstanceProcessLog(models.TransientModel):
    _name = "saas.instance.process.log"
    _description = "Read the Log of an Instance's Process"

    instance_id = fields.Many2one("saas.instance", required=True, readonly=True, ondelete="cascade")
    text = fields.Text(compute="_compute_text")

    @api.depends("instance_id")
    def _compute_text(self):
        """Read it when it is shown, and do not store it: it may contain personal data of the customer."""
        for wizard in self:
            instance = wizard.instance_id
            instance.check_access("write")
            wizard.text = gateway.process_log(instance) if instance.state in _LOGS else False
