"""Converts the engine's errors for people and for the queue."""

from contextlib import contextmanager

from odoo.addons.queue_job.exception import RetryableJobError
from odoo.exceptions import UserError

from tenantry.errors import Conflict, InvalidInput, NotYet, TenantryError

from ..exceptions import CONNECTION_LOST
from .sentences import sentence

__all__ = ["Conflict", "EngineError", "InvalidInput", "retrying", "translated"]

EngineError = TenantryError


@contextmanager
def translated(env, error_class=UserError):
    """Raise an error of the engine as a message for the user, in their language."""
    try:
        yield
    except TenantryError as error:
        raise error_class(sentence(error, env.lang)) from error


@contextmanager
def retrying(log=None):
    """Let the queue retry what may work later, for example after a restart of PostgreSQL."""
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
