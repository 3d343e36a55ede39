"""I9: a wizard: an administrator terminates an instance, after typing its subdomain."""

from odoo import fields, models
from odoo.exceptions import UserError


class SaasInstanceTerminate(models.TransientModel):
    _name = "saas.instance.terminate"
    _description = "Terminate an Instance"

    instance_id = fields.Many2one("saas.instance", required=True, readonly=True, ondelete="cascade")
    subdomain = fields.Char(related="instance_id.subdomain", related_sudo=False)
    partner_id = fields.Many2one(related="instance_id.partner_id", related_sudo=False)
    url = fields.Char(related="instance_id.url", related_sudo=False)
    database_name = fields.Char(related="instance_id.database_name", related_sudo=False)
    hostname_ids = fields.One2many(related="instance_id.hostname_ids", related_sudo=False)
    final_backup_days = fields.Integer(default=lambda self: self.env["saas.instance"]._final_backup_days())
    without_backup = fields.Boolean(
        string="Without a Final Backup",
        help="If none can be taken, nothing is deleted unless you choose this.",
    )
    typed_name = fields.Char(
        string="Its Subdomain", help="Two customers may have the same name, but never this."
    )

    def action_terminate(self):
        self.ensure_one()
        if (self.typed_name or "").strip() != self.subdomain:
            raise UserError(
                self.env._("The subdomain does not match. Type %s to terminate it.", self.subdomain)
            )
        return self.instance_id.action_terminate(without_backup=self.without_backup)
