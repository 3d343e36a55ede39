from odoo import models
from odoo.addons.saas_agreed import TENANT_MODULE
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..tools import provider

_STAYS = ("installed", "to upgrade", "to install")


class IrModuleModule(models.Model):
    """The provider's module cannot be uninstalled, nor can the modules that it depends on.

    By SQL its row can still be changed: see `saas_process.own_module`.
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
                raise UserError(
                    self.env._("This would uninstall your provider's module, which must stay installed.")
                )


def _stays(vals):
    """Whether the provider's module remains installed, under its name, when these values are written."""
    return vals.get("state", "installed") in _STAYS and vals.get("name", TENANT_MODULE) == TENANT_MODULE
