"""A4: errors, in the one form of all answers: a status, a code, a sentence."""

from dataclasses import dataclass, field, replace
from typing import Any

import psycopg2
from fastapi.exceptions import RequestValidationError
from odoo.addons.saas_manager import gateway
from odoo.addons.saas_manager.exceptions import InvalidState, NoCapacity, NotWithRuntime, SubdomainRefused
from odoo.exceptions import AccessDenied, AccessError, MissingError, UserError, ValidationError
from odoo.tools.translate import LazyGettext, LazyTranslate
from starlette.exceptions import HTTPException
from werkzeug.exceptions import HTTPException as WerkzeugHTTPException

from .faults import SUBDOMAIN_CODES, fault_of

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


class ApiError(Exception):
    """An error of the API itself."""

    def __init__(self, status: int, code: str, sentence: str | LazyGettext, **details: Any) -> None:
        super().__init__(code)
        self.problem = Problem(status, code, sentence, details)

    @classmethod
    def of(cls, problem):
        error = cls(problem.status, problem.code, problem.sentence)
        error.problem = problem
        return error

    def __str__(self) -> str:
        return self.problem.told("en_US")


@dataclass(frozen=True)
class Problem:
    """The content of an error answer. Sentences that are not translated yet get the caller's language.

    details: `fields` maps each field to its sentence.
    """

    status: int
    code: str
    sentence: Any
    details: dict[str, Any] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    def told(self, language):
        return _told(self.sentence, language)

    def told_details(self, language):
        fields = self.details.get("fields")
        told = {name: _told(sentence, language) for name, sentence in fields.items()} if fields else None
        return {**self.details, "fields": told} if told else self.details

    def body(self, language):
        return {
            "success": False,
            "error": self.told(language),
            "error_code": self.code,
            "details": self.told_details(language),
        }

    def renamed(self, names):
        """A copy that names the fields as the caller sent them. names: the caller's names, by ours."""
        if "fields" not in self.details:
            return self
        fields = {names.get(name, name): sentence for name, sentence in self.details["fields"].items()}
        return replace(self, details={**self.details, "fields": fields})


@dataclass(frozen=True)
class Faults:
    """One sentence for all faults. by_field: the `Fault` of each field."""

    by_field: dict[str, Any]

    def told(self, language):
        all_told = " ".join(f"{name}: {fault.told(language)}" for name, fault in self.by_field.items())
        return _lt("Please correct: %(faults)s", faults=all_told)._translate(language)


@dataclass(frozen=True)
class OfEngine:
    """An error of the engine as a sentence and its remedy."""

    error: Any

    def told(self, language):
        return gateway.sentence(self.error, language)


def _told(sentence, language):
    if isinstance(sentence, LazyGettext):
        return sentence._translate(language)
    return sentence if isinstance(sentence, str) else sentence.told(language)


def problem(error):
    """The answer for an error, chosen by its type, never by its text."""
    for kinds, describe in _DESCRIBED:
        if isinstance(error, kinds):
            return describe(error)
    return _internal(500)


def of_status(status):
    """The answer for an HTTP status."""
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
    """All faults of the input, with the code of the most severe one."""
    found = error.errors()
    if any(it["type"] == "json_invalid" for it in found):
        return Problem(400, "INVALID_FORMAT", _lt("The body is not valid JSON."))
    faults = {_name(it): fault_of(it) for it in found}
    codes = [fault.code for fault in faults.values()]
    code = next((code for code in ("MISSING_ACTION", "UNKNOWN_ACTION") if code in codes), None)
    return Problem(422, code or min(codes, key=CODES.index), Faults(faults), {"fields": faults})


def _name(found):
    return ".".join(str(part) for part in found["loc"][1:]) or str(found["loc"][0])


def _of_refused_values(error):
    """A ValidationError; its cause may say more."""
    cause = error.__cause__
    if isinstance(cause, psycopg2.IntegrityError):
        return Problem(409, "INVALID_STATE", _lt("This contradicts what is there already."))
    if isinstance(cause, gateway.EngineError):
        return _of_engine(cause, str(error))
    return Problem(422, "VALIDATION_ERROR", str(error))


def _of_engine(error, sentence=""):
    sentence = sentence or OfEngine(error)
    if isinstance(error, gateway.InvalidInput):
        return Problem(422, "VALIDATION_ERROR", sentence)
    if isinstance(error, gateway.Conflict):
        return Problem(409, "INVALID_STATE", sentence)
    return _internal(503 if error.retryable else 500)


def _of_subdomain(error):
    details = {"fields": {"subdomain": str(error)}}
    if error.suggestions:
        details["suggestions"] = error.suggestions
    code = SUBDOMAIN_CODES[error.kind]
    return Problem(409 if code == "SUBDOMAIN_TAKEN" else 422, code, str(error), details)


def _of_state(error):
    return Problem(409, "INVALID_STATE", str(error))


_DESCRIBED = (
    (ApiError, lambda error: error.problem),
    (RequestValidationError, _of_refused_input),
    ((HTTPException, WerkzeugHTTPException), _of_http),
    (AccessDenied, lambda _error: of_status(401)),
    (AccessError, lambda _error: of_status(403)),
    (MissingError, lambda _error: Problem(404, "INSTANCE_NOT_FOUND", _lt("It does not exist any more."))),
    (SubdomainRefused, _of_subdomain),
    (NoCapacity, lambda error: Problem(503, "NO_CAPACITY", str(error), headers={"Retry-After": "300"})),
    (InvalidState, _of_state),
    (NotWithRuntime, lambda error: Problem(422, "UNKNOWN_ACTION", str(error))),
    ((ValidationError, UserError), _of_refused_values),
    (gateway.EngineError, _of_engine),
    (psycopg2.OperationalError, lambda _error: _internal(503)),
)
"""The first match is used, so subclasses stand before their base classes."""
