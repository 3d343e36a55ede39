"""The REST API of a real master: the programs of the two documents, and hostile programs."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests
from openapi_spec_validator import validate
from tests.support.api_client import ApiClient, make_keys, set_hourly_limit
from tests.support.back_office import BackOffice
from tests.support.odoo_client import WebClient

from tenantry.engine import Engine
from tenantry.model.names import MASTER_DATABASE
from tenantry.model.secret import Secret

_CONFIG = Path(__file__).with_name("schemathesis.toml")
_FUZZING_S = {"api-manager": 30, None: 10}
_ACME = {"clientName": "acme", "adminEmail": "admin@acme.example", "companyName": "Acme"}
_WISHES = {
    "customer_email": "admin@acme.example",
    "customer_name": "Ann",
    "company_name": "Acme",
    "plan_id": 1,
    "admin_email": "admin@acme.example",
}


@pytest.fixture(scope="module")
def keys(master: Engine) -> dict:
    return make_keys(master)


@pytest.fixture
def root(office: BackOffice) -> str:
    """The API's URL; the hourly limit is off."""
    set_hourly_limit(office, 0)
    return f"{office.engine.master.url}/api"


@pytest.fixture
def api(root: str, keys: dict) -> ApiClient:
    return ApiClient(root, keys["api-manager"])


@pytest.fixture
def clean(office: BackOffice) -> Iterator[None]:
    """Remove afterwards what a test created."""
    yield
    live = [["state", "not in", ["draft", "terminated"]]]
    office.terminate(*office.call("saas.instance", "search", live))


def _log_in(office: BackOffice, told: dict) -> WebClient:
    route = office.engine.context.route(told["databaseName"])
    return WebClient(route, told["databaseName"], told["adminEmail"], Secret(told["adminPassword"]))


def test_the_program_of_the_provisioning_document_works_with_a_key(
    office: BackOffice, api: ApiClient, clean: None
) -> None:
    server, headers = api.root.removesuffix("/api"), {"X-API-Key": api.key}
    data = {
        "customer_email": "admin@company.com",
        "customer_name": "John Doe",
        "company_name": "My Company Ltd",
        "plan_id": 1,
        "subdomain": "mycompany",
        "admin_email": "admin@company.com",
    }
    response = requests.post(f"{server}/api/provisioning/create_instance", json=data, headers=headers)
    result = response.json()
    assert result["success"], result
    request_id = result["request_id"]

    response = requests.get(f"{server}/api/provisioning/request_status/{request_id}", headers=headers)
    assert response.json()["data"]["state"] in ("processing", "completed")
    told = api.wait(f"/provisioning/request_status/{request_id}", "state", {"completed", "failed"})
    assert (told["state"], told["progress"]) == ("completed", 100.0), told
    assert told["instance"]["url"] == office.engine.instances.get("mycompany").url

    for action, status in (("start", 202), ("backup", 409)):
        response = requests.post(
            f"{server}/api/provisioning/manage_instance/mycompany", json={"action": action}, headers=headers
        )
        assert response.status_code == status, response.text
    assert response.json()["error_code"] == "INVALID_STATE"
    _settle(office, "mycompany")

    assert api.post("/provisioning/manage_instance/mycompany", {"action": "suspend"}).status_code == 202
    api.wait("/provisioning/instance_info/mycompany", "state", {"suspended"})
    assert not office.engine.instances.is_serving("mycompany")
    logs = api.get("/provisioning/instance_logs/mycompany?level=info&limit=500").json()["data"]
    assert {"publish", "probe", "activate"} <= {line["step"] for line in logs}


def test_the_commands_of_the_auto_provisioning_document_work_with_a_key(
    office: BackOffice, api: ApiClient, clean: None
) -> None:
    created = _curl(
        "-X", "POST", f"{api.root}/instances",
        "-H", "Content-Type: application/json",
        "-H", f"Authorization: Bearer {api.key}",
        "-d",
        '{"clientName": "acme-corp", "adminEmail": "admin@acme.com", "companyName": "ACME Corporation"}',
    )  # fmt: skip
    assert created["status"] == "creating"
    path = f"/instances/{created['instanceId']}"
    another = ApiClient(api.root, make_keys(office.engine)["api-manager"])
    told = another.wait(path, "status", {"ready", "failed"})
    assert (told["status"], told["adminPassword"]) == ("ready", None), told

    told = _curl(f"{api.root}{path}", "-H", f"Authorization: Bearer {api.key}")
    assert (told["status"], told["progress"]) == ("ready", 100)
    assert told["instanceUrl"] == office.engine.instances.get("acme-corp").url
    assert _log_in(office, told).session_info["username"] == "admin@acme.com"
    assert api.get(path).json()["adminPassword"] is None
    assert told["adminPassword"] not in office.engine.master.runtime.log_file.read_text()


