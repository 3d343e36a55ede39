"""A back office with something in it: customers whose instances are in every state."""

from __future__ import annotations

from datetime import date

from tests.support.back_office import BackOffice

_CUSTOMERS = ("Acme", "Bergamot Tea", "Cobalt", "Delta Foods")
_DRAFTS = ("Fjord Boats", "Gusto Pizza", "Harbour Dental", "Iris Optics", "Juniper Gin", "Lumen Studio")


def ask_for(office: BackOffice, company: str) -> int:
    """A request that was not submitted yet."""
    subdomain = company.split(maxsplit=1)[0].lower()
    values = {
        "customer_name": "Jane Doe",
        "customer_email": f"jane@{subdomain}.example",
        "company_name": company,
        "subdomain": subdomain,
        "plan_id": office.find("saas.plan", code="starter"),
        "template_id": office.find("saas.template", code="tiny"),
    }
    return office.call("saas.instance.request", "create", [values])[0]


def order(office: BackOffice, company: str) -> int:
    """An instance that is being created because it was asked for."""
    request = ask_for(office, company)
    office.call("saas.instance.request", "action_submit", [request])
    return office.read("saas.instance.request", request, "instance_id")["instance_id"][0]


def fill(office: BackOffice) -> dict[str, int]:
    """Make the sample; the ids of the records that views are opened with."""
    broken = _broken_template(office)
    webhook = _webhook(office)
    acme, bergamot, suspended, gone = [order(office, company) for company in _CUSTOMERS]
    failed = _failing_instance(office)
    drafts = [office.instance(name.split()[0].lower(), name=name) for name in _DRAFTS]
    ask_for(office, "Maple Legal")
    for instance in (acme, bergamot, suspended, gone, failed):
        office.wait("saas.instance", instance, ["active", "failed"])
    office.press("action_check_health", acme)
    _end_trial(office, acme)
    _change_plan(office, acme, "professional")
    office.press("action_suspend", suspended, reason="The invoice of May is unpaid.")
    office.press("action_terminate", gone)
    office.wait("saas.instance", suspended, ["suspended"])
    office.wait("saas.instance", gone, ["terminated"])
    office.wait("saas.template", broken, ["failed"])
    delivery = office.call("saas.webhook.delivery", "search", [["webhook_id", "=", webhook]])[0]
    told = {"webhook": webhook, "delivery": delivery}
    return {"failed": failed, "draft": drafts[0], **told, **_around(office, acme)}


def _end_trial(office: BackOffice, instance: int) -> None:
    """Its first period begins today, and the next one is renewed ahead."""
    subscription = office.find("saas.subscription", instance_id=instance)
    office.call("saas.subscription", "write", [subscription], {"date_end": date.today().isoformat()})
    for _period in range(2):
        office.call("saas.subscription", "action_renew", [subscription])


def _change_plan(office: BackOffice, instance: int, plan: str) -> None:
    """Replace the current periods, so that some periods cover no day."""
    values = {"instance_id": instance, "plan_id": office.find("saas.plan", code=plan)}
    wizard = office.call("saas.instance.change.plan", "create", [values])[0]
    office.call("saas.instance.change.plan", "action_change_plan", [wizard])


def _webhook(office: BackOffice) -> int:
    """An endpoint without a listener."""
    values = {"name": "Our CRM", "url": "https://crm.invalid/hooks"}
    return office.call("saas.webhook", "create", [values])[0]


def _broken_template(office: BackOffice) -> int:
    values = {"name": "Broken", "code": "broken", "modules": "no_such_module"}
    template = office.call("saas.template", "create", [values])[0]
    office.call("saas.template", "action_create_template_db", [template])
    return template


def _failing_instance(office: BackOffice) -> int:
    """An order for a country that its Odoo does not know."""
    instance = office.instance("evergreen", name="Evergreen Spa", country_id=office.nowhere())
    office.press("action_provision_instance", instance)
    return instance


def _around(office: BackOffice, instance: int) -> dict[str, int]:
    """The instance and its related records."""
    subscription = office.find("saas.subscription", instance_id=instance)
    (period, *_others) = office.call(
        "saas.subscription.period", "search", [["subscription_id", "=", subscription]]
    )
    return {
        "instance": instance,
        "customer": office.read("saas.instance", instance, "partner_id")["partner_id"][0],
        "subscription": subscription,
        "period": period,
        "request": office.find("saas.instance.request", instance_id=instance),
        "template": office.find("saas.template", code="tiny"),
        "plan": office.find("saas.plan", code="starter"),
        "server": office.find("saas.server", code="local"),
    }
