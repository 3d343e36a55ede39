from odoo import api, models

from .. import gateway


class SaasEmailMixin(models.AbstractModel):
    """Addresses are kept in lower case: they are logins, and people type them either way."""

    _name = "saas.email.mixin"
    _description = "Email Addresses in One Spelling"
    _email_fields = ()

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._with_tidy_emails(vals) for vals in vals_list])

    def write(self, vals):
        return super().write(self._with_tidy_emails(vals))

    def _with_tidy_emails(self, vals):
        return {
            name: gateway.tidy_email(value) if name in self._email_fields and value else value
            for name, value in vals.items()
        }
