"""The API's view of an instance: find it, and start its operations."""

from odoo import api, models
from odoo.addons.saas_manager.exceptions import InvalidState
from odoo.addons.saas_manager.operations import REMOTE

from ..exceptions import MissingValue, NoSuchInstance


class SaasInstance(models.Model):
    _inherit = "saas.instance"

    @api.model
    def _find_by_api(self, subdomain):
        """The live instance of that name, else the last one that the caller sees. Raises NoSuchInstance."""
        found = self.search([("subdomain", "=", subdomain)])
        if not found:
            raise NoSuchInstance(self.env._("There is no instance %s.", subdomain))
        return (found.filtered(lambda instance: instance.state != "terminated") or found)[0]

    def _manage_by_api(self, action, reason=None, confirm=None):
        """A3: start an operation, which a job runs. Operations that do not exist yet are refused."""
        self.check_access("write")
        if action not in REMOTE:
            raise InvalidState(self.env._("There is no %s for this instance yet.", action))
        if action == "terminate" and confirm != self.subdomain:
            sentence = self.env._("To terminate it, send its subdomain as 'confirm'.")
            raise MissingValue(sentence, fields={"confirm": sentence})
        arguments = {"reason": reason} if action == "suspend" else {}
        getattr(self, f"action_{action}")(**arguments)

    def _forget_password(self):
        """The key that asked for the instance is not told a password that does not work any more."""
        # sudo: users cannot read passwords
        self.sudo().request_ids.api_password_sealed = False
        return super()._forget_password()
