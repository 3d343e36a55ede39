"""B2: a wizard: an operator gives an instance the data of a backup, after typing its subdomain."""

from odoo import fields, models
from odoo.exceptions import UserError


class SaasInstanceRestore(models.TransientModel):
    _name = "saas.instance.restore"
    _description = "Restore an Instance"

    backup_id = fields.Many2one("saas.backup", required=True, readonly=True, ondelete="cascade")
    instance_id = fields.Many2one(related="backup_id.instance_id", related_sudo=False)
    subdomain = fields.Char(related="instance_id.subdomain", related_sudo=False)
    made_at = fields.Datetime(related="backup_id.made_at", related_sudo=False)
    proof_state = fields.Selection(related="backup_id.proof_state", related_sudo=False)
    restore_s = fields.Float(related="backup_id.restore_s", related_sudo=False)
    typed_name = fields.Char(
        string="Its Subdomain", help="Two customers may have the same name, but never this."
    )

    def action_restore(self):
        self.ensure_one()
        if (self.typed_name or "").strip() != self.subdomain:
            raise UserError(
                self.env._("The subdomain does not match. Type %s to restore it.", self.subdomain)
            )
        return self.instance_id.restore_backup(self.backup_id)
