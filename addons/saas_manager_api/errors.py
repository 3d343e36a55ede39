"""A4: what went wrong, as every answer of the API tells it: a status, a code, a sentence."""

from dataclasses import dataclass, field
from typing import Any

import psycopg2
from fastapi.exceptions import RequestValidationError
from odoo.addons.saas_manager.exceptions import InvalidState, NoCapacity, SubdomainTaken
from odoo.exceptions import AccessDenied, AccessError, MissingError, UserError, ValidationError
from odoo.tools.translate import LazyGettext, LazyTranslate
from starlette.exceptions import HTTPException
from werkzeug.exceptions import HTTPException as WerkzeugHTTPException

from tenantry.errors import Conflict, InvalidInput, TenantryError

_lt = LazyTranslate(__name__)

CODES = (
    "MISSING_FIELDS",
    "VALIDATION_ERROR",
    "INVALID_FORMAT",
    "INVALID_LENGTH",
    "SUBDOMAIN_TAKEN",
    "REQUEST_NOT_FOUND",
    "INSTANCE_NOT_FOUND",
    "MISSING_ACTION",
    "UNKNOWN_ACTION",
    "INVALID_STATE",
    "NO_CAPACITY",
    "UNAUTHORIZED",
    "FORBIDDEN",
    "RATE_LIMITED",
    "INTERNAL_ERROR",
)
_SUBDOMAIN_INDEX = "saas_instance_subdomain_unique"
_BY_STATUS = {
    400: ("INVALID_FORMAT", _lt("The request could not be read.")),
    401: ("UNAUTHORIZED", _lt("Send a valid key: 'Authorization: Bearer KEY' or 'X-API-Key: KEY'.")),
    403: ("FORBIDDEN", _lt("This key may not do that.")),
    404: ("UNKNOWN_ACTION", _lt("There is nothing at this address. See /api/docs.")),
    405: ("UNKNOWN_ACTION", _lt("This address does not know that method. See /api/docs.")),
    413: ("INVALID_LENGTH", _lt("The request is too large.")),
    415: ("INVALID_FORMAT", _lt("Send JSON, with the header 'Content-Type: application/json'.")),
}
REFUSED_TYPE, TOO_LARGE = _BY_STATUS[415], _BY_STATUS[413]
_BY_KIND = {
    "missing": "MISSING_FIELDS",
    "string_too_short": "INVALID_LENGTH",
    "string_too_long": "INVALID_LENGTH",
    "string_pattern_mismatch": "INVALID_FORMAT",
    "string_type": "INVALID_FORMAT",
    "string_unicode": "INVALID_FORMAT",
    "int_type": "INVALID_FORMAT",
    "int_parsing": "INVALID_FORMAT",
}


class ApiError(Exception):
    """Refused by the API itself."""

    def __init__(self, status: int, code: str, sentence: str | LazyGettext, **details: Any) -> None:
        super().__init__(code)
        self.problem = Problem(status, code, sentence, details)

    def __str__(self) -> str:
        return self.problem.told("en_US")


@dataclass(frozen=True)
class Problem:
    """One answer that says no. A sentence that has no language yet gets the caller's."""

    status: int
    code: str
    sentence: str | LazyGettext
    details: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def told(self, language):
        is_lazy = isinstance(self.sentence, LazyGettext)
        return self.sentence._translate(language) if is_lazy else self.sentence

    def body(self, language):
        return {
            "success": False,
            "error": self.told(language),
            "error_code": self.code,
            "details": self.details,
        }


def problem(error):
    """What to answer for an error, judged by its type and never by its text."""
    for kinds, describe in _DESCRIBED:
        if isinstance(error, kinds):
            return describe(error)
    return _internal(500)


def of_status(status):
    """What HTTP itself has a status for."""
    code, sentence = _BY_STATUS.get(status, _BY_STATUS[400])
    return Problem(status, code, sentence)


def _internal(status):
    return Problem(status, "INTERNAL_ERROR", _lt("Something went wrong on our side. Please try again later."))


def _of_http(error):
    status = getattr(error, "status_code", None) or error.code or 500
    if status >= 500:
        return _internal(500)
    return of_status(status)


def _of_refused_input(error):
    """All that is wrong with the input, under the code of what weighs most."""
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        return Problem(400, "INVALID_FORMAT", _lt("The body is not valid JSON."))
    fields = {_name(fault): fault["msg"] for fault in faults}
    codes = [_code(fault) for fault in faults]
    code = min(codes, key=CODES.index)
    code = next((found for found in ("MISSING_ACTION", "UNKNOWN_ACTION") if found in codes), code)
    told = "; ".join(f"{name}: {message}" for name, message in fields.items())
    return Problem(422, code, _lt("Please correct: %(faults)s.", faults=told), {"fields": fields})


def _name(fault):
    return ".".join(str(part) for part in fault["loc"][1:]) or str(fault["loc"][0])


def _code(fault):
    if fault["loc"][-1] == "action":
        is_missing = fault["type"] == "missing" or fault.get("input") is None
        return "MISSING_ACTION" if is_missing else "UNKNOWN_ACTION"
    return _BY_KIND.get(fault["type"], "VALIDATION_ERROR")


def _of_refused_values(error):
    """A ValidationError; what it was made from tells more."""
    cause = error.__cause__
    if isinstance(cause, psycopg2.IntegrityError):
        if (cause.diag.constraint_name or "").startswith(_SUBDOMAIN_INDEX):
            return Problem(409, "SUBDOMAIN_TAKEN", _lt("This subdomain is taken."))
        return Problem(409, "INVALID_STATE", _lt("This contradicts what is there already."))
    if isinstance(cause, TenantryError):
        return _of_engine(cause, str(error))
    return Problem(422, "VALIDATION_ERROR", str(error))


def _of_engine(error, sentence=""):
    sentence = sentence or f"{error} {error.remedy}".strip()
    if isinstance(error, InvalidInput):
        return Problem(422, "VALIDATION_ERROR", sentence)
    if isinstance(error, Conflict):
        return Problem(409, "INVALID_STATE", sentence)
    return _internal(503 if error.retryable else 500)


def _of_taken_name(error):
    return Problem(409, "SUBDOMAIN_TAKEN", str(error), {"suggestions": error.suggestions})


def _of_state(error):
    return Problem(409, "INVALID_STATE", str(error))


_DESCRIBED = (
    (ApiError, lambda error: error.problem),
    (RequestValidationError, _of_refused_input),
    ((HTTPException, WerkzeugHTTPException), _of_http),
    (AccessDenied, lambda _error: of_status(401)),
    (AccessError, lambda _error: of_status(403)),
    (MissingError, lambda _error: Problem(404, "INSTANCE_NOT_FOUND", _lt("It does not exist any more."))),
    (SubdomainTaken, _of_taken_name),
    (NoCapacity, lambda error: Problem(503, "NO_CAPACITY", str(error), headers={"Retry-After": "300"})),
    (InvalidState, _of_state),
    ((ValidationError, UserError), _of_refused_values),
    (TenantryError, _of_engine),
    (psycopg2.OperationalError, lambda _error: _internal(503)),
)
"""The first that fits; the nearer kind stands before the wider."""
