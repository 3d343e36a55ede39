"""Find the Odoo of a visitor who has one already."""

from urllib.parse import urlsplit

from odoo import api, models
from odoo.addons.saas_manager import gateway


class SaasSignup(models.AbstractModel):
    _inherit = "saas.signup"

    @api.model
    def _login_page_of(self, typed):
        """The login page of the Odoo with this name or address; None if there is none.

        It tells no more than the live check of names, and than the address itself.
        """
        host = self._host_of(typed)
        name = host.partition(".")[0]
        # sudo: visitors cannot read instances
        instances = self.env["saas.instance"].sudo()
        lives = [("state", "in", ("active", "suspended", "expired")), ("url", "!=", False)]
        found = instances.search([("subdomain", "=", name), *lives], limit=1)
        if found and "." in host and urlsplit(found.url).hostname != host:
            found = instances.browse()
        if not found:
            hostname = self.env["saas.instance.hostname"].sudo()
            found = hostname.search([("name", "=", host), ("state", "=", "live")], limit=1).instance_id
        return f"{found.url}/web/login" if found else None

    def _host_of(self, typed):
        """A name, a host name or a whole address, as somebody copies it."""
        text = typed.strip().lower()
        try:
            return urlsplit(text if "//" in text else f"//{text}").hostname or ""
        except ValueError:
            return ""

    @api.model
    def _tenants_origins(self):
        """The origins of the instances of servers with base domains of their own, for a content policy."""
        # sudo: visitors cannot read servers
        servers = self.env["saas.server"].sudo().search([("state", "!=", "disabled")])
        protocol = gateway.address_settings()["protocol"]
        return sorted({f"{protocol}://*.{gateway.base_domain_of(server)}:*" for server in servers})
