"""Errors of a form, shown at its fields."""

from odoo.addons.saas_manager.exceptions import AS_VALIDATION_ERROR
from odoo.exceptions import ValidationError


class SignupFaults(ValidationError):
    """by_field: a sentence for each field; "" has the one for the whole form.

    suggestions: free names, if the typed one is not.
    """

    context = AS_VALIDATION_ERROR

    def __init__(self, by_field, suggestions=()):
        super().__init__(" ".join(by_field.values()))
        self.by_field = by_field
        self.suggestions = list(suggestions)


class NotHuman(ValidationError):
    """The form was probably sent by a program; the sentence says what people can do."""

    context = AS_VALIDATION_ERROR
