"""The look of the signup page: language, the company's color, prices, addresses."""

import functools
import re
from pathlib import Path
from zlib import adler32

from odoo import api, models
from odoo.addons.saas_manager import gateway
from odoo.tools import format_amount, html2plaintext

from ..words import own_name

_STATIC = Path(__file__).parents[1] / "static" / "src"
_COLOR = re.compile(r"#[0-9a-fA-F]{6}")


@functools.cache
def _version():
    """The version of the style sheet and the script: browsers keep them for a week."""
    return f"{adler32(b''.join(path.read_bytes() for path in sorted(_STATIC.iterdir()))):08x}"


def _text_color_on(color):
    """Black or white, whichever has more contrast on that color (WCAG's relative luminance)."""
    channels = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return "#ffffff" if 1.05 / (luminance + 0.05) >= (luminance + 0.05) / 0.05 else "#000000"


class SaasSignup(models.AbstractModel):
    _inherit = "saas.signup"

    @api.model
    def _language(self, *wanted):
        """The first requested language that is installed, else the company's."""
        installed = [code for code, _name in self.env["res.lang"].get_installed()]
        for code in (it.replace("-", "_").lower() for it in wanted if it):
            same = [it for it in installed if it.lower() == code]
            near = [it for it in installed if it.split("_")[0] == code.split("_")[0]]
            if same or near:
                return (same or near)[0]
        # sudo: visitors cannot read the company's contact
        own = self.env.company.sudo().partner_id.lang
        return own if own in installed else installed[0]

    @api.model
    def _layout_values(self):
        company = self.env.company
        languages = self.env["res.lang"].get_installed()
        accent = company.primary_color or ""
        known = bool(_COLOR.fullmatch(accent))
        return {
            "company": company,
            "provider": {
                "name": self.env["saas.provider"]._name_for(company),
                "email": self.env["saas.provider"]._email_for(company),
            },
            "has_logo": not company.uses_default_logo,
            "accent": accent if known else None,
            "on_accent": _text_color_on(accent) if known else None,
            "version": _version(),
            "lang": self.env.lang or "en_US",
            "busy": self.env._("One moment…"),
            "languages": [(code, own_name(name)) for code, name in languages],
        }

    @api.model
    def _content_policy(self, nonce):
        """The page's Content-Security-Policy, by directive; other captchas extend it."""
        address = gateway.address_settings()
        tenants = f"{address['protocol']}://*.{address['base_domain']}:*"
        return {
            "default-src": ["'none'"],
            "script-src": ["'self'"],
            "style-src": ["'self'", f"'nonce-{nonce}'"],
            "img-src": ["'self'", "data:"],
            "connect-src": ["'self'"],
            # the last step is a form whose POST ends in the new Odoo
            "form-action": ["'self'", tenants],
            "base-uri": ["'none'"],
            "frame-ancestors": ["'none'"],
            "worker-src": ["'self'"],
        }

    @api.model
    def _suffix(self, template):
        # sudo: a stranger sees no server, only the address it gives.
        return f".{gateway.base_domain_of(template.sudo().server_id)}"

    def _money(self, plan, period):
        """A plan's price in the visitor's language, without cents if they are zero."""
        amount, currency = plan.price(period), plan.currency_id
        if not amount:
            return self.env._("Free")
        whole = currency.decimal_places and amount == int(amount)
        return format_amount(self.env, amount, currency, trailing_zeroes=not whole)

    def _about(self, template):
        return html2plaintext(template.description or "").strip()
