"""B1, B3: the backups of an instance, as its server has them, and whether each was proved.

The store is the truth: records follow it, see `_follow`. No record means no backup.
"""

from odoo import api, fields, models

PROOF_STATES = [
    ("not_yet", "Not Yet"),
    ("proved", "Proved"),
    ("unverifiable", "Could Not Be Verified"),
    ("failed", "Failed"),
]


class SaasBackup(models.Model):
    _name = "saas.backup"
    _description = "SaaS Backup"
    _inherit = ["saas.readonly.mixin"]
    _order = "made_at desc, id desc"
    _rec_name = "reference"

    instance_id = fields.Many2one(
        "saas.instance", required=True, readonly=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="instance_id.company_id", store=True, index=True)
    partner_id = fields.Many2one(related="instance_id.partner_id")
    reference = fields.Char(string="Backup", required=True, readonly=True, help="Its name in the store.")
    made_at = fields.Datetime(string="Made", required=True, readonly=True, index=True)
    reason = fields.Selection(
        [
            ("schedule", "Nightly"),
            ("asked", "Asked For"),
            ("terminate", "Final"),
            ("restore", "Before a Restore"),
            ("upgrade", "Before an Upgrade"),
        ],
        required=True,
        readonly=True,
    )
    size_mb = fields.Float(
        string="Size (MB)",
        digits=(16, 1),
        readonly=True,
        help="Of its database, compressed, and its files. Files that other backups have too are stored once.",
    )
    file_count = fields.Integer(string="Files", readonly=True)
    proof_state = fields.Selection(
        PROOF_STATES,
        string="Proof",
        required=True,
        default="not_yet",
        readonly=True,
        index=True,
        help="Proved: it was restored beside, Odoo loaded it, and all records and files are there.",
    )
    proved_at = fields.Datetime(string="Tried", readonly=True, help="When it was last restored for proof.")
    restore_s = fields.Float(
        string="Time to Restore (s)", digits=(12, 1), readonly=True, aggregator="avg", help="As measured."
    )
    proof_detail = fields.Char(string="Finding", readonly=True)
    can_restore = fields.Boolean(compute="_compute_can_restore")

    _reference_unique = models.Constraint("UNIQUE(reference)", "There is a backup with this name already.")

    @api.depends("proof_state", "instance_id.state", "instance_id.operation")
    def _compute_can_restore(self):
        for backup in self:
            instance = backup.instance_id
            is_there = instance.state in ("active", "suspended", "expired") and not instance.operation
            backup.can_restore = is_there and backup.proof_state != "failed"

    def action_restore(self):
        """The dialog in which the restore is confirmed."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id("saas_manager.saas_instance_restore_action")
        return {**action, "context": {"default_backup_id": self.id}}

    def action_prove(self):
        """Restore it beside, now, and look whether all is there."""
        self.instance_id.check_access("write")
        for backup in self:
            backup.instance_id._prove_later(backup.reference)
        return True

    @api.model
    def _follow(self, instance, found):
        """Let the records of an instance follow what there is. found: values by reference."""
        # sudo: only jobs and actions write what the store has
        known = self.sudo().search([("instance_id", "=", instance.id)])
        known.filtered(lambda it: it.reference not in found).unlink()
        there = {backup.reference: backup for backup in known.exists()}
        for reference, values in found.items():
            if reference in there:
                there[reference].write(values)
        new = [
            {"instance_id": instance.id, "reference": reference, **values}
            for reference, values in found.items()
            if reference not in there
        ]
        return self.sudo().create(new)
