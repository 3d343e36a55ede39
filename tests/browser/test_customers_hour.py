"""A customer's first hour: from the signup page on a phone, in French, to a printed invoice of their own."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.support.back_office import BackOffice
from tests.support.mail_server import MailServer, serving, text_of
from tests.support.screen import Screen
from tests.support.visitor import HOME, PASSWORD, Visitor
from tests.support.walk import Walk

COMPANY, NAME, CUSTOMER = "Boulangerie Dupont", "boulangerie-dupont", "Anne Dupont"
BUYER, COLLEAGUE = "Café du Port", "paul@boulangerie-dupont.example"
FRENCH = {"locale": "fr-FR", "timezone_id": "Europe/Paris"}
_STAGES = [
    "Préparation de votre base de données",
    "Personnalisation de votre Odoo",
    "Création de votre accès",
    "Ouverture de votre adresse",
    "Votre Odoo est prêt",
]
_LINK = re.compile(r'href="([^"]+)"')
_NOTE_SENTENCES = """
    new MutationObserver(() => {
        const now = document.querySelector(".progress #sentence")?.textContent;
        if (now && now !== window.lastSentence) window.noteSentence(window.lastSentence = now);
    }).observe(document, { subtree: true, childList: true, characterData: true });
"""


@pytest.fixture(scope="module")
def office(new_office: BackOffice) -> Iterator[BackOffice]:
    """An operator who sells one template, with French books."""
    languages = [new_office.find("res.lang", code=code) for code in ("en_US", "fr_FR")]
    france = new_office.find("res.country", code="FR")
    template = new_office.template(
        "books", "account", name="Facturation", language_ids=[[6, 0, languages]], country_id=france
    )
    yield new_office
    live = [["state", "not in", ["draft", "terminated", "failed"]]]
    new_office.terminate(*new_office.call("saas.instance", "search", live))
    new_office.call("saas.template", "write", [template], {"active": False})
    new_office.engine.templates.drop("books")
    # The job that tells the engine may come too late: the next file puts another master in this one's place.
    new_office.engine.mail.unset()


@pytest.fixture(scope="module")
def mails(office: BackOffice) -> Iterator[MailServer]:
    with serving(office) as server:
        yield server


@pytest.mark.timeout(1200)
def test_a_french_speaking_person_gets_from_a_phone_to_a_printed_invoice_and_comes_back_the_next_day(
    browser: Browser, office: BackOffice, mails: MailServer, pictures: Path, tmp_path: Path
) -> None:
    walk = Walk(office.engine.master.url, "customer")
    phone = Visitor(browser, office, mails, pictures, "phone", **FRENCH)
    walk.watch(phone.context)
    _fill_in_the_form(phone)
    _follow_the_mail(walk, phone)
    _choose_a_password(walk, phone)
    walk.check()
    _import_their_contacts(phone)
    _invite_a_colleague(phone)
    walk.check()
    _make_an_invoice(phone)
    _print_it(phone, tmp_path)
    walk.check()

    laptop = Visitor(browser, office, mails, pictures, "desktop", **FRENCH)
    walk.watch(laptop.context)
    _log_in_the_next_day(walk, laptop)
    walk.check()
    tablet = Visitor(browser, office, mails, pictures, "desktop", **FRENCH)
    walk.watch(tablet.context)
    _use_the_welcome_mail(walk, tablet)
    colleague = Visitor(browser, office, mails, pictures, "desktop", **FRENCH)
    walk.watch(colleague.context)
    _accept_the_invitation(colleague)
    walk.end()
    for one in (phone, laptop, tablet, colleague):
        one.context.close()


# ------------------------------------------------------------ the signup


def _fill_in_the_form(anne: Visitor) -> None:
    page = anne.page
    page.goto("/signup")
    expect(page.locator("html")).to_have_attribute("lang", "fr-FR")
    anne.expect_heading("Créez votre Odoo")
    page.get_by_label("Société").fill(COMPANY)
    page.get_by_label("Votre nom").fill(CUSTOMER)
    page.get_by_label("E-mail").fill(anne.email(NAME))
    expect(page.get_by_text(f"{NAME} est libre.")).to_be_visible()
    expect(page.get_by_label("Pays")).to_have_value("FR")
    expect(page.locator(".note")).to_have_count(0)
    anne.judge("hour-form")
    page.get_by_role("button", name="Créer mon Odoo").click()
    page.wait_for_url("**/signup/sent/*")
    anne.expect_heading("Consultez votre boîte de réception")


def _follow_the_mail(walk: Walk, anne: Visitor) -> None:
    mail = anne.mails.wait_to(anne.email(NAME))
    assert mail["subject"] == "Confirmez votre adresse e-mail"
    assert "Confirmer mon adresse" in text_of(mail, "html")
    seen: list[str] = []
    anne.context.expose_binding("noteSentence", lambda _source, sentence: seen.append(sentence))
    anne.context.add_init_script(_NOTE_SENTENCES)
    anne.open_link(NAME)
    anne.expect_heading(f"un clic, {CUSTOMER}")
    anne.press()
    anne.page.wait_for_url(re.compile(rf"//{NAME}\..*/saas/password"), wait_until="load")
    _expect_busy(walk, "Confirmer et créer mon Odoo")
    assert seen, "no progress was shown"
    assert [sentence for sentence in _STAGES if sentence in seen] == seen


def _choose_a_password(walk: Walk, anne: Visitor) -> None:
    anne.expect_heading("Choisir un mot de passe")
    expect(anne.page.locator("#saas_password_hint")).to_contain_text("Au moins 8 caractères")
    anne.judge("hour-password", "#saas_password_form")
    anne.page.get_by_label("Mot de passe", exact=True).fill(PASSWORD)
    anne.page.get_by_label("Le même mot de passe encore une fois").fill(PASSWORD)
    anne.page.get_by_role("button", name="Enregistrer et ouvrir mon Odoo").click()
    anne.expect_home(NAME)
    _expect_busy(walk, "Enregistrer et ouvrir mon Odoo")
    expect(anne.page.locator(".o_main_navbar")).to_contain_text("Factures clients")


# ------------------------------------------------------------ what the welcome offers


def _import_their_contacts(anne: Visitor) -> None:
    screen = _odoo(anne)
    welcome = anne.page.get_by_role("complementary", name=f"Bienvenue, {CUSTOMER}")
    expect(welcome.get_by_role("link", name=re.compile("^Demander de l.aide"))).to_have_attribute(
        "href", "mailto:office@operator.example"
    )
    guide = welcome.get_by_role("link", name="Lire comment fonctionne Odoo")
    expect(guide).to_have_attribute("href", re.compile(r"^https://www\.odoo\.com/documentation/[\d.]+/fr/$"))
    screen.picture("hour-welcome")
    welcome.get_by_role("button", name="Importer vos contacts").click()
    screen.wait_for(".o_import_action")
    expect(welcome.get_by_role("listitem")).to_have_count(0)
    screen.picture("hour-import")
    content = f"Nom,E-mail\n{BUYER},port@cafe.example\n".encode()
    anne.page.locator("input.o_input_file").first.set_input_files(
        {"name": "contacts.csv", "mimeType": "text/csv", "buffer": content}
    )
    screen.wait_for(".o_import_data_content")
    screen.picture("hour-import-read")
    screen.press("Importer")
    screen.wait_for(".o_data_row, .o_kanban_record:not(.o_kanban_ghost)")
    expect(anne.page.locator(".o_content")).to_contain_text(BUYER)
    screen.picture("hour-imported")


def _invite_a_colleague(anne: Visitor) -> None:
    screen = _odoo(anne)
    welcome = anne.page.get_by_role("complementary", name="Bienvenue")
    welcome.get_by_role("button", name="Bienvenue").click()
    welcome.get_by_role("button", name="Inviter vos collègues").click()
    screen.wait_for(".o_data_row, .o_kanban_record:not(.o_kanban_ghost)")
    screen.picture("hour-users")
    screen.press("Nouveau")
    screen.wait_for(".o_form_view .o_form_sheet")
    anne.page.locator("[name=name] :is(input, textarea)").fill("Paul Martin")
    anne.page.locator("[name=login] input").fill(COLLEAGUE)
    screen.picture("hour-invite")
    anne.page.locator(".o_form_button_save").click()
    invitation = anne.mails.wait_to(COLLEAGUE)
    assert CUSTOMER in text_of(invitation, "html")
    expect(anne.page.locator(".o_form_button_save:visible")).to_have_count(0)
    screen.picture("hour-invited")
    welcome.get_by_role("button", name="Fermer").click()
    expect(welcome).to_have_count(0)


# ------------------------------------------------------------ the invoice


def _make_an_invoice(anne: Visitor) -> None:
    page, screen = anne.page, _odoo(anne)
    page.locator(".o_menu_toggle").click()
    page.get_by_text("Toutes les applications").click()
    page.locator(".o_app").get_by_text("Facturation").click()
    screen.wait_for(".o_kanban_view .o_nocontent_help")
    screen.press("Nouveau")
    screen.wait_for(".o_form_view .o_form_sheet")
    page.locator("[name=partner_id] input").click()
    page.locator(".modal .o_kanban_record").get_by_text(BUYER).click()
    expect(page.locator("[name=partner_id] input")).to_have_value(re.compile(BUYER))
    page.get_by_text("Ajouter Lignes de facture").click()
    line = page.locator(".modal")
    line.locator("[name=name] textarea").fill("Trente baguettes")
    line.locator("[name=quantity] input").fill("30")
    line.locator("[name=price_unit] input").fill("1,20")
    line.locator("[name=tax_ids] input").click()
    page.locator(".modal").last.get_by_text("20% G", exact=True).click()
    expect(page.locator(".modal [name=tax_ids]")).to_contain_text("20% G")
    screen.picture("hour-invoice-line")
    screen.press("Enregistrer & Fermer")
    expect(page.locator(".modal")).to_have_count(0)
    screen.press("Confirmer")
    expect(screen.button("Envoyer")).to_be_visible()
    expect(page.locator(".o_statusbar_status")).to_contain_text("Comptabilisé")
    expect(page.locator("[name=tax_totals]")).to_contain_text("43,20")
    screen.picture("hour-invoice")


def _print_it(anne: Visitor, folder: Path) -> None:
    """The letters of a PDF may be drawn as curves, so the words are read in the report that it is made of."""
    page, screen = anne.page, _odoo(anne)
    screen.press("Imprimer")
    with page.expect_download() as printing:
        page.locator(".modal").get_by_role("button", name="Continuer").click()
    printed = folder / "invoice.pdf"
    printing.value.save_as(printed)
    content = printed.read_bytes()
    assert content.startswith(b"%PDF-")
    assert "wkhtmltopdf".encode("utf-16-be") in content
    origin, _path, invoice = page.url.partition("/odoo/customer-invoices/")
    report = anne.context.new_page()
    report.goto(f"{origin}/report/html/account.report_invoice_with_payments/{invoice}")
    for expected in (
        COMPANY,
        BUYER,
        "Trente baguettes",
        "Facture",
        "Montant hors taxes",
        "TVA 20%",
        "43,20 €",
    ):
        expect(report.locator("body")).to_contain_text(expected)
    report.close()


# ------------------------------------------------------------ the next day


def _log_in_the_next_day(walk: Walk, anne: Visitor) -> None:
    page = anne.page
    page.goto("/signup")
    page.get_by_role("link", name="Connectez-vous").click()
    anne.expect_heading("Se connecter à votre Odoo")
    page.wait_for_load_state()
    page.get_by_label("Adresse de votre Odoo").fill(NAME)
    page.get_by_role("button", name="Y aller").click()
    page.wait_for_url(re.compile(rf"//{NAME}\..*/web/login"))
    _expect_busy(walk, "Y aller")
    page.fill("input[name=login]", anne.email(NAME))
    page.fill("input[name=password]", PASSWORD)
    page.locator(".oe_login_form").get_by_role("button", name="Se connecter", exact=True).click()
    _expect_their_app(page)
    _odoo(anne).picture("hour-next-day")


def _use_the_welcome_mail(walk: Walk, anne: Visitor) -> None:
    """The second mail: its button logs in wherever it is opened."""
    welcome = anne.mails.wait_for(f"{COMPANY}\N{NO-BREAK SPACE}: votre Odoo est prêt")
    assert welcome["to"] == anne.email(NAME)
    assert f"Bonjour {CUSTOMER}" in text_of(welcome)
    (way_in,) = (link for link in _links(welcome) if "/saas/login" in link)
    for link in _links(welcome):
        if link != way_in and link.startswith("http"):
            answer = anne.page.goto(link)
            assert answer is not None
            assert answer.ok, link
    anne.page.goto(way_in)
    anne.page.get_by_role("button", name="Se connecter").click()
    _expect_their_app(anne.page)
    _expect_busy(walk, "Se connecter")


def _accept_the_invitation(paul: Visitor) -> None:
    (way_in,) = (link for link in _links(paul.mails.wait_to(COLLEAGUE)) if "token=" in link)
    page = paul.page
    page.goto(way_in)
    page.fill("input[name=password]", PASSWORD)
    page.fill("input[name=confirm_password]", PASSWORD)
    page.locator(".oe_signup_form button[type=submit], .oe_reset_password_form button[type=submit]").click()
    expect(page.locator(HOME)).to_be_visible()
    assert f"//{NAME}." in page.url


def _links(mail: EmailMessage) -> list[str]:
    return [html.unescape(link) for link in _LINK.findall(text_of(mail, "html"))]


def _expect_their_app(page: Page) -> None:
    expect(page.locator(HOME)).to_be_visible()
    assert f"//{NAME}." in page.url
    expect(page.locator(".o_menu_brand")).to_have_text("Facturation")


def _expect_busy(walk: Walk, label: str) -> None:
    """Check that the button showed that it was pressed before the next page came."""
    press = next(press for press in reversed(walk.presses) if press.label == label)
    assert press.how == "a change of the page", press


def _odoo(anne: Visitor) -> Screen:
    """Their Odoo's client, at the same screen."""
    return Screen.of(anne.page, anne.size, anne.pictures)
