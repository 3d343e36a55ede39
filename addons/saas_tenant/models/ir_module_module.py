from odoo import models
from odoo.exceptions import UserError

from ..tools import provider


class IrModuleModule(models.Model):
    _inherit = "ir.module.module"

    def write(self, vals):
        """What the provider installed stays, and with it whatever it depends on."""
        removes = vals.get("state") == "to remove" and "saas_tenant" in self.mapped("name")
        if removes and provider.public_key():
            raise UserError(self.env._("This would remove your provider's module, which has to stay."))
        return super().write(vals)
