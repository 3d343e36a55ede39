"""The screens of an operator, a customer and a visitor: first of a new installation, then of a used one.

One file, so that all of it runs after each other on one installation.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect
from tests.browser.conftest import OpenScreen
from tests.support.back_office import BackOffice
from tests.support.catalog import words
from tests.support.screen import SIZES, Person, Screen
from tests.support.views import VIEWS, View
from tests.support.waiting import wait_until

_NAMES = {"My Company", "Our CRM"}
"""Of records, though they are also terms of ours."""
_STATE = ".o_statusbar_status .o_arrow_button_current"


@pytest.fixture
def screen(screens: OpenScreen, operator: Person) -> Screen:
    return screens(operator)


# ------------------------------------------------------------ a new installation


def test_the_dashboard_says_what_to_do_first_and_leads_there(screen: Screen) -> None:
    screen.open("saas-dashboard", ".o_saas_dashboard")
    steps = screen.page.locator(".o_saas_first_steps li")
    expect(steps).to_have_count(5)
    expect(steps.filter(has_text="Create your first instance").get_by_role("button")).to_have_count(0)
    screen.picture("new-dashboard")
    steps.filter(has_text="Build a template").get_by_role("button").click()
    screen.wait_for(".o_data_row, .o_kanban_record:not(.o_kanban_ghost)")
    expect(screen.page.locator(".o_breadcrumb")).to_contain_text("Templates")
    assert screen.problems == []


def test_an_operator_lands_on_the_dashboard(screen: Screen) -> None:
    screen.page.goto("/odoo")
    screen.wait_for(".o_saas_dashboard")
    assert screen.page.url.endswith("/odoo/saas-dashboard")


def test_an_empty_list_of_instances_says_what_to_do_first(screen: Screen) -> None:
    screen.open("saas-instances?view_type=list", ".o_nocontent_help")
    expect(screen.page.locator(".o_nocontent_help")).to_contain_text("Create your first instance")
    screen.picture("new-instances")
    assert screen.problems == []


# ------------------------------------------------------------ every view


@pytest.mark.parametrize("view", VIEWS, ids=lambda view: view.name)
@pytest.mark.parametrize("size", SIZES)
def test_every_view_opens_without_an_error(
    screens: OpenScreen, operator: Person, sample: dict[str, int], size: str, view: View
) -> None:
    screen = screens(operator, size)
    screen.open(view.path.format(**sample), view.shows)
    if view.kind:
        screen.switch_to(view.kind)
    if view.button:
        screen.press(view.button)
        screen.wait_for(".modal .o_form_view")
    screen.picture(view.name)
    assert screen.problems == []


@pytest.mark.parametrize("size", SIZES)
def test_the_settings_open_without_an_error(
    screens: OpenScreen, administrator: Person, sample: dict[str, int], size: str
) -> None:
    screen = screens(administrator, size)
    screen.open("action-saas_manager.res_config_settings_action", ".o_setting_container .app_settings_block")
    screen.picture("settings")
    assert screen.problems == []


@pytest.mark.parametrize("language", ["fr_FR", "vi_VN"])
def test_forms_and_dialogs_fit_a_phone_and_leave_nothing_in_english(
    screens: OpenScreen, speaker: Callable[[str], Person], sample: dict[str, int], language: str
) -> None:
    screen, translated = screens(speaker(language), "phone"), words(language[:2])
    wrong = []
    for view in VIEWS:
        if view.kind:
            continue
        screen.open(view.path.format(**sample), view.shows)
        if view.button:
            screen.press(translated[view.button])
            screen.wait_for(".modal .o_form_view")
        english = screen.texts & translated.keys() - set(translated.values()) - _NAMES
        wrong += [f"{view.name}: {it}" for it in [*screen.sideways, *sorted(english)]]
    assert wrong == []


def test_a_kept_error_is_shown_in_the_reader_s_language(
    screens: OpenScreen, speaker: Callable[[str], Person], office: BackOffice, sample: dict[str, int]
) -> None:
    screen = screens(speaker("fr_FR"))
    (failed,) = office.call(
        "saas.instance",
        "read",
        [sample["failed"]],
        ["state_reason", "state_reason_text"],
        context={"lang": "fr_FR"},
    )
    assert failed["state_reason_text"] != failed["state_reason"]
    screen.open(f"saas-instances/{sample['failed']}", ".o_form_view .o_form_sheet")
    expect(screen.page.locator("[name=state_reason_text]")).to_have_text(failed["state_reason_text"])
    screen.open("saas-logs?view_type=list", ".o_list_view .o_data_row")
    expect(screen.page.locator("[name=message]", has_text=failed["state_reason_text"]).first).to_be_visible()
    assert screen.problems == []


@pytest.mark.parametrize("language", ["en_US", "fr_FR", "vi_VN"])
def test_the_buttons_of_a_form_stand_in_one_row(
    screens: OpenScreen,
    speaker: Callable[[str], Person],
    office: BackOffice,
    sample: dict[str, int],
    language: str,
) -> None:
    screen, subscription = screens(speaker(language)), sample["subscription"]
    rows = {}
    for payment in ("pending", "paid"):
        office.call("saas.subscription", "write", [subscription], {"payment_state": payment})
        screen.open(f"saas-subscriptions/{subscription}", ".o_form_sheet")
        screen.picture(f"buttons-{payment}-{language}")
        rows[payment] = screen.rows_of_buttons
    for view in VIEWS:
        if view.name.endswith(("-form", "-form-failed")) and "{" in view.path:
            screen.open(view.path.format(**sample), view.shows)
            screen.picture(f"buttons-{view.name}-{language}")
            rows[view.name] = screen.rows_of_buttons
    assert {name: count for name, count in rows.items() if count > 1} == {}
    assert rows["instance-form"] == rows["pending"] == 1


@pytest.mark.usefixtures("sample")
def test_the_calendar_of_subscriptions_opens_on_the_month_of_the_next_end(
    screen: Screen, office: BackOffice
) -> None:
    """In the second half of a month that is the next one: trials last for two weeks."""
    to_come = [["date_end", ">=", date.today().isoformat()]]
    (first,) = office.call(
        "saas.subscription", "search_read", to_come, ["date_end"], order="date_end", limit=1
    )
    screen.open("saas-subscriptions?view_type=calendar", ".o_calendar_renderer .fc-event")
    expect(screen.page.locator(f"[data-date='{first['date_end']}'] .fc-event").first).to_be_visible()
    assert screen.problems == []


@pytest.mark.usefixtures("sample")
def test_the_calendar_hides_cancelled_subscriptions_until_they_are_asked_for(
    screen: Screen, office: BackOffice
) -> None:
    cancelled = office.find("saas.subscription", state="cancelled")
    to_come = [["date_end", ">=", date.today().isoformat()], ["state", "!=", "cancelled"]]
    (first,) = office.call(
        "saas.subscription", "search_read", to_come, ["date_end"], order="date_end", limit=1
    )
    office.call("saas.subscription", "write", [cancelled], {"date_end": first["date_end"]})
    (instance,) = office.call("saas.subscription", "read", [cancelled], ["instance_id"])
    screen.open("saas-subscriptions?view_type=calendar", ".o_calendar_renderer .fc-event")
    its_day = screen.page.locator(".fc-event", has_text=instance["instance_id"][1])
    expect(its_day).to_have_count(0)
    screen.page.locator(".o_calendar_filter_item", has_text="Cancelled").locator("input").check()
    expect(its_day).to_have_count(1)
    assert screen.problems == []


# ------------------------------------------------------------ an operator at work


def test_the_secret_of_an_endpoint_is_shown_once(screen: Screen, office: BackOffice) -> None:
    values = {"name": "Billing", "url": "https://billing.invalid/hooks"}
    webhook = office.call("saas.webhook", "create", [values])[0]
    screen.open(f"saas.webhook/{webhook}", ".o_form_view .o_form_sheet")
    screen.press("Show the Secret")
    expect(screen.page.locator(".modal .o_form_view")).to_contain_text("whsec_")
    screen.picture("webhook-secret")
    screen.press("Done")
    expect(screen.button("Show the Secret")).to_be_hidden()
    assert screen.problems == []


def test_the_snippet_of_a_publishable_key_can_be_copied(screen: Screen, office: BackOffice) -> None:
    values = {"name": "Shop", "origins": "https://www.example.com"}
    key = office.call("saas.api.key.publishable", "create", [values])[0]
    screen.open(f"saas.api.key.publishable/{key}", ".o_form_view .o_form_sheet")
    expect(screen.page.locator("[name=snippet]").first).to_contain_text("</tenantry-signup>")
    expect(screen.button("Copy")).to_be_visible()
    assert screen.problems == []


def test_an_operator_gets_a_login_link_once_and_it_lets_the_customer_in(
    screen: Screen, office: BackOffice
) -> None:
    instance = office.create("linden")
    screen.open(f"saas-instances/{instance}", ".o_form_sheet")
    screen.press("Let the Customer In")
    screen.page.get_by_label("Show a login link, to copy it").check()
    screen.picture("access")
    screen.press("Confirm")
    shown = screen.page.locator(".modal [name=link]")
    expect(shown).to_contain_text("/saas/login?token=")
    screen.picture("access-link")
    link = shown.inner_text().split()[0]
    screen.press("Done")
    expect(screen.page.locator(".o-mail-Chatter")).to_contain_text("made a login link")
    expect(screen.page.locator("body")).not_to_contain_text("token=")
    assert screen.problems == []
    screen.page.goto(link)
    screen.page.locator("form[action*='/saas/login'] button").click()
    screen.page.wait_for_url("**/saas/password")
    office.terminate(instance)


def test_create_shows_the_steps_and_then_active_without_a_reload(screen: Screen, office: BackOffice) -> None:
    draft = office.instance("oakwood")
    screen.open(f"saas-instances/{draft}", ".o_form_sheet")
    screen.page.evaluate("window.isStillTheSamePage = true")
    seen = _note_steps(screen)
    screen.press("Create")
    expect(screen.page.locator(_STATE)).to_have_text("Active", timeout=30_000)
    expect(screen.button("Open")).to_be_visible()
    assert len(set(seen())) > 1
    assert screen.page.evaluate("window.isStillTheSamePage")
    assert screen.problems == []
    office.terminate(draft)


def test_leaving_a_form_while_something_runs_shows_nothing_red(screen: Screen, office: BackOffice) -> None:
    instance = office.create("linden")
    for _round in range(2):
        screen.open("saas-instances?view_type=list", ".o_list_view .o_data_row")
        screen.page.locator(".o_data_row").filter(has_text="Linden").first.locator("[name=name]").click()
        screen.wait_for(".o_form_view .o_form_sheet")
        screen.press("Restart")
        screen.page.locator(".modal footer .btn-primary").click()
        screen.page.locator(".o_breadcrumb a").get_by_text("Instances").click()
        screen.wait_for(".o_list_view .o_data_row")
        office.wait("saas.instance", instance, ["active"])
        screen.page.wait_for_timeout(500)  # for the messages of the operation's end
        assert screen.problems == []
    office.terminate(instance)


def test_several_instances_are_restarted_and_each_says_what_became_of_it(
    screen: Screen, office: BackOffice
) -> None:
    running, stopped = office.create("maple"), office.create("nettle")
    office.press("action_stop", stopped)
    office.wait("saas.instance", stopped, ["active"])
    screen.open("saas-instances?view_type=list", ".o_list_view .o_data_row")
    rows = screen.page.locator(".o_data_row")
    expect(rows.filter(has_text="Nettle").locator("td[name=status]")).to_have_text("Stopped")
    for name in ("Maple", "Nettle"):
        rows.filter(has_text=name).locator(".o_list_record_selector input").click()
    screen.picture("bulk-selected")
    screen.press("Restart")
    lines = screen.page.locator(".modal .o_data_row")
    expect(lines.filter(has_text="Nettle")).to_contain_text("is stopped. Start it first.")
    screen.picture("bulk-asked")
    screen.press("Restart")
    expect(screen.page.locator(".modal [role=status]")).to_contain_text("1 of 2 begun or done, 1 refused.")
    expect(lines.filter(has_text="Maple")).to_contain_text("Begun")
    screen.picture("bulk-done")
    screen.press("Close")
    office.wait("saas.instance", running, ["active"])
    assert screen.problems == []
    office.terminate(running, stopped)


def test_new_leads_to_the_dialog_and_then_to_the_instance_at_its_own_address(
    screen: Screen, office: BackOffice
) -> None:
    office.customer("Osier")
    screen.open("saas-instances?view_type=list", ".o_list_view")
    screen.press("New")
    customer = screen.page.locator(".modal [name=partner_id] input")
    customer.fill("Osier")
    screen.page.locator(".o-autocomplete--dropdown-item").get_by_text("Osier", exact=True).click()
    expect(screen.page.locator(".modal [name=subdomain] input")).to_have_value("osier")
    screen.press("Create")
    expect(screen.page.locator(_STATE)).to_have_text("Active", timeout=30_000)
    instance = office.live("osier")
    expect(screen.page).to_have_url(re.compile(f"/odoo/saas-instances/{instance}$"))
    expect(screen.page.locator(".o_notebook .nav-link.active")).to_have_text(re.compile("Logs|Usage"))
    assert screen.problems == []
    office.terminate(instance)


def test_modules_are_chosen_by_their_names_for_people(screen: Screen, office: BackOffice) -> None:
    instance = office.create("privet")
    screen.open(f"saas-instances/{instance}", ".o_form_sheet")
    screen.press("Install Modules")
    screen.page.locator(".modal [name=module_ids] input").fill("Calend")
    screen.page.locator(".o-autocomplete--dropdown-item").get_by_text("Calendar (calendar)").click()
    screen.picture("modules-chosen")
    screen.press("Install")
    progress = screen.page.locator(".o_saas_progress_field")
    expect(progress).to_contain_text("installing the modules")
    expect(progress).to_contain_text("usually")
    screen.picture("modules-progress")
    office.wait("saas.instance", instance, ["active"])
    assert "Installed: calendar" in "".join(office.messages("saas.instance", instance))
    assert screen.problems == []
    office.terminate(instance)


def test_a_built_template_and_a_new_instance_say_what_they_use(office: BackOffice) -> None:
    template = office.find("saas.template", code="tiny")
    assert office.read("saas.template", template, "size_mb")["size_mb"] > 1
    instance = office.create("quince")
    wait_until(
        lambda: office.read("saas.instance", instance, "checked_at")["checked_at"], "it was not measured"
    )
    measured = office.read("saas.instance", instance, "user_count", "storage_mb")
    assert measured["user_count"] == 1
    assert measured["storage_mb"] > 1
    office.terminate(instance)


_LEAVE_A_PROGRESS_FIELD = """async (isShown) => {
    const module = (name) => odoo.loader.modules.get(name);
    const { App, EventBus } = module("@odoo/owl");
    const { SaasProgressField } = module("@saas_manager/progress/progress_field");
    const listeners = new Set();
    const bus = {
        subscribe: (_type, listener) => listeners.add(listener),
        unsubscribe: (_type, listener) => listeners.delete(listener),
        addChannel: () => {},
        deleteChannel: () => {},
    };
    let answer, reads = 0;
    const record = {
        resModel: "saas.instance", resId: 7, dirty: false, data: { operation: "restart" },
        isDirty: () => new Promise((resolve) => (answer = resolve)),
        load: async () => (reads += 1),
    };
    const app = new App(SaasProgressField, {
        env: { services: { bus_service: bus }, bus: new EventBus() },
        props: { record, name: "progress", step: "progress_step", while: "operation" },
        getTemplate: module("@web/core/templates").getTemplate,
        translateFn: (text) => text,
    });
    const mounted = app.mount(document.body);
    if (isShown) {
        await mounted;
    }
    const [listener] = listeners;
    listener({ model: "saas.instance", id: 7, status: "finished" });
    app.destroy();
    answer(false);
    await new Promise((resolve) => setTimeout(resolve));
    return { reads, listeners: listeners.size };
}"""


@pytest.mark.parametrize("is_shown", [True, False], ids=["shown", "not shown yet"])
def test_a_progress_field_that_was_left_reads_and_listens_no_more(screen: Screen, is_shown: bool) -> None:
    """Odoo refuses what a form that was left asks for, and shows the refusal as a crash."""
    screen.open("saas-instances?view_type=list", ".o_list_view")
    left = screen.page.evaluate(_LEAVE_A_PROGRESS_FIELD, is_shown)
    assert left == {"reads": 0, "listeners": 0}
    assert screen.problems == []


def _note_steps(screen: Screen) -> Callable[[], list[str]]:
    """Record every step that is shown, however short; call the result to read them."""
    screen.page.evaluate(
        """() => {
            window.steps = [];
            const note = () => {
                const step = document.querySelector(".o_saas_progress_field [role=status]");
                if (step) window.steps.push(step.textContent);
            };
            new MutationObserver(note).observe(document.body, {
                childList: true, subtree: true, characterData: true });
        }"""
    )
    return lambda: screen.page.evaluate("window.steps")


def test_terminate_refuses_a_wrong_name_and_terminates_with_the_right_one(
    screen: Screen, office: BackOffice
) -> None:
    instance = office.create("pampas")
    screen.open(f"saas-instances/{instance}", ".o_form_sheet")
    screen.press("Terminate")
    typed = screen.page.locator(".modal [name=typed_name] input")
    typed.fill("pampa")
    screen.press("Terminate for Good")
    refusal = screen.page.locator(".modal").filter(has_text="does not match")
    expect(refusal).to_be_visible()
    screen.picture("terminate-refused")
    assert office.engine.instances.is_serving("pampas")

    refusal.locator("footer button").first.click()
    typed.fill("pampas")
    screen.press("Terminate for Good")
    expect(screen.page.locator(_STATE)).to_have_text("Terminated", timeout=30_000)
    assert not office.engine.instances.is_serving("pampas")


@pytest.mark.parametrize(
    ("figure", "model"),
    [
        ("Active instances", "saas.instance"),
        ("Created in 30 days", "saas.instance"),
        ("Monthly revenue", "saas.subscription.period"),
        ("Creation time", "saas.instance"),
        ("Failures in 30 days", "saas.instance.log"),
    ],
)
def test_a_figure_of_the_dashboard_opens_its_list(
    screen: Screen, sample: dict[str, int], figure: str, model: str
) -> None:
    screen.open("saas-dashboard", ".o_saas_total")
    total = screen.page.locator(".o_saas_total").filter(has_text=figure)
    shown = total.locator(".o_saas_value").inner_text()
    total.click()
    screen.wait_for(".o_list_view")
    if shown.isdigit():
        expect(screen.page.locator(".o_list_view .o_data_row")).to_have_count(int(shown))
    assert screen.problems == []


# ------------------------------------------------------------ a customer, and a visitor of a wrong address


@pytest.mark.parametrize("size", SIZES)
def test_a_customer_with_a_link_is_in_their_odoo_after_one_button(
    browser: Browser, office: BackOffice, sample: dict[str, int], pictures: Path, size: str
) -> None:
    screen = Screen(browser, size, office.engine.master.url, pictures)
    screen.page.goto(office.engine.instances.login_link("acme").reveal())
    screen.picture("login-link")
    screen.page.locator("form[action*='/saas/login'] button").click()
    screen.page.wait_for_url("**/saas/password")
    screen.picture("password")
    screen.page.get_by_role("link", name="Later").click()
    screen.page.wait_for_selector(".o_web_client .o_main_navbar")
    screen.picture("tenant")
    assert screen.problems == []


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("name", "title"),
    [("nobody", "Nothing lives here"), ("cobalt", "This Odoo is suspended")],
)
def test_a_page_of_the_front_follows_the_visitors_dark_scheme(
    browser: Browser,
    office: BackOffice,
    sample: dict[str, int],
    pictures: Path,
    size: str,
    name: str,
    title: str,
) -> None:
    screen = Screen(browser, size, office.engine.master.url, pictures)
    address = office.engine.context.route("acme").url.replace("acme", name)
    lightness = []
    for scheme in ("light", "dark"):
        screen.page.emulate_media(color_scheme=scheme)
        screen.page.goto(address)
        expect(screen.page.get_by_role("heading", name=title)).to_be_visible()
        screen.picture(f"front-{name}-{scheme}")
        lightness.append(_lightness(screen))
    light, dark = lightness
    assert light > 200
    assert dark < 60


def _lightness(screen: Screen) -> float:
    """The brightness of the page's background, 0 to 255."""
    color = screen.page.evaluate("getComputedStyle(document.body).backgroundColor")
    red, green, blue = (int(part) for part in color.removeprefix("rgb(").removesuffix(")").split(","))
    return (red + green + blue) / 3
