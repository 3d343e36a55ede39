"""`tenantry demo`: from an empty machine to a customer's running Odoo, in one command.

The customer is created as an operator does it: logged in to the back office, by its buttons.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from typing import Any

from tenantry.cli import left
from tenantry.cli.common import command, engine
from tenantry.cli.output import Output, said_when_interrupted
from tenantry.cli.stack import master_lines
from tenantry.engine import Engine
from tenantry.errors import DemoFailed, InstanceNotFound
from tenantry.home import remember
from tenantry.model.names import MASTER_DATABASE
from tenantry.model.secret import Secret
from tenantry.odoo.login import log_in
from tenantry.odoo.rpc import OdooSession

_NAME, _EMAIL = "acme", "admin@acme.example"
_TIMEOUT_S = 600
_POLL_S = 0.05


@command
def demo() -> None:
    """Start all servers, create acme by the back office's button, and log in as a check."""
    output = Output()
    tenantry = engine(output, telling=True, makes=True)
    with said_when_interrupted(left.of_start(tenantry, "make demo")):
        _run(tenantry, output)
    remember(os.environ, tenantry.settings.installation.home)


def _run(tenantry: Engine, output: Output) -> None:
    began = time.monotonic()
    how, log = left.of_start(tenantry, "make demo"), tenantry.master.runtime.install_log
    with output.progress("Starting", how, goes_on=True, odoo_log=log) as on_step:
        tenantry.up(on_step)
    password = tenantry.master.reset_admin_password()
    login = tenantry.master.admin_login()
    session = OdooSession(tenantry.master.runtime.route, MASTER_DATABASE, login, password)
    office = _Office(session, output.say)
    office.build_template("blank")
    with output.progress("Filling the pool", left.of_start(tenantry, "make demo"), goes_on=True) as on_step:
        tenantry.pool.fill("blank", on_step=on_step)
    office.terminate_previous()
    _terminate_stray(tenantry)
    created = office.create()
    customer_password = tenantry.unseal(created["admin_password_sealed"])
    page_s = log_in(tenantry.context.route(_NAME), _NAME, _EMAIL, customer_password)
    output.result(
        None,
        "",
        *_instance_lines(created, customer_password),
        *master_lines(tenantry, password),
        f"Logged in as {_EMAIL}: the first page came in {page_s:.2f} s.",
        f"All of it took {time.monotonic() - began:.0f} s. Stop it with: make stop",
    )


def _terminate_stray(tenantry: Engine) -> None:
    """Terminate an acme that is not in the back office, made by `tenantry create`."""
    with contextlib.suppress(InstanceNotFound):
        tenantry.instances.terminate(_NAME, without_backup=True)


class _Office:
    """An operator in the back office: presses buttons and waits for the jobs."""

    def __init__(self, session: OdooSession, say: Callable[[str], None]) -> None:
        self._call = session.call
        self._say = say

    def build_template(self, code: str) -> None:
        template = self._find("saas.template", code=code)
        if self._read("saas.template", template)["state"] != "ready":
            self._say(f"Building the template {code} by its button; a minute or two the first time")
            self._call("saas.template", "action_create_template_db", [template])
            self._wait("saas.template", template, "ready")

    def terminate_previous(self) -> None:
        """Terminate the acme of an earlier demo, since its password is not stored anywhere."""
        domain = [["subdomain", "=", _NAME], ["state", "in", ["active", "suspended", "expired"]]]
        for instance in self._call("saas.instance", "search", domain):
            self._say(f"Terminating the last demo's {_NAME}")
            self._call("saas.instance", "action_terminate", [instance])
            self._wait("saas.instance", instance, "terminated")

    def create(self) -> dict[str, Any]:
        """Fill in the form and press the button."""
        self._say(f"Creating {_NAME} by its button")
        values = {
            "name": "Acme",
            "partner_id": self._customer(),
            "subdomain": _NAME,
            "admin_email": _EMAIL,
            "template_id": self._find("saas.template", code="blank"),
            "plan_id": self._find("saas.plan", code="professional"),
        }
        (instance,) = self._call("saas.instance", "create", [values])
        began = time.monotonic()
        self._call("saas.instance", "action_provision_instance", [instance])
        # Read while the job runs: the sealed password is deleted when the welcome mail is sent.
        sealed = self._read("saas.instance", instance)["admin_password_sealed"]
        created = self._wait("saas.instance", instance, "active")
        return {**created, "admin_password_sealed": sealed, "took_s": time.monotonic() - began}

    def _customer(self) -> int:
        found = self._call("res.partner", "search", [["email", "=", _EMAIL]])
        values = {"name": "Acme", "email": _EMAIL, "is_company": True}
        return int(found[0] if found else self._call("res.partner", "create", [values])[0])

    def _find(self, model: str, **values: str) -> int:
        (record,) = self._call(model, "search", [[field, "=", value] for field, value in values.items()])
        return int(record)

    def _read(self, model: str, record: int) -> dict[str, Any]:
        fields = ["state", "state_reason"]
        if model == "saas.instance":
            fields += ["url", "provisioning_s", "admin_password_sealed"]
        values: dict[str, Any] = self._call(model, "read", [record], fields)[0]
        return values

    def _wait(self, model: str, record: int, state: str) -> dict[str, Any]:
        """Raises DemoFailed."""
        deadline = time.monotonic() + _TIMEOUT_S
        while (now := self._read(model, record))["state"] != state:
            if now["state"] == "failed" or time.monotonic() > deadline:
                raise DemoFailed(f"{model} {record}", now["state"], now["state_reason"] or "")
            time.sleep(_POLL_S)
        return now


def _instance_lines(created: dict[str, Any], password: Secret) -> list[str]:
    took = f"{created['took_s']:.2f} s after the button ({created['provisioning_s']:.2f} s of work)"
    return [
        f"[bold green]{_NAME} is running[/] {took}",
        f"  URL       [bold]{created['url']}[/]",
        f"  Email     {_EMAIL}",
        f"  Password  {password.reveal()}",
        f"  Database  {_NAME}",
    ]
