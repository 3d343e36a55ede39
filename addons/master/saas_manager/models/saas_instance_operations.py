"""What is done with an instance that stays active: other names, modules."""

from odoo import fields, models
from odoo.exceptions import UserError

from .. import gateway
from ..exceptions import InvalidState
from ..operations import ENGINE, OPERATIONS


class SaasInstance(models.Model):
    _inherit = "saas.instance"

    wanted = fields.Char(
        readonly=True, copy=False, help="Of what is under way: the new subdomain, or the modules."
    )

    # ------------------------------------------------------------ actions

    def change_subdomain(self, subdomain):
        """Move to another address; the record follows when the engine has done it."""
        self.ensure_one()
        self.check_access("write")
        self._check_is_running()
        is_free, message = self._judge_subdomain(subdomain)
        if not is_free:
            raise UserError(message or self.env._("Type the new subdomain."))
        return self._intend("rename", wanted=subdomain)

    def install_modules(self, modules):
        """Install modules, a list of technical names, and what they depend on."""
        self.check_access("write")
        self._check_is_running()
        with gateway.translated():
            gateway.check_modules(self, modules)
        return self._intend("install", wanted=" ".join(modules))

    def _check_is_running(self):
        for instance in self.filtered(lambda i: i.run_state == "stopped" and i.state == "active"):
            raise InvalidState(self.env._("%s is stopped. Start it first.", instance.name))

    def _set_domains_later(self):
        """Its hostnames have changed: note that, once in a transaction, and let a job tell the engine."""
        noted = self._domains_noted()
        for instance in self.filtered(lambda i: i.state in ENGINE["set_domains"].before):
            if not (instance.operation == "set_domains" and instance.id in noted):
                instance._intend("set_domains")
                noted.add(instance.id)

    def _domains_noted(self):
        """The instances whose changed hostnames were noted in this transaction."""
        return self.env.cr.precommit.data.setdefault("saas_manager.domains", set())

    # ------------------------------------------------------------ jobs

    def _rename_in_steps(self, log):
        renamed = gateway.rename(self, self.wanted, log.on_step)
        self._done("rename", **self._names(renamed))
        message = self.env._("It is now at %s.", renamed.url)
        self.message_post(body=message)
        return message

    def _names(self, found):
        return {"subdomain": found.name, "database_name": found.name, "url": found.url}

    def _set_domains_at_once(self, log):
        self.hostname_ids._verify()
        gateway.set_hostnames(self)
        self.hostname_ids._go_live()
        self._done("set_domains")
        names = ", ".join(self.hostname_ids._served_names())
        message = self.env._("It answers at %s, too.", names) if names else self.env._("No further domain.")
        log.tell("info", message)
        return message

    def _install_at_once(self, log):
        installed = gateway.install_modules(self, self.wanted.split())
        self._done("install")
        names = ", ".join(installed)
        message = self.env._("Installed: %s.", names) if names else self.env._("They were there already.")
        log.tell("info", message)
        self.message_post(body=message)
        return message

    def _fail(self, reason):
        if self.operation and OPERATIONS[self.operation].only_engine_knows:
            self._follow_engine(reason)
        return super()._fail(reason)

    def _follow_engine(self, reason):
        """Note which names it has in truth: a lost job may have got to its end, or nowhere."""
        found = gateway.find(self)
        if found and self.operation == "rename":
            # sudo: names of what exists are written by actions only.
            self.sudo().write(self._names(found))
        elif self.operation == "set_domains":
            self.hostname_ids._follow(self, found.hostnames if found else None, reason)
