"""Ctrl-C in a command that changes something with one call: it says what is true, and tells what is done.

The engine's methods are replaced, the master is a recording one; the signals and their handler are real.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.recording_master import RecordingMaster, recording_master
from typer.testing import CliRunner, Result

from tenantry import interrupts
from tenantry.cli import tenants
from tenantry.cli.main import app
from tenantry.cli.output import Output
from tenantry.engine import Engine
from tenantry.engine.backups import Backups
from tenantry.engine.instances import Instances
from tenantry.engine.mail import Mail
from tenantry.engine.templates import Templates
from tenantry.model.backup import Pruned
from tenantry.model.catalog import State
from tenantry.model.mail import Smarthost
from tenantry.model.secret import Secret
from tenantry.remote.client import Client
from tenantry.remote.login import LoginSettings
from tenantry.remote.results import PasswordReset

_KEY = "0123456789abcdef0123456789abcdef"
_ID = "80d5a1b2-0000-4000-8000-000000000001"
_REQUEST = {"request_id": _ID, "state": "in_progress", "progress": 10.0}
_MAILED = {"url": None, "login": "boss", "password": None, "sent_to": "boss@acme.example"}
_LINK = {"url": "https://acme.example.com/in", "sent_to": None}
_PASSWORD = {"login": "boss", "password": "s3cret", "sent_to": None}

_AT_A_MASTER: list[tuple[list[str], list[dict[str, Any]], str, str]] = [
    (["instance", "suspend", "acme", "--no-wait"], [{}], "may go on with acme", "under way"),
    (["instance", "terminate", "acme", "--yes", "--no-wait"], [{}], "may go on with acme", "under way"),
    (["instance", "link", "acme"], [_LINK], "a login link of acme may have been made", "/in"),
    (["instance", "link", "acme", "--send"], [_MAILED], "mailed", "on its way"),
    (["instance", "password", "acme"], [_PASSWORD], "password of acme may have been reset", "s3cret"),
    (["instance", "password", "acme", "--send"], [_MAILED], "may be on its way", "on its way"),
    (["instance", "welcome", "acme"], [_MAILED], "may be on its way", "on its way"),
    (["create", "acme", "a@acme.example", "--no-wait"], [{}], "may go on with acme", _ID),
    (["request", "retry", _ID, "--no-wait"], [{}, _REQUEST], f"may go on with the request {_ID}", _ID),
    (["request", "retry", _ID], [{}, _REQUEST], f"may go on with the request {_ID}", ""),
    (["request", "cancel", _ID], [{}, _REQUEST], f"the request {_ID} may be cancelled", "in_progress"),
]

_RESET = PasswordReset("boss", Secret("s3cret"))
_ACME = {
    "subdomain": "acme",
    "name": "Acme Ltd",
    "admin_email": "boss@acme.example",
    "plan": {"code": "small"},
    "template": "shop",
    "state": "active",
    "run_state": "running",
    "url": "https://acme.example.com",
}
_ZENITH = {**_ACME, "subdomain": "zenith", "url": "https://zenith.example.com"}
_DOMAINS = [
    {"name": "www.acme.example", "state": "live"},
    {"name": "acme.example", "state": "pending"},
]
_AT_A_MASTER += [
    (
        ["instance", "rename", "acme", "zenith"],
        [{"id": "i-7"}, _ZENITH],
        "may go on and rename acme to zenith",
        "acme is now zenith, at https://zenith.example.com.",
    ),
    (
        ["instance", "domains", "acme", "www.acme.example", "acme.example"],
        [{}, {**_ACME, "domains": _DOMAINS}],
        "may go on with acme",
        "acme answers at www.acme.example, acme.example (pending).",
    ),
    (
        ["instance", "install", "acme", "crm", "project"],
        [{}, _ACME],
        "may go on with acme",
        "Installed in acme: crm, project.",
    ),
]
_SMARTHOST = Smarthost("smtp.example.com", 587, "mail@example.com")
_SET = ["mail", "set", "smtp.example.com", "--sender", "mail@example.com"]


class _Instance:
    hostnames = ("www.acme.example",)
    url = "https://acme.example.com"


_HERE: list[tuple[list[str], type, str, Any, str]] = [
    (_SET, Mail, "set", None, "instances send by smtp.example.com"),
    ([*_SET, "--test", "me@example.com"], Mail, "test", None, "a test mail to me@example.com may be"),
    ([*_SET, "--test", "me@example.com"], Mail, "set", None, "instances send by smtp.example.com"),
    (["mail", "test", "me@example.com"], Mail, "test", None, "a mail to me@example.com may be on its way"),
    (["mail", "off"], Mail, "unset", None, "instances send by smtp.example.com"),
    (["instance", "password", "acme"], Instances, "reset_password", _RESET, "acme may have been reset"),
    (["instance", "link", "acme"], Instances, "login_link", Secret("x"), "link of acme may have been made"),
    (["instance", "domains", "acme", "www.acme.example"], Instances, "set_hostnames", _Instance(), "acme is"),
    (["instance", "install", "acme", "crm"], Instances, "install_modules", ["crm"], "acme is active"),
    (["backup", "prune"], Backups, "prune", Pruned(()), "some backups may be removed"),
    (["backup", "remove", "acme-1", "--yes"], Backups, "remove", None, "some backups may be removed"),
    (["template", "drop", "small"], Templates, "drop", None, "may be half gone"),
]


@pytest.fixture(autouse=True)
def handled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Ctrl-C as in the program: by our handler, in a command that has not begun."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGALRM)}
    monkeypatch.setattr(interrupts, "_state", interrupts._State())
    signal.signal(signal.SIGINT, signal.default_int_handler)
    interrupts.install()
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def master() -> Iterator[RecordingMaster]:
    with recording_master() as server:
        yield server


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".tenantry" / "secrets").mkdir(parents=True)
    monkeypatch.delenv("TENANTRY_HOME", raising=False)
    for name in ("TENANTRY_MASTER", "TENANTRY_API_KEY"):
        monkeypatch.setenv(name, "")
    return lambda *arguments, **environment: CliRunner(
        env={"TENANTRY_CONFIG": str(tmp_path / "config"), **environment}
    ).invoke(app, arguments)


def _press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.05)  # no handler runs in the middle of a call


def _pressed_after(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, in whose last moment the keys are pressed: it is done, and nobody knows it yet."""

    def press(*args: Any, **kwargs: Any) -> Any:
        result = function(*args, **kwargs)
        _press_ctrl_c()
        return result

    return press