def _settle(office: BackOffice, subdomain: str) -> None:
    """Wait until no request is running."""
    office.wait("saas.instance", office.live(subdomain), ["active"])


def _curl(*arguments: str) -> dict:
    done = subprocess.run(["curl", "-sS", "--max-time", "30", *arguments], capture_output=True, check=True)
    return json.loads(done.stdout)


def test_a_customers_key_sees_nothing_of_another_customer(
    office: BackOffice, api: ApiClient, keys: dict, clean: None
) -> None:
    customer = office.customer("portal-owner")
    office.call("res.partner", "write", [keys["api-portal partner"]], {"parent_id": customer})
    office.create("mine-alone", partner_id=customer)
    office.create("not-mine")
    customers = ApiClient(api.root, keys["api-portal"])
    assert customers.get("/provisioning/instance_info/mine-alone").json()["data"]["state"] == "active"
    for path in ("/provisioning/instance_info/not-mine", "/provisioning/instance_logs/not-mine"):
        assert customers.get(path).status_code == 404
        assert api.get(path).status_code == 200
    for name in ("mine-alone", "not-mine"):
        refused = customers.post(f"/provisioning/manage_instance/{name}", {"action": "suspend"})
        assert refused.status_code in (403, 404)


def test_a_post_sent_twice_at_the_same_moment_makes_one_instance(
    office: BackOffice, api: ApiClient, clean: None
) -> None:
    body = {"clientName": "only-once", "adminEmail": "admin@acme.com", "companyName": "Once"}
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _post: api.post("/instances", body, **headers), range(4)))
    assert [answer.status_code for answer in answers] == [202] * 4, [answer.text for answer in answers]
    assert len({answer.json()["instanceId"] for answer in answers}) == 1
    assert office.call("saas.instance.request", "search_count", [["subdomain", "=", "only-once"]]) == 1
    api.wait(f"/instances/{answers[0].json()['instanceId']}", "status", {"ready"})


def test_the_hourly_limit_holds_for_requests_of_the_same_moment(office: BackOffice, api: ApiClient) -> None:
    fresh = ApiClient(api.root, make_keys(office.engine)["api-manager"])
    set_hourly_limit(office, 10)
    try:
        with ThreadPoolExecutor(4) as pool:
            answers = list(pool.map(lambda _get: fresh.get("/provisioning/instance_info/none"), range(14)))
    finally:
        set_hourly_limit(office, 0)
    assert sorted(answer.status_code for answer in answers) == [404] * 10 + [429] * 4
    assert all(answer.headers["Retry-After"] for answer in answers if answer.status_code == 429)


@pytest.fixture
def publishable(office: BackOffice) -> Iterator[str]:
    """The key of a web site."""
    values = {"name": "Site", "origins": "https://site.example"}
    (record,) = office.call("saas.api.key.publishable", "create", [values])
    yield office.read("saas.api.key.publishable", record, "key")["key"]
    office.call("saas.api.key.publishable", "unlink", [record])


def test_a_client_that_guesses_keys_is_blocked_and_others_are_not(
    office: BackOffice, api: ApiClient, publishable: str
) -> None:
    guesses = [ApiClient(api.root, key) for key in (publishable, *(f"{number:040x}" for number in range(7)))]
    with office.engine.context.as_owner(MASTER_DATABASE, MASTER_DATABASE) as inside:
        inside.execute("DELETE FROM saas_api_count")
    set_hourly_limit(office, 5)
    try:
        elsewhere = {"Origin": "https://evil.example"}
        tried = [guess.get("/provisioning/plans", **elsewhere).status_code for guess in guesses]
        nobody = ApiClient(api.root, "").get("/provisioning/health")
        known = api.get("/provisioning/plans")
    finally:
        set_hourly_limit(office, 0)
    assert tried == [403, *[401] * 4, *[429] * 3]
    assert (nobody.status_code, known.status_code) == (429, 200)


