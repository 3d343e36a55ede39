"""What is refused, by its cause: the API tells causes by their type, people read the sentence."""

import psycopg2
from odoo.exceptions import UserError, ValidationError

CONNECTION_LOST = (psycopg2.OperationalError, psycopg2.InterfaceError)
"""What a connection to PostgreSQL raises once it is lost; `OperationalError` has other causes, too."""


class InvalidState(UserError):
    """Possible in another state, or once what is under way has ended."""


class NoCapacity(UserError):
    """No server, or no plan, has room for another instance."""


class SubdomainRefused(ValidationError):
    """Nobody can have it. kind: why, as in `faults`; suggestions: names close to it that are free, if any."""

    def __init__(self, sentence, kind, suggestions):
        super().__init__(sentence)
        self.kind = kind
        self.suggestions = suggestions


class SubdomainTaken(SubdomainRefused):
    """Another instance has it."""
