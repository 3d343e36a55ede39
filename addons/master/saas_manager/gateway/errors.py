"""What the engine refuses, for people and for the queue."""

from contextlib import contextmanager

from odoo.addons.queue_job.exception import RetryableJobError
from odoo.exceptions import UserError

from tenantry.errors import Conflict, InvalidInput, NotYet, TenantryError

from ..exceptions import CONNECTION_LOST

__all__ = ["Conflict", "EngineError", "InvalidInput", "retrying", "sentence", "translated"]

EngineError = TenantryError


def sentence(error):
    """What went wrong and what to do about it, for a person."""
    return f"{error} {error.remedy}".strip()


@contextmanager
def translated(error_class=UserError):
    """Tell a person at the screen what the engine refused."""
    try:
        yield
    except TenantryError as error:
        raise error_class(sentence(error)) from error


@contextmanager
def retrying(log=None):
    """Let the queue try again what may work later, such as when PostgreSQL is being restarted."""
    try:
        yield
    except NotYet as error:
        raise RetryableJobError(str(error), seconds=error.after_s, ignore_retry=True) from error
    except TenantryError as error:
        if not error.retryable:
            raise
        if log:
            log.tell("warning", sentence(error))
        raise RetryableJobError(sentence(error)) from error
    except CONNECTION_LOST as error:
        raise RetryableJobError(str(error).strip()) from error
