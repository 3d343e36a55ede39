"""Mails of the real master, with a real mail server and without one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import httpx
import pytest
from tests.support.back_office import BackOffice
from tests.support.mail_server import MailServer, serving, text_of
from tests.support.odoo_client import browser
from tests.support.waiting import wait_until

from tenantry.engine import Engine
from tenantry.model.names import MASTER_DATABASE
from tenantry.postgres import databases

_JOBS = (
    "queue_job WHERE channel = 'root.saas_mail' AND state = 'pending' AND retry > 0 AND name LIKE '%Unheard%'"
)
_WAITING = f"SELECT uuid FROM {_JOBS}"
_AT_ONCE = f"UPDATE queue_job SET eta = NULL WHERE uuid IN ({_WAITING})"
_KEPT = "SELECT body_html FROM mail_mail WHERE body_html LIKE '%saas_mail_content%'"
_FRENCH_SUBJECT = "Mailed\N{NO-BREAK SPACE}: votre Odoo est prêt"
_LINK = re.compile(r"https?://\S+/saas/login\S+")


@pytest.fixture
def mail_server(office: BackOffice) -> Iterator[MailServer]:
    with serving(office) as server:
        yield server


def sql(engine: Engine, statement: str) -> list[tuple]:
    """Run a query in the master's database; return its rows, if any."""
    with engine.context.cluster.connect(MASTER_DATABASE) as inside:
        cursor = inside.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_the_customer_gets_a_login_link_and_the_master_keeps_no_copy_of_it(
    office: BackOffice, mail_server: MailServer
) -> None:
    customer = office.customer("mailed", lang="fr_FR")
    instance = office.create("mailed", partner_id=customer)
    mail = mail_server.wait_for(_FRENCH_SUBJECT)
    assert "mailed@customer.example" in mail["To"]
    told, text = office.read("saas.instance", instance, "url"), text_of(mail)
    for expected in (told["url"], "mailed@customer.example", "Identifiant", "Bonjour mailed"):
        assert expected in text
    assert "prefers-color-scheme: dark" in text_of(mail, "html")

    link = _LINK.search(text)
    assert link
    assert follow(office, link[0]) == "mailed@customer.example"
    token = link[0].partition("token=")[2]
    wait_until(lambda: not sql_secrets(office, instance), "the password is kept")
    kept = sql(office.engine, "SELECT body FROM mail_message UNION ALL SELECT body_html FROM mail_mail")
    assert not [body for (body,) in kept if token in (body or "")]
    assert f"Mail sent: {_FRENCH_SUBJECT}" in unescape("".join(office.messages("saas.instance", instance)))
    office.terminate(instance)
    assert "mailed" in text_of(mail_server.wait_for("Mailed a été supprimée"))


def test_a_customer_gets_a_mail_about_each_change_of_their_instance(
    office: BackOffice, mail_server: MailServer
) -> None:
    instance = office.create("told")
    url, plan = office.read("saas.instance", instance, "url")["url"], "Starter"
    ready = text_of(mail_server.wait_for("Told: your Odoo is ready"))
    assert all(fact in ready for fact in (url, "told@customer.example", plan))

    office.press("action_suspend", instance, reason="March was not paid")
    office.wait("saas.instance", instance, ["suspended"])
    assert "March was not paid" in text_of(mail_server.wait_for("Told is suspended"))

    office.press("action_reactivate", instance)
    office.wait("saas.instance", instance, ["active"])
    assert url in text_of(mail_server.wait_for("Told works again"))

    office.terminate(instance)
    gone = text_of(mail_server.wait_for("Told was deleted"))
    assert "told" in gone
    with office.engine.context.maintenance() as connection:
        assert "told" not in databases.names(connection)


def sql_secrets(office: BackOffice, instance: int) -> list[tuple]:
    query = f"SELECT 1 FROM saas_instance WHERE id = {instance} AND admin_password_sealed IS NOT NULL"
    return sql(office.engine, query)


def follow(office: BackOffice, link: str) -> str:
    """Open the link and press the button of its page; return the user who is logged in then."""
    visitor = browser(office.engine.context.route("mailed"))
    page = visitor.get(httpx.URL(link).raw_path.decode())
    fields = dict(re.findall(r'name="(csrf_token|token)"\s+value="([^"]+)"', page.text))
    visitor.post("/saas/login", data=fields)
    answer = visitor.post("/web/session/get_session_info", json={"params": {}}).json()
    return str(answer["result"]["username"])


def test_a_dead_mail_server_stops_nothing_and_the_mail_is_sent_when_it_is_back(
    office: BackOffice, mail_server: MailServer
) -> None:
    mail_server.stop()
    instance = office.create("unheard")
    office.press("action_suspend", instance, reason="March was not paid")
    office.wait("saas.instance", instance, ["suspended"])
    warning = [["instance_id", "=", instance], ["level", "=", "warning"]]
    wait_until(lambda: office.call("saas.instance.log", "search_count", warning) >= 2, "there is no warning")
    wait_until(lambda: len(sql(office.engine, _WAITING)) == 2, "the two mails do not wait")
    assert sql(office.engine, _KEPT) == []

    mail_server.start()
    sql(office.engine, _AT_ONCE)
    assert "March was not paid" in text_of(mail_server.wait_for("Unheard is suspended"))
    office.terminate(instance)
