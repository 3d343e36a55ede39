"""The operator at the master's web client, as far as tests need them."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from typing import Any

from tenantry.engine import Engine
from tenantry.model.names import MASTER_DATABASE
from tenantry.model.secret import Secret
from tests.support.master import master_client
from tests.support.odoo_client import WebClient
from tests.support.waiting import wait_until

_POLL_S = 0.1


class BackOffice:
    """Presses buttons of the real master over HTTP, and waits for its jobs."""

    def __init__(self, engine: Engine, client: WebClient | None = None) -> None:
        """client: a login that exists; without one, the administrator gets a new password, and others end."""
        self.engine = engine
        self.client = client or master_client(engine)

    def call(self, model: str, method: str, *args: Any, **kwargs: Any) -> Any:
        return self.client.call(model, method, *args, **kwargs)

    def find(self, model: str, **values: Any) -> int:
        """The id of the one record with those values."""
        domain = [[field, "=", value] for field, value in values.items()]
        (record,) = self.call(model, "search", domain, context={"active_test": False})
        return record

    def nowhere(self) -> int:
        """A country that no instance's Odoo knows: a creation for it fails."""
        found = self.call("res.country", "search", [["code", "=", "QQ"]])
        return (found or self.call("res.country", "create", [{"name": "Nowhere", "code": "QQ"}]))[0]

    def live(self, subdomain: str) -> int:
        """The id of the instance of that name; others may have had it before."""
        domain = [["subdomain", "=", subdomain], ["state", "!=", "terminated"]]
        (instance,) = self.call("saas.instance", "search", domain)
        return instance

    def read(self, model: str, record: int, *fields: str) -> dict[str, Any]:
        return self.call(model, "read", [record], list(fields))[0]

    def wait(
        self, model: str, record: int, states: Collection[str], timeout_s: float = 180
    ) -> dict[str, Any]:
        """Wait until no operation runs and the state is one of these; return the record."""
        fields = ["state", "state_reason", *(["operation", "failure"] if model == "saas.instance" else [])]
        deadline = time.monotonic() + timeout_s
        while True:
            now = self.read(model, record, *fields)
            if now["state"] in states and not now.get("operation"):
                return now
            assert time.monotonic() < deadline, f"{model} {record} is {now}, not {states}"
            time.sleep(_POLL_S)

    def entitlements_to_come(self, **values: Any) -> int:
        """The number of jobs with these values that have not sent the plan to an instance yet."""
        ways, ended = ["_entitle", "_entitle_together"], ["done", "failed", "cancelled"]
        domain = [["method_name", "in", ways], ["state", "not in", ended]]
        return self.call("queue.job", "search_count", [*domain, *([f, "=", v] for f, v in values.items())])

    def wait_for_entitlements(self) -> None:
        wait_until(lambda: not self.entitlements_to_come(), "an instance does not know its plan")

    # ------------------------------------------------------------ what tests need

    def template(self, code: str, modules: str, **more: Any) -> int:
        """The template of that code, ready; one that the engine has built already is not built again."""
        found = self.call("saas.template", "search", [["code", "=", code]])
        values = {"name": code.capitalize(), "code": code, "modules": modules, "pool_size": 0}
        if not found:
            found = self.call("saas.template", "create", [{**values, "is_shown": True, **more}])
        template = found[0]
        if self.read("saas.template", template, "state")["state"] != "ready":
            self.call("saas.template", "action_create_template_db", [template])
            self.wait("saas.template", template, ["ready", "failed"], timeout_s=180)
        return template

    def customer(self, name: str, **values: Any) -> int:
        customer = {"name": name, "email": f"{name}@customer.example", "is_company": True, **values}
        return self.call("res.partner", "create", [customer])[0]

    def instance(self, subdomain: str, **values: Any) -> int:
        """A draft of an instance."""
        defaults = {
            "name": subdomain.title(),
            "subdomain": subdomain,
            "admin_email": f"{subdomain}@customer.example",
            "plan_id": self.find("saas.plan", code="starter"),
            "template_id": self.find("saas.template", code="tiny"),
        }
        customer = values.get("partner_id") or self.customer(subdomain)
        return self.call("saas.instance", "create", [{**defaults, **values, "partner_id": customer}])[0]

    def press(self, action: str, *instances: int, **arguments: Any) -> None:
        self.call("saas.instance", action, list(instances), **arguments)

    def create(self, subdomain: str, **values: Any) -> int:
        """An active instance."""
        instance = self.instance(subdomain, **values)
        self.press("action_provision_instance", instance)
        assert self.wait("saas.instance", instance, ["active", "failed"])["state"] == "active"
        return instance

    def terminate(self, *instances: int) -> None:
        """Remove these instances completely, whatever their state is."""
        for instance in instances:
            now = self.wait(
                "saas.instance", instance, ["draft", "active", "suspended", "expired", "failed", "terminated"]
            )
            if now["state"] not in ("draft", "terminated"):
                self.press("action_terminate", instance)
        for instance in instances:
            self.wait("saas.instance", instance, ["draft", "terminated"])

    def messages(self, model: str, record: int) -> Sequence[str]:
        """The bodies of the record's messages, the newest first."""
        domain = [["model", "=", model], ["res_id", "=", record]]
        return [m["body"] for m in self.call("mail.message", "search_read", domain, ["body"])]

    def password(self, instance: int) -> Secret:
        """The administrator's password, which only the engine can unseal."""
        with self.engine.context.cluster.connect(MASTER_DATABASE) as inside:
            row = inside.execute("SELECT admin_password_sealed FROM saas_instance WHERE id = %s", [instance])
            (sealed,) = row.fetchone() or (None,)
        return self.engine.unseal(sealed)

    def log_in(self, instance: int) -> WebClient:
        """The customer's administrator, logged in to their own Odoo with their password."""
        now = self.read("saas.instance", instance, "database_name", "admin_email")
        route = self.engine.context.route(now["database_name"])
        return WebClient(route, now["database_name"], now["admin_email"], self.password(instance))
