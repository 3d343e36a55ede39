"""What is refused, by its cause: the API tells causes by their type, people read the sentence."""

import psycopg2
from odoo.exceptions import UserError, ValidationError

CONNECTION_LOST = (psycopg2.OperationalError, psycopg2.InterfaceError)
"""What a connection to PostgreSQL raises once it is lost; `OperationalError` has other causes, too."""


class InvalidState(UserError):
    """Possible in another state, or once what is under way has ended."""


class NoCapacity(UserError):
    """No server, or no plan, has room for another instance."""


class SubdomainTaken(ValidationError):
    """Another instance has it; `suggestions` are free."""

    def __init__(self, sentence, suggestions):
        super().__init__(sentence)
        self.suggestions = suggestions
