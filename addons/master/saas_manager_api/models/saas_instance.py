"""The API's view of an instance: find it, and start its operations."""

from odoo import api, models
from odoo.addons.saas_manager.exceptions import InvalidState
from odoo.addons.saas_manager.operations import REMOTE

from ..exceptions import MissingValue, NoSuchInstance


class SaasInstance(models.Model):
    _inherit = "saas.instance"

    @api.model
    def _find_by_api(self, name):
        """The instance with that id, else the live one of that subdomain, else the last one that the caller
        sees. Raises NoSuchInstance."""
        # sudo: customers may know the ids of their own instances; `search` leaves out those of others
        same = self.sudo().search([("reference", "=", name)]).ids
        found = self.search([("id", "in", same)]) or self.search([("subdomain", "=", name)])
        if not found:
            raise NoSuchInstance(self.env._("There is no instance %s.", name))
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
