"""The requests to a master for each command: method, address and body."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.support.recording_master import Call, RecordingMaster, recording_master

from tenantry.errors import InvalidValue
from tenantry.model.progress import StepEvent
from tenantry.model.secret import Secret
from tenantry.remote import following
from tenantry.remote.errors import (
    MasterUnreachable,
    OperationFailed,
    RequestAmbiguous,
    RequestFailed,
    RequestUnknown,
)
from tenantry.remote.master import RemoteMaster
from tenantry.remote.results import LoginLink, PasswordReset

ADDRESS = "/api/provisioning"
ACME = {
    "subdomain": "acme",
    "name": "Acme Ltd",
    "admin_email": "boss@acme.example",
    "plan": {"code": "small"},
    "template": "shop",
    "state": "active",
    "run_state": "running",
    "url": "https://acme.example.com",
}
ASKED = {"request_id": "r-1", "state": "in_progress", "progress": 10.0, "step": "prepare"}


@pytest.fixture
def master() -> Iterator[RecordingMaster]:
    with recording_master() as server:
        yield server


@pytest.fixture
def remote(master: RecordingMaster, monkeypatch: pytest.MonkeyPatch) -> RemoteMaster:
    monkeypatch.setattr(following.follow, "__defaults__", (lambda _pause_s: None,))
    return RemoteMaster(master.url, Secret("0123456789abcdef0123456789abcdef"))


def test_whoami_takes_one_call(master: RecordingMaster, remote: RemoteMaster):
    master.will_tell({"name": "Ann", "login": "ann", "company": "Us", "may": ["read"]})
    assert remote.me().login == "ann"
    assert master.calls == [Call("GET", f"{ADDRESS}/me")]


def test_an_instance_is_asked_for_by_its_name(master: RecordingMaster, remote: RemoteMaster):
    master.will_tell(ACME)
    assert remote.instance("acme").company == "Acme Ltd"
    assert master.calls == [Call("GET", f"{ADDRESS}/instance_info/acme")]


def test_a_list_is_read_page_by_page_up_to_the_limit(master: RecordingMaster, remote: RemoteMaster):
    master.will_tell([ACME] * 500, next=77)
    master.will_tell([ACME] * 500, next=None)
    assert len(remote.instances(700, state="active")) == 700
    assert master.calls == [
        Call("GET", f"{ADDRESS}/instances?limit=500&state=active"),
        Call("GET", f"{ADDRESS}/instances?limit=500&before=77&state=active"),
    ]


def test_a_short_list_asks_for_no_more_than_it_needs(master: RecordingMaster, remote: RemoteMaster):
    master.will_tell([{"at": "now", "level": "info", "message": "done"}], next=None)
    assert [line.message for line in remote.logs("acme", 24, "info", 20)] == ["done"]
    assert master.calls == [Call("GET", f"{ADDRESS}/instance_logs/acme?limit=20&hours=24&level=info")]


def test_a_name_is_checked_as_it_was_typed(master: RecordingMaster, remote: RemoteMaster):
    master.will_tell({"subdomain": "a b", "available": False, "error": "no"})
    assert not remote.check("a b").available
    assert master.calls == [Call("GET", f"{ADDRESS}/validate_subdomain?subdomain=a+b")]


@pytest.mark.parametrize(
    ("action", "reason", "body"),
    [
        ("suspend", "unpaid", {"action": "suspend", "reason": "unpaid"}),
        ("start", None, {"action": "start"}),
        ("terminate", None, {"action": "terminate", "confirm": "acme"}),
    ],
)
def test_an_action_is_one_post_and_an_end_repeats_the_name(
    master: RecordingMaster, remote: RemoteMaster, action: str, reason: str | None, body: dict[str, str]
):
    master.will_tell({"job": 1})
    assert remote.manage("acme", action, reason) == {"job": 1}
    assert master.calls == [Call("POST", f"{ADDRESS}/manage_instance/acme", body)]
    assert "Idempotency-Key" in master.calls[0].headers


def test_an_action_is_watched_until_it_is_over(master: RecordingMaster, remote: RemoteMaster):
    master.will_tell({}, {**ACME, "operation": "suspend", "step": "lock"}, {**ACME, "state": "suspended"})
    assert remote.act("acme", "suspend").state == "suspended"
    assert [call.method for call in master.calls] == ["POST", "GET", "GET"]
    assert {call.path for call in master.calls[1:]} == {f"{ADDRESS}/instance_info/acme"}


def test_an_action_that_did_not_lead_where_it_should_has_failed(
    master: RecordingMaster, remote: RemoteMaster
):
    master.will_tell({}, {**ACME, "reason": "PostgreSQL is away"})
    with pytest.raises(OperationFailed, match="PostgreSQL is away"):
        remote.act("acme", "suspend")


def test_a_renamed_instance_is_watched_by_its_id_which_stays(master: RecordingMaster, remote: RemoteMaster):
    renamed = {**ACME, "subdomain": "zenith", "url": "https://zenith.example.com"}
    master.will_tell({"id": "i-7"}, {**ACME, "operation": "rename", "step": "rename"}, renamed)
    done = remote.rename("acme", "zenith")
    assert (done.name, done.url) == ("zenith", "https://zenith.example.com")
    assert master.calls == [
        Call("POST", f"{ADDRESS}/manage_instance/acme", {"action": "rename", "subdomain": "zenith"}),
        Call("GET", f"{ADDRESS}/instance_info/i-7"),
        Call("GET", f"{ADDRESS}/instance_info/i-7"),
    ]


@pytest.mark.parametrize("domains", [["www.acme.example"], []])
def test_all_domains_are_sent_even_if_there_are_none(
    master: RecordingMaster, remote: RemoteMaster, domains: list[str]
):
    states = [{"name": name, "state": "live", "reason": None, "since": "now"} for name in domains]
    master.will_tell({}, {**ACME, "domains": states})
    done = remote.set_domains("acme", domains)
    assert [domain.name for domain in done.domains] == domains
    body = {"action": "set_domains", "domains": domains}
    assert master.calls[0] == Call("POST", f"{ADDRESS}/manage_instance/acme", body)


def test_a_domain_that_fails_is_told_with_its_reason(master: RecordingMaster, remote: RemoteMaster):
    failing = {"name": "www.acme.example", "state": "failing", "reason": "it leads elsewhere"}
    master.will_tell({}, {**ACME, "domains": [failing]})
    with pytest.raises(OperationFailed, match=r"www\.acme\.example: it leads elsewhere"):
        remote.set_domains("acme", ["www.acme.example"])


def test_why_an_instance_is_suspended_is_no_failure_of_its_domains(
    master: RecordingMaster, remote: RemoteMaster
):
    master.will_tell({}, {**ACME, "state": "suspended", "reason": "Unpaid", "domains": []})
    assert remote.set_domains("acme", []).state == "suspended"


def test_domains_that_could_not_be_set_of_a_suspended_instance_are_told_with_the_failure(
    master: RecordingMaster, remote: RemoteMaster
):
    told = {"state": "suspended", "reason": "PostgreSQL is away", "failure": "PostgreSQL is away"}
    master.will_tell({}, {**ACME, **told, "domains": []})
    with pytest.raises(OperationFailed, match="PostgreSQL is away"):
        remote.set_domains("acme", [])


def test_modules_are_installed_by_their_technical_names(master: RecordingMaster, remote: RemoteMaster):
    master.will_tell({}, {**ACME, "operation": "install", "step": "install"}, ACME)
    assert remote.install("acme", ["crm", "project"]).name == "acme"
    body = {"action": "install", "modules": ["crm", "project"]}
    assert master.calls[0] == Call("POST", f"{ADDRESS}/manage_instance/acme", body)
    assert [call.method for call in master.calls] == ["POST", "GET", "GET"]


@pytest.mark.parametrize("action", ["rename", "set_domains", "install"])
def test_a_failed_change_has_the_masters_reason(master: RecordingMaster, remote: RemoteMaster, action: str):
    master.will_tell({"id": "i-7"}, {**ACME, "reason": "PostgreSQL is away"})
    steps: list[StepEvent] = []
    with pytest.raises(OperationFailed, match="PostgreSQL is away"):
        getattr(remote, action)("acme", "zenith" if action == "rename" else ["crm"], steps.append)
    assert steps == []


def test_a_creation_asks_once_and_tells_the_password_of_its_end(
    master: RecordingMaster, remote: RemoteMaster
):
    end = {"databaseName": "acme", "instanceUrl": ACME["url"], "adminEmail": "boss@acme.example"}
    master.will_tell(None, instanceId="r-1")
    master.will_tell(ASKED, {**ASKED, "state": "completed"})
    master.will_tell(None, **end, adminPassword="s3cret")
    creation = remote.create(clientName="acme", template=None)
    assert creation.password == Secret("s3cret")
    assert master.calls == [
        Call("POST", "/api/instances", {"clientName": "acme"}),
        Call("GET", f"{ADDRESS}/request_status/r-1"),
        Call("GET", f"{ADDRESS}/request_status/r-1"),
        Call("GET", "/api/instances/r-1"),
    ]


@pytest.mark.parametrize("reason", ["There is no fr_FR. It has: en_US.", "There is no fr_FR. It has: en_US"])
def test_a_reason_ends_with_one_full_stop(reason: str):
    assert str(RequestFailed("r-1", reason)).endswith("It has: en_US.")
    assert str(OperationFailed("acme", "stop", reason)).endswith("It has: en_US.")


def test_a_creation_that_failed_is_not_asked_for_its_password(master: RecordingMaster, remote: RemoteMaster):
    master.will_tell({**ASKED, "state": "failed", "error": "no room"})
    with pytest.raises(RequestFailed, match="no room"):
        remote.finish("r-1")
    assert master.calls == [Call("GET", f"{ADDRESS}/request_status/r-1")]


def test_a_request_is_managed_and_then_looked_at(master: RecordingMaster, remote: RemoteMaster):
    master.will_tell({}, {**ASKED, "state": "cancelled"})
    assert remote.manage_request("r-1", "cancel").state == "cancelled"
    assert master.calls == [
        Call("POST", f"{ADDRESS}/manage_request/r-1", {"action": "cancel"}),
        Call("GET", f"{ADDRESS}/request_status/r-1"),
    ]


ASKING: dict[str, Callable[[RemoteMaster, str], Any]] = {
    "instance": lambda remote, name: remote.instance(name),
    "logs": lambda remote, name: remote.logs(name, 1, "info", 1),
    "manage": lambda remote, name: remote.manage(name, "stop"),
    "request": lambda remote, name: remote.request(name),
    "manage a request": lambda remote, name: remote.manage_request(name, "retry"),
    "finish": lambda remote, name: remote.finish(name),
}


@pytest.mark.parametrize("name", ["", "..", "a/b", "../me", "acme?x=1", "acme#", "a b", "é", "a" * 65])
@pytest.mark.parametrize("asking", ASKING)
def test_what_is_no_name_is_refused_before_anything_is_asked(
    master: RecordingMaster, remote: RemoteMaster, asking: str, name: str
):
    with pytest.raises(InvalidValue):
        ASKING[asking](remote, name)
    assert master.calls == []


ONE, OTHER = "80d59afe-8e99-4a11-9f0e-3c6f5b8f1a2b", "80d5a000-8e99-4a11-9f0e-3c6f5b8f1a2b"


def _listed(request_id: str) -> dict[str, Any]:
    return {"request_id": request_id, "state": "failed", "progress": 0.0}


def test_the_first_characters_of_an_id_are_enough(master: RecordingMaster, remote: RemoteMaster):
    master.will_tell([_listed(OTHER), _listed(ONE)], next=None)
    assert remote.whole_request_id("80D59") == ONE
    assert master.calls == [Call("GET", f"{ADDRESS}/requests?limit=500")]


def test_an_old_request_is_found_too(master: RecordingMaster, remote: RemoteMaster):
    master.will_tell([_listed(OTHER)], next=7)
    master.will_tell([_listed(ONE)], next=None)
    assert remote.whole_request_id("80d59") == ONE


def test_a_whole_id_needs_no_call(master: RecordingMaster, remote: RemoteMaster):
    assert remote.whole_request_id(ONE) == ONE
    assert master.calls == []


def test_characters_that_several_ids_begin_with_are_refused_with_these_ids(
    master: RecordingMaster, remote: RemoteMaster
):
    master.will_tell([_listed(OTHER), _listed(ONE)], next=None)
    with pytest.raises(RequestAmbiguous) as refused:
        remote.whole_request_id("80d5")
    assert ONE in str(refused.value)
    assert OTHER in str(refused.value)


def test_characters_of_no_id_are_refused(master: RecordingMaster, remote: RemoteMaster):
    master.will_tell([_listed(ONE)], next=None)
    with pytest.raises(RequestUnknown):
        remote.whole_request_id("aa")


def test_a_login_link_and_a_password_are_asked_for_once_and_without_a_key_to_repeat_them(
    master: RecordingMaster, remote: RemoteMaster
):
    master.will_tell(
        {"subdomain": "acme", "sent_to": None, "url": "https://acme.example.com/saas/login?token=t"}
    )
    master.will_tell({"subdomain": "acme", "sent_to": None, "login": "ann", "password": "s3cret"})
    link, new = remote.login_link("acme"), remote.reset_password("acme")
    assert link.url
    assert link.url.reveal().endswith("token=t")
    assert new.password
    assert (new.login, new.password.reveal()) == ("ann", "s3cret")
    assert "s3cret" not in repr(new)
    assert master.calls == [
        Call("POST", "/api/instances/acme/login_link", {"send": False}),
        Call("POST", "/api/instances/acme/reset_password", {"send": False}),
    ]
    assert not any("Idempotency-Key" in call.headers for call in master.calls)


def test_a_lost_answer_with_a_secret_is_not_asked_for_again(master: RecordingMaster, remote: RemoteMaster):
    master.answers.append(None)
    with pytest.raises(MasterUnreachable):
        remote.reset_password("acme")
    assert len(master.calls) == 1


def test_what_is_mailed_is_told_by_its_address(master: RecordingMaster, remote: RemoteMaster):
    master.will_tell({"subdomain": "acme", "sent_to": "boss@acme.example", "url": None})
    master.will_tell({"subdomain": "acme", "sent_to": "boss@acme.example", "login": None, "password": None})
    master.will_tell({"subdomain": "acme", "sent_to": "boss@acme.example"})
    assert remote.login_link("acme", send=True) == LoginLink(None, "boss@acme.example")
    assert remote.reset_password("acme", send=True) == PasswordReset(None, None, "boss@acme.example")
    assert remote.send_welcome("acme") == "boss@acme.example"
    assert [call.body for call in master.calls] == [{"send": True}, {"send": True}, {}]
