"""The pages of the back office that are looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class View:
    """A page of the web client: an element to wait for, then the kind of view or the button."""

    name: str
    path: str
    shows: str
    kind: str | None = None
    button: str | None = None


def views(name: str, path: str, *kinds: str) -> list[View]:
    """The views of one menu."""
    return [View(f"{name}-{kind}", f"{path}?view_type={kind}", ".o_view_controller", kind) for kind in kinds]


def wizard(name: str, button: str, path: str, shows: str) -> View:
    return View(f"wizard-{name}", path, shows, button=button)


_INSTANCE = "saas-instances/{instance}"
_FORM = ".o_form_view .o_form_sheet"
_ROWS = ":is(.o_list_view .o_data_row, .o_kanban_view .o_kanban_record:not(.o_kanban_ghost))"
VIEWS = [
    View("dashboard", "saas-dashboard", ".o_saas_dashboard canvas"),
    *views("instances", "saas-instances", "list", "kanban", "graph", "pivot"),
    View("instance-form", _INSTANCE, _FORM),
    View("instance-form-failed", "saas-instances/{failed}", _FORM),
    View("instance-form-draft", "saas-instances/{draft}", _FORM),
    *views("requests", "saas-requests", "list", "kanban"),
    View("request-form", "saas-requests/{request}", _FORM),
    *views("subscriptions", "saas-subscriptions", "list", "kanban", "calendar"),
    View("subscription-form", "saas-subscriptions/{subscription}", _FORM),
    View("period-form", "saas.subscription.period/{period}", _FORM),
    *views("logs", "saas-logs", "list", "graph"),
    *views("templates", "saas-templates", "list", "kanban"),
    View("template-form", "saas-templates/{template}", _FORM),
    *views("plans", "saas-plans", "list", "kanban"),
    View("plan-form", "saas-plans/{plan}", _FORM),
    *views("servers", "saas-servers", "list", "kanban"),
    View("server-form", "saas-servers/{server}", _FORM),
    View("webhooks-list", "action-saas_manager_webhook.saas_webhook_action", _ROWS),
    View("webhook-form", "saas.webhook/{webhook}", _FORM),
    View(
        "deliveries-list",
        "action-saas_manager_webhook.saas_webhook_delivery_action",
        _ROWS,
    ),
    View("delivery-form", "saas.webhook.delivery/{delivery}", _FORM),
    View("partner-form", "res.partner/{customer}", _FORM),
    wizard("create", "New", "saas-instances?view_type=kanban", ".o_kanban_renderer"),
    wizard("access", "Let the Customer In", _INSTANCE, _FORM),
    wizard("change-plan", "Change Plan", _INSTANCE, _FORM),
    wizard("test-connection", "Test Connection", "saas-servers/{server}", _FORM),
    wizard("move", "Move to Another Server", _INSTANCE, _FORM),
    wizard("suspend", "Suspend", _INSTANCE, _FORM),
    wizard("terminate", "Terminate", _INSTANCE, _FORM),
]
