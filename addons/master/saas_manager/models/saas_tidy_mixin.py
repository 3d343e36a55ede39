from odoo import api, models
from odoo.exceptions import ValidationError

from .. import gateway
from ..faults import CAPTION_SENTENCE, EMAIL_SENTENCE


class SaasTidyMixin(models.AbstractModel):
    """Normalizes addresses and names that people type.

    Email addresses become lower case: they are logins, and people type them either way. Host names get the
    form of the DNS; names of people and companies lose spaces around them. Invalid values are kept unchanged,
    for the model's own checks.
    """

    _name = "saas.tidy.mixin"
    _description = "SaaS Address and Name Mixin"
    _email_fields = ()
    _caption_fields = ()
    _hostname_fields = ()

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._tidied(vals) for vals in vals_list])

    def write(self, vals):
        return super().write(self._tidied(vals))

    def _tidied(self, vals):
        return {
            name: self._tidied_value(name, value) if isinstance(value, str) and value else value
            for name, value in vals.items()
        }

    def _tidied_value(self, name, value):
        if name in self._email_fields:
            return gateway.tidy_email(value)
        if name in self._hostname_fields:
            return gateway.tidy_hostname(value)
        return gateway.tidy_caption(value) if name in self._caption_fields else value

    def _check_emails(self):
        """Raise ValidationError for invalid email addresses."""
        self._check_each(self._email_fields, gateway.is_email, EMAIL_SENTENCE)

    def _check_captions(self):
        """Raise ValidationError for a name that cannot be put into a mail."""
        self._check_each(self._caption_fields, gateway.is_caption, CAPTION_SENTENCE)

    def _check_each(self, names, is_valid, sentence):
        for record in self:
            for name in names:
                field = record._fields[name]
                if (record[name] or field.required) and not is_valid(record[name]):
                    label, fault = field.get_description(self.env)["string"], self.env._(sentence)
                    raise ValidationError(self.env._("%(field)s: %(fault)s", field=label, fault=fault))
