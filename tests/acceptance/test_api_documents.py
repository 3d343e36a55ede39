"""The programs of the provisioning (S3) and auto-provisioning (S4) documents run unchanged, with a key.

Their web pages run in tests/browser/embed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from tests.support.api_client import ApiClient, make_keys, set_hourly_limit
from tests.support.back_office import BackOffice

from tenantry.engine import Engine

_S3_CREATE = """\
data = {
    "customer_email": "admin@company.com",
    "customer_name": "John Doe",
    "company_name": "My Company Ltd",
    "plan_id": 1,
    "subdomain": "mycompany",
    "admin_email": "admin@company.com"
}

response = requests.post(
    "http://your-odoo-server/api/provisioning/create_instance",
    json=data
)

result = response.json()
if result['success']:
    request_id = result['request_id']
    print(f"Instance request created: {request_id}")
"""
_S3_STATUS = """\
response = requests.get(
    f"http://your-odoo-server/api/provisioning/request_status/{request_id}"
)

status = response.json()
print(f"Status: {status['data']['state']}")
"""
_S3_START = """\
# Start instance
requests.post(
    f"http://your-odoo-server/api/provisioning/manage_instance/mycompany",
    json={"action": "start"}
)
"""
_S4_CREATE = """\
curl -X POST http://localhost:3000/api/instances \\
  -H "Content-Type: application/json" \\
  -d '{
    "clientName": "acme-corp",
    "adminEmail": "admin@acme.com",
    "companyName": "ACME Corporation"
  }'"""
_S4_STATUS = "curl http://localhost:3000/api/instances/acme-corp-1701234567890"
_S4_READY = {
    "status", "progress", "instanceUrl", "adminEmail", "adminPassword", "databaseName", "projectId"
}  # fmt: skip


@pytest.fixture(scope="module")
def key(master: Engine) -> str:
    return make_keys(master)["api-manager"]


@pytest.fixture
def api(office: BackOffice, key: str) -> Iterator[ApiClient]:
    """The hourly limit is off; what a test created is removed afterwards."""
    set_hourly_limit(office, 0)
    yield ApiClient(f"{office.engine.master.url}/api", key)
    set_hourly_limit(office, 100)
    live = [["state", "not in", ["draft", "terminated"]]]
    office.terminate(*office.call("saas.instance", "search", live))


def _python(api: ApiClient, *programs: str, **known: str) -> str:
    """The output of S3's programs, with our URL in place of theirs and the key in each request."""
    head = [
        "import os, requests as library",
        "requests = library.Session()",
        "requests.headers['X-API-Key'] = os.environ['KEY']",
        *(f"{name} = {value!r}" for name, value in known.items()),
    ]
    text = "\n".join([*head, *programs]).replace("http://your-odoo-server/api", api.root)
    return _run([sys.executable, "-c", text], api)


def _shell(api: ApiClient, command: str) -> dict:
    """The output of S4's commands, with our URL in place of theirs and the key in one more header."""
    command = command.replace("http://localhost:3000/api", api.root)
    return json.loads(_run(["bash", "-c", f'{command} -sS -H "Authorization: Bearer $KEY"'], api))


def _run(command: list[str], api: ApiClient) -> str:
    environment = {**os.environ, "KEY": api.key}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_python_programs_of_the_provisioning_document_run_unchanged(
    office: BackOffice, api: ApiClient
) -> None:
    printed = _python(api, _S3_CREATE)
    assert printed.startswith("Instance request created: ")
    reference = printed.split()[-1]
    api.wait(f"/provisioning/request_status/{reference}", "state", {"completed"})
    assert _python(api, _S3_STATUS, request_id=reference) == "Status: completed\n"

    instance = office.live("mycompany")
    office.press("action_stop", instance)
    office.wait("saas.instance", instance, ["active"])
    assert not office.engine.instances.is_serving("mycompany")
    _python(api, _S3_START)
    office.wait("saas.instance", instance, ["active"])
    assert office.engine.instances.is_serving("mycompany")


