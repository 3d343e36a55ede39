"""The modules of a template, chosen by their names for people in a dialog."""

from odoo import models
from odoo.exceptions import UserError

from .. import gateway
from .saas_template import module_names


class SaasTemplate(models.Model):
    _inherit = "saas.template"

    def action_open_choose_modules(self):
        """The dialog: the modules that there are now where it is built, and those of its recipe."""
        self.ensure_one()
        self.check_access("write")
        server = self._building_server()
        self.env["saas.module"]._read_again(server)
        chosen = self._modules_of(server).filtered(lambda module: module.name in module_names(self.modules))
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "saas_manager.saas_template_choose_modules_action"
        )
        defaults = {"template_id": self.id, "server_id": server.id, "module_ids": chosen.ids}
        return {**action, "context": {f"default_{name}": value for name, value in defaults.items()}}

    def _building_server(self):
        """The server that builds it: its own, else the installation's of its series, an active one first.

        Raises UserError if the back office does not know one.
        """
        own = [
            ("address", "in", (False, "")),
            ("series", "=", self.series),
            ("runtime", "in", gateway.RUNTIMES),
            ("company_id", "in", (False, self.company_id.id)),
        ]
        servers = self.server_id or self.env["saas.server"].search(own)
        server = servers.sorted(lambda it: it.state != "active")[:1]
        if not server:
            raise UserError(
                self.env._("There is no server to build on. Add one first: Configuration, Servers.")
            )
        return server

    def _modules_of(self, server):
        return self.env["saas.module"].search([("server_id", "=", server.id)])

    def _choose_modules(self, chosen, server):
        """Put these into the recipe and keep its order, and names that the server does not know."""
        dropped = set((self._modules_of(server) - chosen).mapped("name"))
        kept = [name for name in module_names(self.modules) if name not in dropped]
        added = [module.name for module in chosen if module.name not in kept]
        self.modules = " ".join([*kept, *added])
