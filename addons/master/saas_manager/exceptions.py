"""The refusals, one class per cause: the API tells the causes apart by type, people read the sentence."""

import psycopg2
from odoo.exceptions import UserError, ValidationError

CONNECTION_LOST = (psycopg2.OperationalError, psycopg2.InterfaceError)
"""Raised when a connection to PostgreSQL was lost. `OperationalError` alone has other causes, too."""


class InvalidState(UserError):
    """Not possible in this state. It may be in another state, or after the current operation has ended."""


class NoCapacity(UserError):
    """No server, or no plan, has room for another instance."""


class SubdomainRefused(ValidationError):
    """No instance can have this name. kind: why, as in `faults`; suggestions: similar free names, if any."""

    def __init__(self, sentence, kind, suggestions):
        super().__init__(sentence)
        self.kind = kind
        self.suggestions = suggestions


class SubdomainTaken(SubdomainRefused):
    """Another instance has this name."""
