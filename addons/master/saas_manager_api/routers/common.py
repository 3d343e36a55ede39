"""Shared by the routes."""

from contextlib import contextmanager
from typing import Annotated

from fastapi import Path
from odoo.addons.saas_manager.exceptions import SubdomainRefused

from ..errors import ApiError, problem
from ..schemas import Label, Problem

Name = Annotated[Label, Path(description="The instance's subdomain or its `id`.", examples=["mycompany"])]
"""Of an existing instance."""

_TOLD = {
    400: "The body is not valid JSON.",
    401: "No key, or a wrong one.",
    403: "The key may not do that.",
    404: "It does not exist, or your key may not see it.",
    409: "The name is taken, or the state does not allow it.",
    413: "The body is too large.",
    415: "The body is not sent as JSON.",
    422: "Something in it is missing or wrong.",
    429: "Too many requests; see Retry-After.",
    500: "Our fault.",
    503: "No capacity, or a service that we need is down; try again later.",
}


def refusals(*statuses):
    """The refusals a route may answer with, for OpenAPI."""
    return {
        status: {"model": Problem, "description": _TOLD[status]}
        for status in sorted({400, 401, 403, 413, 415, 422, 429, 500, 503, *statuses})
    }


@contextmanager
def fields_named(**names):
    """Make errors name the fields as the caller did. names: the caller's names, by ours."""
    try:
        yield
    except (ApiError, SubdomainRefused) as error:
        raise ApiError.of(problem(error).renamed(names)) from error


def utc(moment):
    """Convert an Odoo datetime to an aware one; None stays None."""
    return f"{moment.isoformat(timespec='seconds')}Z" if moment else None
