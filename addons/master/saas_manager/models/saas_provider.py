"""Who the provider is for customers, and whether the provider can send mails."""

from contextlib import contextmanager

from odoo import api, models
from odoo.tools import config
from odoo.tools.mail import email_domain_extract, email_normalize, formataddr

_NOBODYS_DOMAINS = ("example.com", "example.net", "example.org")
"""RFC 2606: nobody has a mailbox there. Odoo gives such addresses to its own users, such as OdooBot."""
_ON_THIS_MACHINE = "localhost"
"""The mail server that Odoo tries if none is set."""

_SECURITY = {"starttls": "starttls", "ssl": "tls", "none": "none"}
"""Odoo's words for the encryption of a mail server, and the engine's."""


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
    def _shown_for(self, company):
        """Whom the company's customers ask, as `Entitlements` names it."""
        return {
            "provider": self._name_for(company),
            "provider_email": self._email_for(company),
            "provider_url": self._url_for(company),
        }

    @api.model
    @contextmanager
    def _telling_changes(self, companies):
        """Tell instances and pages of what the block changes, if customers see it."""

        def shown():
            return {company: self._shown_for(company) for company in companies}, self._setting("notice")

        before, notice = shown()
        yield
        now, new_notice = shown()
        changed = companies.filtered(lambda company: now[company] != before[company])
        if changed:
            # sudo: whoever may change the provider need not manage all its instances
            self.env["saas.instance"].sudo().search([("company_id", "in", changed.ids)])._entitle_later()
        if changed or new_notice != notice:
            self._tell_pages()

    @api.model
    def _setting(self, name):
        return self._parameter(f"provider_{name}", "").strip()

    @api.model
    def _parameter(self, name, default):
        # sudo: a setting
        return self.env["ir.config_parameter"].sudo().get_param(f"saas.{name}") or default

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
    def _instances_mail_server(self, company):
        """The mail server by which instances send, for `gateway.set_mail_server`; None without one."""
        server, sender = self._mail_server(), self._email_for(company)
        is_wanted = self._parameter("mail_for_instances", "True") == "True"
        if not (is_wanted and server.smtp_host and sender):
            return None
        security, _dot, strict = server.smtp_encryption.partition("_")
        has_login = server.smtp_user and server.smtp_pass
        return {
            "host": server.smtp_host,
            "port": server.smtp_port,
            "sender": sender,
            "security": _SECURITY[security],
            "checks_certificate": bool(strict),
            "user": server.smtp_user if has_login else "",
            "password": server.smtp_pass if has_login else "",
            "per_hour": int(self._parameter("mail_per_hour", "100")),
        }

    @api.model
    def _company_of(self, server):
        """The company that is a server's provider: its own, or the main one for a shared server."""
        return server.company_id or self.env.ref("base.main_company")

    @api.model
    def _tell_pages(self):
        """Show the provider on the pages of addresses that are not served."""
        self._servers()._tell_provider_later()

    @api.model
    def _tell_mail_server(self):
        """Let instances send by the mail server as it is now, or not at all if there is none."""
        self._servers()._tell_mail_server_later()

    @api.model
    def _servers(self):
        # sudo: the servers of all companies
        return self.env["saas.server"].sudo().search([("state", "!=", "disabled")])

    @api.model
    def _mail_obstacle(self, company=None):
        """A sentence that says why no mail can be sent; "" if nothing is known to be missing."""
        if not self._has_mail_server():
            return self.env._("No outgoing mail server is set.")
        if not self._sender_for(company or self.env.company):
            return self.env._("Mails have no sender: the provider's email address is not set.")
        return ""
