"""What is wrong with a form, told at its fields."""

from odoo.exceptions import ValidationError


class SignupFaults(ValidationError):
    """by_field: a sentence for each field; under "" what concerns the whole form."""

    def __init__(self, by_field):
        super().__init__(" ".join(by_field.values()))
        self.by_field = by_field


class NotHuman(ValidationError):
    """Sent by a program, as far as we can tell; the sentence says what a person can do."""