def test_every_url_of_the_provisioning_document_answers(api: ApiClient) -> None:
    (plan, *_others) = api.get("/provisioning/plans").json()["data"]
    for answer in (
        api.get("/provisioning/validate_subdomain?subdomain=mycompany"),
        api.post("/provisioning/validate_subdomain", {"subdomain": "mycompany"}),
    ):
        assert answer.json()["data"]["available"] is True
    asked = {
        "customer_email": "admin@company.com",
        "customer_name": "John Doe",
        "company_name": "My Company Ltd",
        "plan_id": plan["id"],
        "subdomain": "addresses",
        "admin_email": "admin@company.com",
    }
    told = api.post("/provisioning/create_instance", asked).json()
    assert told.keys() == {"success", "request_id", "message", "data"}
    assert told["data"]["request_id"] == told["request_id"]
    api.wait(f"/provisioning/request_status/{told['request_id']}", "state", {"completed"})
    info = api.get("/provisioning/instance_info/addresses").json()["data"]
    assert (info["state"], info["plan"]["id"], info["admin_email"]) == (
        "active",
        plan["id"],
        asked["admin_email"],
    )
    taken = api.get("/provisioning/validate_subdomain?subdomain=addresses").json()["data"]
    assert (taken["available"], taken["error_code"]) == (False, "SUBDOMAIN_TAKEN")


@pytest.mark.parametrize("missing", ["customer_email", "company_name", "plan_id", "subdomain"])
def test_a_field_of_the_provisioning_document_that_is_missing_is_named(api: ApiClient, missing: str) -> None:
    asked = {
        "customer_email": "a@b.example",
        "customer_name": "A",
        "company_name": "B",
        "plan_id": 1,
        "subdomain": "missing-one",
        "admin_email": "a@b.example",
    }
    del asked[missing]
    answer = api.post("/provisioning/create_instance", asked)
    assert (answer.status_code, answer.json()["error_code"]) == (422, "MISSING_FIELDS")
    assert list(answer.json()["details"]["fields"]) == [missing]


def test_the_commands_of_the_auto_provisioning_document_run_unchanged(
    office: BackOffice, api: ApiClient
) -> None:
    created = _shell(api, _S4_CREATE)
    assert created.keys() >= {"instanceId", "status", "message"}
    assert created["status"] == "creating"
    # This request uses another key, which does not get the password: the document's command reads it first.
    another = ApiClient(api.root, make_keys(office.engine)["api-manager"])
    another.wait(f"/instances/{created['instanceId']}", "status", {"ready"})

    told = _shell(api, _S4_STATUS.replace("acme-corp-1701234567890", created["instanceId"]))
    assert told.keys() >= _S4_READY
    assert (told["status"], told["progress"], told["adminEmail"]) == ("ready", 100, "admin@acme.com")
    assert told["instanceUrl"] == office.engine.instances.get("acme-corp").url
    assert told["databaseName"] == "acme-corp"
    assert len(told["adminPassword"]) >= 16


def test_a_clients_name_has_3_to_50_characters_as_in_the_auto_provisioning_document(
    office: BackOffice, api: ApiClient
) -> None:
    for name, code in (("ab", "INVALID_LENGTH"), ("a" * 51, "INVALID_LENGTH"), ("Acme", "INVALID_FORMAT")):
        asked = {"clientName": name, "adminEmail": "admin@acme.com", "companyName": "ACME"}
        answer = api.post("/instances", asked)
        assert (answer.status_code, answer.json()["error_code"]) == (422, code), name
    longest = {"clientName": "a" * 50, "adminEmail": "admin@acme.com", "companyName": "ACME"}
    told = api.post("/instances", longest).json()
    api.wait(f"/instances/{told['instanceId']}", "status", {"ready"})
