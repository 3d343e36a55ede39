"""A refusal of a master becomes an error of the right family, with its exit code and a remedy."""

from __future__ import annotations

import pytest

from tenantry.errors import TenantryError
from tenantry.remote import errors
from tenantry.remote.errors import Refusal

_URL = "https://office.example.com"


def _error(status: int, code: str = "", **details: object) -> TenantryError:
    body = {"success": False, "error": "A sentence.", "error_code": code, "details": details}
    return Refusal(_URL, status, body, "id-1").as_error()


@pytest.mark.parametrize(
    ("status", "code", "kind", "exit_code", "retryable"),
    [
        (400, "INVALID_FORMAT", errors.RefusedInput, 2, False),
        (401, "UNAUTHORIZED", errors.KeyRefused, 6, False),
        (403, "FORBIDDEN", errors.NotAllowed, 6, False),
        (404, "INSTANCE_NOT_FOUND", errors.NotThere, 3, False),
        (404, "REQUEST_NOT_FOUND", errors.NotThere, 3, False),
        (404, "UNKNOWN_ACTION", errors.NotAMaster, 5, False),
        (409, "SUBDOMAIN_TAKEN", errors.TakenThere, 4, False),
        (409, "INVALID_STATE", errors.NotNow, 4, False),
        (422, "VALIDATION_ERROR", errors.RefusedInput, 2, False),
        (500, "INTERNAL_ERROR", errors.MasterFailed, 5, False),
        (502, "", errors.MasterFailed, 5, True),
        (503, "INTERNAL_ERROR", errors.MasterFailed, 5, True),
        (503, "NO_CAPACITY", errors.NoCapacityThere, 5, True),
        (302, "", errors.NotAMaster, 5, False),
    ],
)
def test_each_refusal_has_its_family(
    status: int, code: str, kind: type[TenantryError], exit_code: int, retryable: bool
):
    error = _error(status, code)
    assert type(error) is kind
    assert (error.exit_code, error.retryable) == (exit_code, retryable)
    assert str(error).endswith(".")
    assert error.remedy.endswith(".")


def test_a_taken_name_comes_with_others():
    error = _error(409, "SUBDOMAIN_TAKEN", suggestions=["acme-2", "acme-3"])
    assert "acme-2, acme-3" in error.remedy


def test_a_not_found_error_names_the_command_that_lists_the_others():
    assert "instance list" in _error(404, "INSTANCE_NOT_FOUND").remedy
    assert "request list" in _error(404, "REQUEST_NOT_FOUND").remedy


def test_a_failure_of_the_master_names_the_request_for_its_log():
    assert "id-1" in _error(500, "INTERNAL_ERROR").remedy


def test_an_answer_of_another_form_is_understood_by_its_status():
    assert isinstance(Refusal(_URL, 401, {}).as_error(), errors.KeyRefused)
    assert isinstance(Refusal(_URL, 404, {}).as_error(), errors.NotAMaster)
    odd = Refusal(_URL, 409, {"error_code": "SUBDOMAIN_TAKEN", "details": ["odd"]}).as_error()
    assert isinstance(odd, errors.TakenThere)
