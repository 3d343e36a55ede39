"""A6: keys for the operator's own web site. Everybody can read them there; they only allow signing up."""

import re
import secrets

from odoo import api, fields, models
from odoo.exceptions import ValidationError

_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:\d{1,5})?")


_USUAL_PORT = re.compile(r"^(https://[^/]*):443$|^(http://[^/]*):80$")


def origins_in(text):
    """The origins in a list that was typed by a user."""
    return (text or "").replace(",", " ").split()


def tidy_origins(text):
    """The same list as browsers write origins: in small letters, without a slash or the usual port."""
    bare = (origin.lower().rstrip("/") for origin in origins_in(text))
    return [_USUAL_PORT.sub(r"\1\2", origin) for origin in bare]


class SaasApiKeyPublishable(models.Model):
    _name = "saas.api.key.publishable"
    _inherit = "saas.readonly.mixin"
    _description = "SaaS Publishable Key"
    _order = "name, id"

    name = fields.Char(required=True, help="Where it is used, such as the web site's name.")
    key = fields.Char(
        required=True, readonly=True, copy=False, default=lambda self: f"pk_{secrets.token_urlsafe(24)}"
    )
    active = fields.Boolean(default=True)
    company_id = fields.Many2one("res.company", required=True, default=lambda self: self.env.company)
    origins = fields.Text(
        string="Allowed Origins",
        required=True,
        help="The web sites that may use it, one per line, such as https://www.example.com.",
    )
    request_ids = fields.One2many("saas.instance.request", "publishable_key_id")

    _key_unique = models.UniqueIndex("(key)")

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._tidied(vals) for vals in vals_list])

    def write(self, vals):
        return super().write(self._tidied(vals))

    def _tidied(self, vals):
        return {**vals, "origins": "\n".join(tidy_origins(vals["origins"]))} if vals.get("origins") else vals

    @api.constrains("origins")
    def _check_origins(self):
        for key in self:
            key._check_are_origins(key.origins)

    @api.model
    def _check_are_origins(self, text):
        """Raise ValidationError unless all of them are origins."""
        wrong = [origin for origin in origins_in(text) if not _ORIGIN.fullmatch(origin)]
        if wrong:
            raise ValidationError(
                self.env._(
                    "Not an origin: %(origins)s. Write the protocol and the host, with the port if it "
                    "is not the usual one, and nothing after it: https://www.example.com",
                    origins=", ".join(wrong),
                )
            )

    def _origins(self):
        return {origin for key in self for origin in origins_in(key.origins)}

    @api.model
    def _all_origins(self):
        """All origins from which browsers may call the API."""
        # sudo: a setting
        listed = self.env["ir.config_parameter"].sudo().get_param("saas_api.cors_origins")
        return {*origins_in(listed), *self.search([("active", "=", True)])._origins()}
