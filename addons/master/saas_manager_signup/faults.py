"""What is wrong with a form, told at its fields."""

from odoo.exceptions import ValidationError


class SignupFaults(ValidationError):
    """by_field: a sentence for each field; under "" what concerns the whole form.

    suggestions: names that are free, where the one that was typed is not.
    """

    def __init__(self, by_field, suggestions=()):
        super().__init__(" ".join(by_field.values()))
        self.by_field = by_field
        self.suggestions = list(suggestions)


class NotHuman(ValidationError):
    """Sent by a program, as far as we can tell; the sentence says what a person can do."""
