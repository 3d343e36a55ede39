"""Reasons are shown in the language of whoever reads them, whatever language they were kept in."""

from pathlib import Path

from odoo.tests import tagged

from tenantry import errors

from .. import gateway, reasons
from .common import SaasCase

LOG = Path("/srv/log/odoo.log")
ERRORS = (
    errors.Busy("acme"),
    errors.PostgresUnreachable("db.example:5432", "connection refused. Is it running?"),
    errors.ProbeFailed("http://acme.example", 200, "503", 20.0),
    errors.AgentLost("it ended"),
    errors.InstanceNotFound("acme"),
    errors.NameTaken("acme"),
    errors.InitialisationTimeout("acme", 60.0, LOG),
    errors.InitialisationFailed("acme", "a module is broken", LOG),
    errors.ModulesNotInstalled(["crm", "sale"], LOG),
)


@tagged("post_install", "-at_install")
class TestReasons(SaasCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for code in ("fr_FR", "vi_VN"):
            cls.env["res.lang"]._activate_lang(code)

    def _in(self, lang, reason):
        return reasons.in_words_of(self.env(context={"lang": lang}), reason)

    def test_the_engine_s_usual_errors_are_told_in_each_language_with_their_facts(self):
        for error in ERRORS:
            kept = gateway.sentence(error)
            for lang in ("fr_FR", "vi_VN"):
                with self.subTest(type(error).__name__, lang=lang):
                    told = self._in(lang, kept)
                    self.assertNotEqual(told, kept)
                    self.assertNotIn("%", told)
                    self.assertEqual(self._in("en_US", told), kept)

    def test_a_reason_that_was_kept_in_one_language_is_read_in_another(self):
        kept = self.env(context={"lang": "fr_FR"})._(reasons._OURS[2][0]).replace("%s", "2030-01-31")
        self.assertIn("2030-01-31", kept)
        self.assertEqual(self._in("en_US", kept), "The subscription ended on 2030-01-31.")
        self.assertIn("2030-01-31", self._in("vi_VN", kept))

    def test_any_other_reason_stays_as_it_is(self):
        for reason in (False, "", "March was not paid.", "%s %(log)s", "x" * 5000):
            self.assertEqual(self._in("fr_FR", reason), reason)

    def test_forms_show_an_instance_s_and_a_template_s_reasons_in_the_reader_s_language(self):
        busy = gateway.sentence(ERRORS[0])
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