def test_a_key_is_refused_at_once_when_its_user_is_archived(
    office: BackOffice, api: ApiClient, keys: dict
) -> None:
    user = office.call("res.users", "search", [["login", "=", "api-portal"]])
    customer = ApiClient(api.root, keys["api-portal"])
    for active, status in ((True, 200), (False, 401), (True, 200)):
        office.call("res.users", "write", user, {"active": active})
        assert [customer.get("/provisioning/plans").status_code for _time in range(2)] == [status] * 2


_NOBODYS = {
    ("get", "/provisioning/health"),
    ("get", "/signup/confirm"),
    ("post", "/signup/confirm"),
}


def test_without_a_key_every_route_of_the_document_is_closed(api: ApiClient) -> None:
    """Every route except those above. The addon's own tests check what each key may see, by route."""
    nobody = ApiClient(api.root, "")
    for path, methods in nobody.get("/openapi.json").json()["paths"].items():
        place = re.sub(r"{[^}]*}", "somebodys", path)
        for method in methods.keys() - {known for known, at in _NOBODYS if at == path}:
            answer = nobody.get(place) if method == "get" else nobody.post(place, {})
            assert answer.status_code == 401, (method, path)


def test_a_page_of_another_web_site_may_not_read_answers(api: ApiClient) -> None:
    answer = api.get("/provisioning/plans", Origin="https://evil.example")
    assert answer.status_code == 200
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_no_request_body_causes_a_server_error(api: ApiClient) -> None:
    rng = random.Random(4)
    bodies = [rng.randbytes(rng.randrange(200)) for _body in range(60)]
    odd = ["\x00", "\ud800", "a" * 60_000, -1, 2**70, 1e308, None, True, [], {}, [[[]]], {"a": {"b": []}}]
    names = ("clientName", "adminEmail", "companyName", "plan", "template", "runtime", "action", "subdomain")
    bodies += [json.dumps(value).encode() for value in odd]
    bodies += [json.dumps({name: value for name in names}).encode() for value in odd]
    bodies += [b"[" * 30_000, b'{"a":' * 5_000, b"\xff\xfe{\x00}\x00", b"NaN"]
    paths = ("/instances", "/provisioning/create_instance", "/provisioning/manage_instance/acme")
    headers = {"Authorization": f"Bearer {api.key}", "Content-Type": "application/json"}
    with requests.Session() as session:
        for body in bodies:
            path = rng.choice(paths)
            answer = session.post(f"{api.root}{path}", data=body, headers=headers, timeout=30)
            assert 400 <= answer.status_code < 500, (path, body[:80], answer.text)
            assert answer.json()["success"] is False
            assert "Traceback" not in answer.text


def test_the_document_is_valid_openapi(root: str) -> None:
    document = requests.get(f"{root}/openapi.json", timeout=30).json()
    assert document["openapi"].startswith("3.1")
    validate(document)


@pytest.mark.parametrize("key", ["api-manager", None])
def test_schemathesis_finds_nothing(
    office: BackOffice, root: str, keys: dict, key: str | None, clean: None, tmp_path: Path
) -> None:
    plans = office.call("saas.plan", "search", [])
    office.call("saas.plan", "write", plans, {"max_instances": 1})
    headers = ["-H", f"Authorization: Bearer {keys[key]}"] if key else []
    command = [
        Path(sys.executable).with_name("schemathesis"),
        "--config-file", _CONFIG, "--no-color", "run", f"{root}/openapi.json",
        "--checks", "all", "--max-examples", "20", "--max-time", _FUZZING_S[key], "--seed", "4", *headers,
    ]  # fmt: skip
    try:
        done = subprocess.run(
            list(map(str, command)), cwd=tmp_path, capture_output=True, text=True, timeout=150, check=False
        )
    finally:
        office.call("saas.plan", "write", plans, {"max_instances": 100})
    assert done.returncode == 0, done.stdout[-6000:]