def _pressed_before(function: Callable[..., Any]) -> Callable[..., Any]:
    def press(*args: Any, **kwargs: Any) -> Any:
        _press_ctrl_c()
        return function(*args, **kwargs)

    return press


def _logged_in(master: RecordingMaster) -> dict[str, str]:
    return {"TENANTRY_MASTER": master.url, "TENANTRY_API_KEY": _KEY}


@pytest.mark.parametrize(("arguments", "answers", "left", "_told"), _AT_A_MASTER)
def test_what_a_master_was_asked_for_may_be_done(
    run, master: RecordingMaster, monkeypatch, arguments, answers, left: str, _told: str
):
    master.will_tell(*answers[:1], instanceId=_ID)
    for method in ("post", "post_once"):
        monkeypatch.setattr(Client, method, _pressed_after(getattr(Client, method)))
    result = run(*arguments, **_logged_in(master))
    assert [call.method for call in master.calls] == ["POST"]
    assert result.exit_code == 130, result.output
    assert left in result.output
    assert "nothing was" not in result.output


@pytest.mark.parametrize(
    ("arguments", "answers", "_left", "told"), [case for case in _AT_A_MASTER if case[3]]
)
def test_what_a_master_did_is_told_whenever_the_keys_are_pressed_then(
    run, master: RecordingMaster, monkeypatch, arguments, answers, _left: str, told: str
):
    master.will_tell(*answers, instanceId=_ID)
    monkeypatch.setattr(Output, "result", _pressed_before(Output.result))
    result = run(*arguments, **_logged_in(master))
    assert (result.exit_code, told in result.output) == (0, True), result.output


