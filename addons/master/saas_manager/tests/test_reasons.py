"""Reasons are shown in the language of whoever reads them, whatever language they were kept in."""

from dataclasses import MISSING, fields
from pathlib import Path

from odoo.tests import tagged

from tenantry import errors

from .. import gateway, reasons
from ..gateway import sentences
from .common import SaasCase

FACTS = {"str": "acme", "int": 200, "float": 2.4, "Path": Path("/srv/log/odoo.log")}
FACTS |= {"Path | None": FACTS["Path"], "Collection[str]": ["crm"], "Collection[Path]": [FACTS["Path"]]}


def made(kind, **left_out):
    """An error with a value for each fact."""
    if kind is errors.InvalidCode:
        return kind("2nd shop", 40, "shop")
    facts = {fact.name: FACTS[fact.type] for fact in fields(kind)}
    facts |= {"root": Path("/srv")} if kind is errors.DanglingLinks else {}
    return kind(**{**facts, **left_out})


KINDS = [kind for kind in vars(errors).values() if getattr(kind, "SENTENCE", "")]
ERRORS = [made(kind) for kind in KINDS if kind is not errors.Interrupted]
ERRORS += [
    made(kind, **{fact.name: fact.default})
    for kind in {type(error) for error in ERRORS}
    for fact in (fields(kind) if kind is not errors.InvalidCode else ())
    if fact.default is not MISSING
]
"""One of each class, and those without one of the facts that may be missing."""


@tagged("post_install", "-at_install")
class TestReasons(SaasCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for code in ("fr_FR", "vi_VN"):
            cls.env["res.lang"]._activate_lang(code)

    def _in(self, lang, reason):
        return reasons.in_words_of(self.env(context={"lang": lang}), reason)

    def test_each_error_of_the_engine_is_told_in_each_language_with_its_facts(self):
        self.assertGreater(len(ERRORS), 80)
        for error in ERRORS:
            kept = gateway.sentence(error)
            self.assertEqual(kept, f"{error} {error.remedy}".strip())
            self.assertEqual(gateway.sentence(error, "en_US"), kept)
            for lang in ("fr_FR", "vi_VN"):
                with self.subTest(type(error).__name__, kept=kept, lang=lang):
                    told = gateway.sentence(error, lang)
                    self.assertNotEqual(told, kept)
                    self.assertNotRegex(told, r"[{}]")
                    self.assertEqual(self._in(lang, kept), told)
                    self.assertEqual(self._in("en_US", told), kept)

    def test_the_words_of_the_engine_in_an_error_are_told_in_the_language_too(self):
        for error, told in (
            (errors.Busy("build of shop"), "est en cours sur la construction de shop."),
            (errors.InvalidTransition("acme", "stopped", "be renamed"), "ne peut pas être renommée."),
            (errors.InvalidName("x", "it is shorter than 3 characters"), "il a moins de 3 caractères."),
            (errors.InvalidValue("host name", "x", "a name outside of y.z"), "Indiquez un nom hors de y.z."),
        ):
            with self.subTest(told):
                self.assertIn(told, gateway.sentence(error, "fr_FR"))
                self.assertIn(told, self._in("fr_FR", gateway.sentence(error)))

    def test_an_error_without_all_its_facts_is_told_as_its_agent_said_it(self):
        error = errors.NameTaken("acme")
        del error.name
        self.assertEqual(gateway.sentence(error, "fr_FR"), gateway.sentence(error))

    def test_the_facts_of_an_error_are_never_taken_for_a_template(self):
        error = errors.NameTaken("{name.__class__} %s")
        self.assertIn("'{name.__class__} %s'", gateway.sentence(error, "fr_FR"))
        self.assertIn("'{name.__class__} %s'", self._in("fr_FR", gateway.sentence(error)))

    def test_a_reason_that_was_kept_in_one_language_is_read_in_another(self):
        kept = self.env(context={"lang": "fr_FR"})._(reasons._KNOWN[2]).replace("%s", "2030-01-31")
        self.assertIn("2030-01-31", kept)
        self.assertEqual(self._in("en_US", kept), "The subscription ended on 2030-01-31.")
        self.assertIn("2030-01-31", self._in("vi_VN", kept))

    def test_any_other_reason_stays_as_it_is(self):
        for reason in (False, "", "March was not paid.", "%s %(log)s", "x" * 5000):
            self.assertEqual(self._in("fr_FR", reason), reason)

    def test_forms_show_an_instance_s_and_a_template_s_reasons_in_the_reader_s_language(self):
        busy = gateway.sentence(errors.Busy("acme"))
        instance = self._make_instance("acme", "suspended", state_reason=busy, failure=busy)
        self.template.write({"state": "failed", "state_reason": busy})
        for record, names in (
            (instance, ("state_reason_text", "failure_text")),
            (self.template, ("state_reason_text",)),
        ):
            for name in names:
                self.assertEqual(record.with_context(lang="en_US")[name], busy)
                self.assertIn("acme", record.with_context(lang="fr_FR")[name])
                self.assertNotEqual(record.with_context(lang="fr_FR")[name], busy)

    def test_domains_and_the_log_show_errors_in_the_reader_s_language(self):
        instance = self._make_instance("acme", "active")
        taken = gateway.sentence(errors.NameTaken("odoo.acme.example"))
        hostname = self.env["saas.instance.hostname"].create(
            {"instance_id": instance.id, "name": "odoo.acme.example"}
        )
        hostname._move("fail", reason=taken)
        lines = self.env["saas.instance.log"]
        values = {"instance_id": instance.id, "message": taken}
        failed, told = lines.create([{**values, "level": level} for level in ("error", "info")])
        for record, name in ((hostname, "reason_text"), (failed, "message_text")):
            self.assertEqual(record.with_context(lang="en_US")[name], taken)
            self.assertIn("Choisissez un autre nom.", record.with_context(lang="fr_FR")[name])
        self.assertEqual(told.with_context(lang="fr_FR").message_text, taken)

    def test_what_is_wrong_with_a_server_is_told_in_each_language(self):
        for fault in sentences._FAULTS:
            kept = fault.format(
                there="19.0", here="20.0", wanted="far", templates="shop, blank", series="18.0"
            )
            for lang in ("fr_FR", "vi_VN"):
                with self.subTest(fault, lang=lang):
                    told = self._in(lang, kept)
                    self.assertNotEqual(told, kept)
                    self.assertEqual(self._in("en_US", told), kept)
