"""A wizard: an operator moves an instance to another server."""

from odoo import api, fields, models

from .. import gateway


class SaasInstanceMove(models.TransientModel):
    _name = "saas.instance.move"
    _description = "Move an Instance to Another Server"

    instance_id = fields.Many2one("saas.instance", required=True, readonly=True, ondelete="cascade")
    server_id = fields.Many2one(related="instance_id.server_id", related_sudo=False, string="Present Server")
    url = fields.Char(related="instance_id.url", related_sudo=False, string="Present Address")
    allowed_server_ids = fields.Many2many("saas.server", compute="_compute_allowed_server_ids")
    others = fields.Text(compute="_compute_allowed_server_ids", string="Not Possible")
    target_id = fields.Many2one(
        "saas.server", string="New Server", domain="[('id', 'in', allowed_server_ids)]"
    )
    new_url = fields.Char(compute="_compute_new_url", string="New Address")

    @api.depends("instance_id")
    def _compute_allowed_server_ids(self):
        """The servers that can take it, and why the others cannot."""
        for wizard in self:
            # sudo: instances of all companies use up a server
            lacks = wizard.instance_id.server_id.sudo()._lacks_of_targets(wizard.instance_id)
            wizard.allowed_server_ids = [place.id for place, lack in lacks.items() if not lack]
            wizard.others = "\n".join(f"{place.name}: {lack}" for place, lack in lacks.items() if lack)

    @api.depends("target_id")
    def _compute_new_url(self):
        for wizard in self:
            target, name = wizard.target_id, wizard.instance_id.subdomain
            wizard.new_url = gateway.url_of(name, target) if target else False

    def action_move(self):
        self.ensure_one()
        return self.instance_id.move_to(self.target_id)
