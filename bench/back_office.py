"""The back office: from the button to an active instance, and its speed with many records."""

from __future__ import annotations

import time
from importlib import resources
from typing import Any
from xml.etree import ElementTree

from tests.support.back_office import BackOffice
from tests.support.mail_server import serving

from bench.figures import Figure, MeasurementFailed
from bench.installation import TEMPLATE, Installation
from bench.waiting import wait_for_jobs
from tenantry.model.names import MASTER_DATABASE

_POLL_S = 0.01
_TIMEOUT_S = 300
_PAGE = 80
_COUNT_LIMIT = 10_001
"""The fields that Odoo's web client requests for a list."""
_LISTS = ("saas.instance", "saas.subscription", "saas.instance.log", "res.partner")
_CRONS = ("ir_cron_renew", "ir_cron_expire", "ir_cron_check_user_limits")


def button(installation: Installation) -> list[Figure]:
    """Start the master, log in as its administrator, and create instances by the button."""
    engine, count = installation.engine, installation.plan.warm
    engine.start_master()
    office = BackOffice(engine)
    template = _template(office)
    engine.pool.fill(TEMPLATE, count)
    plan = office.find("saas.plan", code="starter")
    with serving(office):
        presses = tuple(_press(office, f"press-{number:02d}", template, plan) for number in range(count))
        wait_for_jobs(office)
    return [Figure("button", "Back office: from the button to active", "s", presses)]


def many_records(installation: Installation) -> list[Figure]:
    """Open lists of 100 000 instances, and let the nightly jobs see 10 000 subscriptions."""
    with installation.engine.context.cluster.connect(MASTER_DATABASE) as inside:
        inside.execute((resources.files("bench") / "many_records.sql").read_bytes())
    office = BackOffice(installation.engine)
    lists = {model: _open_list(office, model) for model in _LISTS}
    slowest = max(lists, key=lambda model: lists[model])
    began = time.monotonic()
    office.call("saas.dashboard", "figures")
    dashboard_s = time.monotonic() - began
    crons = tuple(_run_cron(office, cron) for cron in _CRONS)
    ending = [["name", "=like", "SUB/BENCH/%"], ["auto_renew", "=", True]]
    renewed = office.call("saas.subscription", "search_count", [*ending, ["period_count", "=", 2]])
    due = office.call("saas.subscription", "search_count", ending)
    if renewed < due:
        raise MeasurementFailed(f"{renewed} of {due} subscriptions were renewed")
    return [
        Figure("lists", "Lists of 100 000 instances: opening one", "s", tuple(lists.values()), slowest),
        Figure("dashboard", "Dashboard of 100 000 instances", "s", (dashboard_s,)),
        Figure("crons", "Nightly jobs over 10 000 subscriptions", "s", (sum(crons),), "all three"),
    ]


def _template(office: BackOffice) -> int:
    """The record of the template the engine has built; it is current, so this builds nothing."""
    (template,) = office.call("saas.template", "search", [["code", "=", TEMPLATE]])
    office.call("saas.template", "write", [template], {"pool_size": 0})
    office.call("saas.template", "action_create_template_db", [template])
    _wait(office, "saas.template", template, "ready")
    return int(template)


def _press(office: BackOffice, subdomain: str, template: int, plan: int) -> float:
    """The seconds from the button's request to the moment its state can be read as active."""
    customer = office.call("res.partner", "create", [{"name": subdomain, "is_company": True}])[0]
    values = {
        "name": subdomain,
        "partner_id": customer,
        "subdomain": subdomain,
        "admin_email": f"admin@{subdomain}.example",
        "template_id": template,
        "plan_id": plan,
    }
    (instance,) = office.call("saas.instance", "create", [values])
    began = time.monotonic()
    office.call("saas.instance", "action_provision_instance", [instance])
    _wait(office, "saas.instance", instance, "active")
    return time.monotonic() - began


def _wait(office: BackOffice, model: str, record: int, state: str) -> None:
    deadline = time.monotonic() + _TIMEOUT_S
    while (now := office.call(model, "read", [record], ["state"])[0]["state"]) != state:
        if now == "failed" or time.monotonic() > deadline:
            raise MeasurementFailed(f"{model} {record} is {now}")
        time.sleep(_POLL_S)


def _open_list(office: BackOffice, model: str) -> float:
    """The requests of the web client when a list is opened: its views and its first page."""
    began = time.monotonic()
    answer = office.call(model, "get_views", views=[[False, "list"], [False, "search"]], options={})
    columns = ElementTree.fromstring(answer["views"]["list"]["arch"]).iter("field")
    shown: dict[str, Any] = {column.attrib["name"]: {} for column in columns}
    for name, field in answer["models"][model]["fields"].items():
        if name in shown and field["type"] == "many2one":
            shown[name] = {"fields": {"display_name": {}}}
    page = office.call(
        model, "web_search_read", [], specification=shown, limit=_PAGE, count_limit=_COUNT_LIMIT
    )
    took_s = time.monotonic() - began
    if len(page["records"]) < _PAGE:
        raise MeasurementFailed(f"{model} has only {len(page['records'])} records")
    return took_s


def _run_cron(office: BackOffice, name: str) -> float:
    cron = office.call("ir.model.data", "search_read", [["name", "=", name]], ["res_id"])[0]["res_id"]
    began = time.monotonic()
    office.call("ir.cron", "method_direct_trigger", [cron])
    return time.monotonic() - began
