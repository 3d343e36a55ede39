"""The modules that can be installed on a server, by their names for people: what the picker offers."""

from odoo import api, fields, models
from odoo.tools import SQL

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
        with gateway.translated(self.env):
            found = {values["name"]: values for values in gateway.modules_of(server)}
        # sudo: users read the list, nobody writes it
        known = self.sudo().search([("server_id", "=", server.id)])
        gone = known.filtered(lambda module: module.name not in found)
        for module in known - gone:
            values = found.pop(module.name)
            if any((module[name] or "") != (value or "") for name, value in values.items()):
                module.write(values)
        gone.unlink()
        known._add(server, found.values())

    @api.model
    def _add(self, server, modules):
        """Add modules. If somebody else does so at this moment, the request is run again, as Odoo's own are.

        Odoo's `create` would end it with an error about the name instead.
        """
        rows = [
            SQL(
                "(%s, %s, %s, %s, %s)",
                values["name"],
                values["title"],
                values.get("summary") or None,
                bool(values.get("is_application")),
                server.id,
            )
            for values in modules
        ]
        if rows:
            columns = SQL("name, title, summary, is_application, server_id")
            added = SQL(
                "INSERT INTO saas_module (%s) VALUES %s ON CONFLICT DO NOTHING", columns, SQL(", ").join(rows)
            )
            self.env.cr.execute(added)