@pytest.fixture
def engine_is_fake(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the commands look at afterwards; nothing is started."""
    monkeypatch.setattr(Mail, "get", lambda _self: _SMARTHOST)
    monkeypatch.setattr(Instances, "state", lambda _self, _name: State.ACTIVE)
    for _arguments, noun, method, result, _left in _HERE:
        monkeypatch.setattr(noun, method, lambda *_args, _answer=result, **_kwargs: _answer)


@pytest.mark.usefixtures("engine_is_fake")
@pytest.mark.parametrize(("arguments", "noun", "method", "_result", "left"), _HERE)
def test_what_the_engine_was_asked_for_may_be_done(
    run, monkeypatch, arguments, noun: type, method: str, _result, left: str
):
    monkeypatch.setattr(noun, method, _pressed_after(getattr(noun, method)))
    result = run(*arguments)
    assert result.exit_code == 130, result.output
    assert left in result.output
    assert "nothing was" not in result.output


@pytest.mark.usefixtures("engine_is_fake")
@pytest.mark.parametrize("arguments", [case[0] for case in _HERE], ids=" ".join)
def test_what_the_engine_did_is_told_whenever_the_keys_are_pressed_then(run, monkeypatch, arguments):
    monkeypatch.setattr(Output, "result", _pressed_before(Output.result))
    result = run(*arguments)
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(("command", "method"), [("login", "keep"), ("logout", "forget")])
def test_a_login_that_is_written_or_deleted_is_told(
    run, master: RecordingMaster, monkeypatch, command: str, method: str
):
    master.will_tell({"name": "Ann", "login": "ann", "company": "Us", "may": ["read"]})
    login = ["login", master.url, "--insecure"]
    if command == "logout":
        assert run(*login, TENANTRY_API_KEY=_KEY).exit_code == 0
        signal.signal(signal.SIGINT, signal.default_int_handler)
        monkeypatch.setattr(interrupts, "_state", interrupts._State())
        interrupts.install()
    monkeypatch.setattr(LoginSettings, method, _pressed_after(getattr(LoginSettings, method)))
    result = run(*(["logout"] if command == "logout" else login), TENANTRY_API_KEY=_KEY)
    assert (result.exit_code, "ogged" in result.output) == (0, True), result.output


def test_what_an_agent_was_doing_for_its_caller_may_be_unfinished(run, monkeypatch):
    monkeypatch.setattr(tenants, "answer_on_standard_streams", _press_ctrl_c)
    result = run("agent")
    assert (result.exit_code, "caller asked for may be unfinished" in result.output) == (130, True)


def test_a_server_in_the_foreground_that_does_not_run_yet_says_so(run, monkeypatch):
    monkeypatch.setattr(Engine, "tenants_command", _pressed_after(lambda _self: ["/bin/false"]))
    monkeypatch.setattr(os, "execve", lambda *_arguments: pytest.fail("it was started"))
    result = run("serve", "tenants")
    assert (result.exit_code, "no server was started" in result.output) == (130, True)


def test_a_server_in_the_foreground_hears_ctrl_c(run, monkeypatch):
    heard: list[object] = []
    monkeypatch.setattr(Engine, "tenants_command", lambda _self: ["/bin/false"])
    monkeypatch.setattr(os, "execve", lambda *_arguments: heard.append(signal.getsignal(signal.SIGINT)))
    assert run("serve", "tenants").exit_code == 0
    assert heard not in ([], [signal.SIG_IGN])  # a program that is executed inherits what is ignored


def test_a_command_that_only_looks_has_changed_nothing(run, master: RecordingMaster, monkeypatch):
    master.will_tell({"name": "Ann", "login": "ann", "company": "Us", "may": ["read"]})
    monkeypatch.setattr(Client, "get", _pressed_after(Client.get))
    result = run("whoami", **_logged_in(master))
    assert result.exit_code == 130
    assert "Interrupted; nothing was changed." in result.output
