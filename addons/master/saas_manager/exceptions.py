"""The refusals, one class per cause: the API tells the causes apart by type, people read the sentence.

Odoo's client shows an exception of a class that it does not know as a crash. `context` tells it which of
Odoo's own it is shown as; `test_refusals_in_the_client` wants it of every class of our addons.
"""

import psycopg2
from odoo.exceptions import UserError, ValidationError

CONNECTION_LOST = (psycopg2.OperationalError, psycopg2.InterfaceError)
"""Raised when a connection to PostgreSQL was lost. `OperationalError` alone has other causes, too."""


AS_USER_ERROR = {"exception_class": "odoo.exceptions.UserError"}
AS_VALIDATION_ERROR = {"exception_class": "odoo.exceptions.ValidationError"}


class InvalidState(UserError):
    """Not possible in this state. It may be in another state, or after the current operation has ended."""

    context = AS_USER_ERROR


class NotWithRuntime(UserError):
    """The instance's runtime cannot do it, in no state."""

    context = AS_USER_ERROR


class NoCapacity(UserError):
    """No server, or no plan, has room for another instance."""

    context = AS_USER_ERROR


class SubdomainRefused(ValidationError):
    """No instance can have this name. kind: why, as in `faults`; suggestions: similar free names, if any."""

    context = AS_VALIDATION_ERROR

    def __init__(self, sentence, kind, suggestions):
        super().__init__(sentence)
        self.kind = kind
        self.suggestions = suggestions


class SubdomainTaken(SubdomainRefused):
    """Another instance has this name."""
