"""The modules that can be installed on a server, by their names for people: what the picker offers."""

from odoo import api, fields, models

from .. import gateway


class SaasModule(models.Model):
    _name = "saas.module"
    _description = "SaaS Module"
    _order = "is_application desc, title, name"
    _rec_names_search = ["title", "name"]

    name = fields.Char(string="Technical Name", required=True, readonly=True)
    title = fields.Char(string="Module", required=True, readonly=True)
    summary = fields.Char(readonly=True)
    is_application = fields.Boolean(string="Application", readonly=True)
    server_id = fields.Many2one("saas.server", required=True, readonly=True, ondelete="cascade", index=True)

    _name_unique = models.UniqueIndex("(server_id, name)", "There is a module with this name already.")

    @api.depends("title", "name")
    def _compute_display_name(self):
        for module in self:
            module.display_name = f"{module.title} ({module.name})"

    @api.model
    def _read_again(self, server):
        """Follow the addons path of a server. Raises UserError if the server does not answer."""
        with gateway.translated():
            found = {values["name"]: values for values in gateway.modules_of(server)}
        # sudo: users read the list, nobody writes it
        known = self.sudo().search([("server_id", "=", server.id)])
        gone = known.filtered(lambda module: module.name not in found)
        for module in known - gone:
            values = found.pop(module.name)
            if any((module[name] or "") != (value or "") for name, value in values.items()):
                module.write(values)
        gone.unlink()
        known.create([{**values, "server_id": server.id} for values in found.values()])
