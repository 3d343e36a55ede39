from odoo import models
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..tools import provider

_MODULE = "saas_tenant"
_STAYS = ("installed", "to upgrade", "to install")


class IrModuleModule(models.Model):
    """What the provider installed stays; uninstalling what it depends on would take it along, and is refused.

    Past Odoo's models, by SQL, its row can be changed all the same: see `saas_process.own_module`.
    """

    _inherit = "ir.module.module"

    def write(self, vals):
        self._check_own_module([vals] * len(self))
        return super().write(vals)

    def _write_multi(self, vals_list):
        self._check_own_module(vals_list)
        return super()._write_multi(vals_list)

    def unlink(self):
        self._check_own_module([{"state": "uninstalled"}] * len(self))
        return super().unlink()

    def _check_own_module(self, vals_list):
        removing = {
            module.id
            for module, vals in zip(self, vals_list, strict=True)
            if vals.get("state", "installed") not in _STAYS or vals.get("name", _MODULE) != _MODULE
        }
        if removing and provider.public_key():
            self.env.cr.execute(SQL("SELECT id FROM ir_module_module WHERE name = %s", _MODULE))
            if removing & {row[0] for row in self.env.cr.fetchall()}:
                raise UserError(self.env._("This would remove your provider's module, which has to stay."))
