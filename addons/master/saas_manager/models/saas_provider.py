"""Who the provider is for customers, and whether the provider can send mails."""

from odoo import api, models
from odoo.tools import config
from odoo.tools.mail import email_domain_extract, email_normalize, formataddr

_NOBODYS_DOMAINS = ("example.com", "example.net", "example.org")
"""RFC 2606: nobody has a mailbox there. Odoo gives such addresses to its own users, such as OdooBot."""
_ON_THIS_MACHINE = "localhost"
"""The mail server that Odoo tries if none is set."""


class SaasProvider(models.AbstractModel):
    _name = "saas.provider"
    _description = "SaaS Provider"

    # ------------------------------------------------------------ what customers see

    @api.model
    def _name_for(self, company):
        return self._setting("name") or company.name or ""

    @api.model
    def _email_for(self, company):
        """The provider's address, or the company's; "" without a usable one."""
        return self._usable(self._setting("email")) or self._usable(company.email)

    @api.model
    def _url_for(self, company):
        """The page where customers reach the provider; "" if there is none."""
        url = self._setting("url") or company.website or ""
        return url if url.startswith(("https://", "http://")) else ""

    @api.model
    def _sender_for(self, company):
        """The sender of mails: name and address; "" without an address."""
        email = self._email_for(company)
        return formataddr((self._name_for(company), email)) if email else ""

    @api.model
    def _setting(self, name):
        # sudo: a setting
        return (self.env["ir.config_parameter"].sudo().get_param(f"saas.provider_{name}") or "").strip()

    @api.model
    def _usable(self, address):
        """The address, normalized; "" if nobody can have it."""
        found = email_normalize(address or "") or ""
        return found if found and email_domain_extract(found) not in _NOBODYS_DOMAINS else ""

    # ------------------------------------------------------------ sending

    @api.model
    def _mail_server(self):
        """The record of the outgoing mail server, which may be empty. Personal servers are not used."""
        # sudo: only the system's administrators see mail servers
        servers = self.env["ir.mail_server"].sudo()
        return servers.search(servers._find_mail_server_allowed_domain(), limit=1)

    @api.model
    def _has_mail_server(self):
        return bool(self._mail_server()) or config.get("smtp_server") not in (
            None,
            False,
            "",
            _ON_THIS_MACHINE,
        )

    @api.model
    def _mail_obstacle(self, company=None):
        """A sentence that says why no mail can be sent; "" if nothing is known to be missing."""
        if not self._has_mail_server():
            return self.env._("No outgoing mail server is set.")
        if not self._sender_for(company or self.env.company):
            return self.env._("Mails have no sender: the provider's email address is not set.")
        return ""
