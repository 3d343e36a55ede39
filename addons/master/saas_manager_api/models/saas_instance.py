"""The API's view of an instance: find it, and start its operations."""

from odoo import Command, api, models
from odoo.addons.saas_manager import gateway
from odoo.addons.saas_manager.exceptions import InvalidState
from odoo.addons.saas_manager.operations import REMOTE

from ..actions import VALUED
from ..exceptions import MissingValue, NoSuchInstance, WrongValue


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

    def _manage_by_api(self, action, reason=None, confirm=None, **values):
        """A3: start an operation, which a job runs. Operations that do not exist yet are refused.

        values: those of `VALUED`, by their fields. Raises MissingValue, WrongValue.
        """
        self.check_access("write")
        if action in VALUED:
            getattr(self, f"_{action}_by_api")(self._needed_by_api(action, values))
            return
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

    def _needed_by_api(self, action, values):
        field = VALUED[action]
        if values.get(field) is None:
            sentence = self.env._("Send '%(field)s' with the action %(action)s.", field=field, action=action)
            raise MissingValue(sentence, fields={field: sentence})
        return values[field]

    def _rename_by_api(self, subdomain):
        self._check_free(subdomain)
        self.change_subdomain(subdomain)

    def _change_plan_by_api(self, code):
        plan = self.env["saas.plan"].search([("code", "=", code)], limit=1)
        if not plan:
            sentence = self.env._("There is no such plan on offer.")
            raise WrongValue(sentence, fields={"plan": sentence})
        self.change_plan(plan)

    def _set_domains_by_api(self, names):
        """Have it answer at these further host names, and at no others."""
        wanted = {gateway.tidy_hostname(name) for name in names}
        known = set(self.hostname_ids.mapped("name"))
        self.hostname_ids.filtered(lambda hostname: hostname.name not in wanted).unlink()
        self.hostname_ids = [Command.create({"name": name}) for name in sorted(wanted - known)]

    def _install_by_api(self, modules):
        self.install_modules(modules)

    def _restore_by_api(self, reference):
        backup = self.backup_ids.filtered(lambda it: it.reference == reference)
        if not backup:
            sentence = self.env._("The instance has no such backup.")
            raise WrongValue(sentence, fields={"backup": sentence})
        self.restore_backup(backup)

    def _move_by_api(self, code):
        server = self.env["saas.server"].search([("code", "=", code)], limit=1)
        if not server:
            sentence = self.env._("There is no such server.")
            raise WrongValue(sentence, fields={"server": sentence})
        self.move_to(server)
