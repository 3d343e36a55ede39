from odoo import models
from odoo.addons.saas_agreed import TENANT_MODULE
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..tools import provider

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
        removing = {module.id for module, vals in zip(self, vals_list, strict=True) if not _stays(vals)}
        if removing and provider.public_key():
            self.env.cr.execute(SQL("SELECT id FROM ir_module_module WHERE name = %s", TENANT_MODULE))
            if removing & {row[0] for row in self.env.cr.fetchall()}:
                raise UserError(self.env._("This would remove your provider's module, which has to stay."))


def _stays(vals):
    """Whether a module of ours that these values are written to is one of ours still."""
    return vals.get("state", "installed") in _STAYS and vals.get("name", TENANT_MODULE) == TENANT_MODULE
