"""The served OpenAPI document: linters find no fault, and clients can send what it describes."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from tests.support.back_office import BackOffice
from tests.support.openapi_checks import Checks, checks

_S3 = {
    "customer_email": "admin@company.com",
    "customer_name": "John Doe",
    "company_name": "My Company Ltd",
    "plan_id": 1,
    "subdomain": "mycompany",
    "admin_email": "ann.o'neil@company.com",
}
_S4 = {"clientName": "acme-corp", "adminEmail": "admin@acme.com", "companyName": "ACME Corporation"}


@pytest.fixture
def served(office: BackOffice, tmp_path: Path) -> Checks:
    answer = requests.get(f"{office.engine.master.url}/api/openapi.json", timeout=30)
    answer.raise_for_status()
    return checks(answer.json(), tmp_path, office.engine.settings.installation.cache)


def test_redocly_and_spectral_find_no_fault(served: Checks):
    assert served.redocly() == ""
    assert served.spectral() == ""


def test_redocly_and_spectral_find_a_fault_in_the_document(served: Checks):
    text = served.document.read_text()
    served.document.write_text(text.replace('"operationId": "plans"', '"operationId": "health"'))
    assert "operation-operationId-unique" in served.redocly()
    assert "operation-operationId-unique" in served.spectral()


def test_a_client_that_checks_its_bodies_with_ajv_may_send_the_documents_examples(served: Checks):
    for schema, body, wrong in (
        ("CreateInstance", _S3, {"customer_email": "nobody"}),
        ("NewInstance", _S4, {"adminEmail": "a b@acme.com"}),
    ):
        assert served.ajv(schema, body) == []
        (fault,) = served.ajv(schema, {**body, **wrong})
        assert fault["keyword"] == "pattern"
