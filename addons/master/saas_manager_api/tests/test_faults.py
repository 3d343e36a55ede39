"""The same fault gets the same answer at every path: its code, the form of its details, its sentence."""

from collections import Counter
from unittest.mock import patch

from odoo.addons.saas_manager import gateway
from odoo.addons.saas_manager.faults import SUBDOMAIN_SENTENCES
from odoo.tests import tagged
from odoo.tools import mute_logger

from tenantry.model.names import NameFault

from ..faults import _FORMS, _KINDS, _OTHER, _OTHER_FORM, SUBDOMAIN_CODES
from .common import ORIGIN, ApiCase

CREATE = "/provisioning/create_instance"
JUDGE = "/provisioning/validate_subdomain"
LANGUAGES = {"en": "en_US", "fr": "fr_FR", "vi": "vi_VN"}
_LIBRARY_WORDS = (
    r"[\\^$\[\]{}|]|\b(String|Input|Field|Extra|Value|should|pattern|literal|integer|dictionary)\b"
)


@tagged("post_install", "-at_install")
class TestFaults(ApiCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for code in LANGUAGES.values():
            cls.env["res.lang"]._activate_lang(code)

    # ------------------------------------------------------------ subdomains

    def _judged(self, path, name, language):
        """The result of `validate_subdomain`, in the form of a refusal."""
        body = {"subdomain": name} if path.startswith("POST") else None
        query = "" if body else f"?subdomain={name}"
        status, told = self._call(f"{JUDGE}{query}", body, **{"Accept-Language": language})
        self.assertEqual((status, told["data"]["available"]), (200, False), told)
        data = told["data"]
        self.assertEqual(data["suggestions"], data["details"].get("suggestions", []))
        self.assertEqual(told["message"], data["error"])
        return data["error_code"], data["error"], data["details"]

    def _refused(self, path, body, language, key="manager", **headers):
        status, told = self._call(path, body, key=key, **{"Accept-Language": language, **headers})
        self.assertEqual(status, 409 if told["error_code"] == "SUBDOMAIN_TAKEN" else 422, told)
        return told["error_code"], told["error"], told["details"]

    def _at_every_address(self, name, language):
        """The answers of all paths for a name: path, field as it was sent, code, sentence and details."""
        short = {"clientName": name, "adminEmail": "ann@acme.example", "companyName": "Acme"}
        site = {"key": self.publishable.key, "Origin": ORIGIN}
        return (
            ("GET validate", "subdomain", *self._judged("GET", name, language)),
            ("POST validate", "subdomain", *self._judged("POST", name, language)),
            ("create", "subdomain", *self._refused(CREATE, self._wishes(name), language)),
            ("instances", "clientName", *self._refused("/instances", short, language)),
            ("from a web site", "clientName", *self._refused("/instances", short, language, **site)),
        )

    def test_an_unavailable_name_gets_the_same_answer_at_every_path_and_language(self):
        self._make_instance("acme", "active")
        self.env["ir.config_parameter"].set_param("saas.reserved_names", "partners")
        sentences = Counter()
        for name, code, has_others in (
            ("ab", "INVALID_LENGTH", True),
            ("a" * 51, "INVALID_LENGTH", True),
            ("Acme", "INVALID_FORMAT", True),
            ("acme_co", "INVALID_FORMAT", True),
            ("straße", "INVALID_FORMAT", True),
            ("12345", "INVALID_FORMAT", True),
            ("www", "VALIDATION_ERROR", True),
            ("partners", "VALIDATION_ERROR", True),
            ("acme", "SUBDOMAIN_TAKEN", True),
            ("engines", "SUBDOMAIN_TAKEN", True),
        ):
            for language in LANGUAGES:
                with patch.object(gateway, "taken", lambda names, _server: {"engines"}.intersection(names)):
                    told = self._at_every_address(name, language)
                (sentence,) = {sentence for _address, _field, _code, sentence, _details in told}
                sentences[sentence] += 1
                for address, field, found, _sentence, details in told:
                    with self.subTest(name=name, address=address, language=language):
                        self.assertEqual(found, code)
                        self.assertEqual(details["fields"], {field: sentence})
                        self.assertEqual(details["suggestions"], told[0][4]["suggestions"])
                        self.assertEqual(bool(details["suggestions"]), has_others)
                        self.assertNotIn(name, details["suggestions"])
        # Only names of the same kind share a sentence: sentences contain no names.
        self.assertEqual(len([n for n in sentences.values() if n > 1]), 3, sentences)

    def test_dashes_are_checked_after_normalization(self):
        for name in ("-acme", "acme-", "ac--me"):
            with self.subTest(name=name):
                judged = self._judged("GET", name, "en")
                self.assertEqual(judged, self._refused(CREATE, self._wishes(name), "en"))
                self.assertEqual(judged[0], "INVALID_FORMAT")

    def test_losing_a_race_for_a_name_gets_the_same_answer_as_coming_later(self):
        self._make_instance("acme", "active")
        short = {"clientName": "acme", "adminEmail": "ann@acme.example", "companyName": "Acme"}
        for path, field, body in (
            (CREATE, "subdomain", self._wishes("acme")),
            ("/instances", "clientName", short),
        ):
            with self.subTest(path=path):
                later = self._refused(path, body, "fr")
                with (
                    patch.object(self.registry["saas.instance"], "_is_taken", return_value=False),
                    self._jobs(),
                    mute_logger("odoo.sql_db"),
                ):
                    lost = self._refused(path, body, "fr")
                self.assertEqual(lost, later)
                self.assertEqual(list(lost[2]["fields"]), [field])
                self.assertEqual(lost[2]["suggestions"], ["acme-2", "acme-3", "acme-4"])

    def test_names_in_lookups_are_checked_by_the_same_table(self):
        for path in ("instance_info", "instance_logs"):
            for name in ("ab", "Acme", "12345"):
                with self.subTest(path=path, name=name):
                    code, sentence, _details = self._judged("GET", name, "vi")
                    found = self._refused(f"/provisioning/{path}/{name}", None, "vi")
                    self.assertEqual((found[0], found[2]), (code, {"fields": {"subdomain": sentence}}))
        # Names that are reserved today may be in use already.
        self.assertEqual(self._call("/provisioning/instance_info/www")[0], 404)

    # ------------------------------------------------------------ everything else

    def _rows(self):
        """Path, body, the wrong field as it is sent, code; the faults of one row are of one kind."""
        whole, short = self._wishes(), {"clientName": "acme", "adminEmail": "a@b.co"}
        request = "/provisioning/manage_request/none"
        manage = "/provisioning/manage_instance/acme"

        def without(field):
            return {name: value for name, value in whole.items() if name != field}

        return (
            (
                (CREATE, without("customer_email"), "customer_email", "MISSING_FIELDS"),
                ("/instances", {"clientName": "acme"}, "adminEmail", "MISSING_FIELDS"),
                (JUDGE, {}, "subdomain", "MISSING_FIELDS"),
                (JUDGE, None, "subdomain", "MISSING_FIELDS"),
            ),
            (
                (CREATE, {**whole, "customer_email": "nobody"}, "customer_email", "INVALID_FORMAT"),
                (CREATE, {**whole, "admin_email": "a@b..co"}, "admin_email", "INVALID_FORMAT"),
                (CREATE, {**whole, "admin_email": "a@-b.co"}, "admin_email", "INVALID_FORMAT"),
                ("/instances", {**short, "adminEmail": "@"}, "adminEmail", "INVALID_FORMAT"),
            ),
            (
                (CREATE, {**whole, "company_name": "see www.evil.example"}, "company_name", "INVALID_FORMAT"),
                (CREATE, {**whole, "customer_name": "A\u202eB"}, "customer_name", "INVALID_FORMAT"),
                (
                    "/instances",
                    {**short, "companyName": "http://evil.example"},
                    "companyName",
                    "INVALID_FORMAT",
                ),
            ),
            (
                (CREATE, {**whole, "plan_id": 2**31 - 1}, "plan_id", "VALIDATION_ERROR"),
                ("/instances", {**short, "plan": "none-such"}, "plan", "VALIDATION_ERROR"),
            ),
            (
                (CREATE, {**whole, "template": "none-such"}, "template", "VALIDATION_ERROR"),
                ("/instances", {**short, "template": "none-such"}, "template", "VALIDATION_ERROR"),
            ),
            (
                (CREATE, {**whole, "country": "ZZ"}, "country", "VALIDATION_ERROR"),
                ("/instances", {**short, "country": "ZZ"}, "country", "VALIDATION_ERROR"),
            ),
            (
                (CREATE, {**whole, "country": "F1"}, "country", "INVALID_FORMAT"),
                ("/instances", {**short, "country": "F1"}, "country", "INVALID_FORMAT"),
            ),
            (
                (CREATE, {**whole, "language": "xx_XX"}, "language", "VALIDATION_ERROR"),
                ("/instances", {**short, "language": "xx_XX"}, "language", "VALIDATION_ERROR"),
            ),
            (
                (CREATE, {**whole, "language": "French"}, "language", "INVALID_FORMAT"),
                ("/instances", {**short, "language": "French"}, "language", "INVALID_FORMAT"),
            ),
            (
                (CREATE, {**whole, "template_code": "shop"}, "template_code", "VALIDATION_ERROR"),
                ("/instances", {**short, "Plan": "x"}, "Plan", "VALIDATION_ERROR"),
                (JUDGE, {"subdomain": "acme", "name": "x"}, "name", "VALIDATION_ERROR"),
            ),
            (
                (CREATE, {**whole, "subdomain": 7}, "subdomain", "INVALID_FORMAT"),
                ("/instances", {**short, "clientName": None}, "clientName", "INVALID_FORMAT"),
                (JUDGE, {"subdomain": ["acme"]}, "subdomain", "INVALID_FORMAT"),
            ),
            (
                (CREATE, {**whole, "plan_id": "1"}, "plan_id", "INVALID_FORMAT"),
                (CREATE, {**whole, "plan_id": 1.5}, "plan_id", "INVALID_FORMAT"),
                ("/provisioning/instances?limit=many", None, "limit", "INVALID_FORMAT"),
                ("/provisioning/instance_logs/acme?hours=x", None, "hours", "INVALID_FORMAT"),
            ),
            (
                (CREATE, {**whole, "plan_id": 0}, "plan_id", "VALIDATION_ERROR"),
                ("/provisioning/requests?limit=0", None, "limit", "VALIDATION_ERROR"),
            ),
            (("/instances", {**short, "runtime": "vm"}, "runtime", "VALIDATION_ERROR"),),
            (("/instances", {**short, "runtime": "docker"}, "runtime", "VALIDATION_ERROR"),),
            (
                (CREATE, {**whole, "company_name": "a" * 201}, "company_name", "INVALID_LENGTH"),
                ("/instances", {**short, "companyName": "a" * 201}, "companyName", "INVALID_LENGTH"),
            ),
            (
                (CREATE, {**whole, "company_name": ""}, "company_name", "INVALID_LENGTH"),
                ("/provisioning/instances?search=", None, "search", "INVALID_LENGTH"),
            ),
            ((CREATE, [], "body", "INVALID_FORMAT"), ("/instances", "acme", "body", "INVALID_FORMAT")),
            ((manage, {}, "action", "MISSING_ACTION"), (request, {}, "action", "MISSING_ACTION")),
            ((manage, {"action": "explode"}, "action", "UNKNOWN_ACTION"),),
            ((request, {"action": "explode"}, "action", "UNKNOWN_ACTION"),),
            (
                (manage, {"action": "terminate", "confirm": "Acme"}, "confirm", "INVALID_FORMAT"),
                ("/provisioning/instance_info/Acme", None, "subdomain", "INVALID_FORMAT"),
            ),
        )

    def test_one_fault_has_one_code_and_one_sentence_in_each_language(self):
        for row in self._rows():
            sentences = set()
            for language in LANGUAGES:
                told = [self._fault(language, *fault) for fault in row]
                self.assertEqual(len(set(told)), 1, told)
                sentences.update(told)
            with self.subTest(row=row[0]):
                self.assertEqual(len(sentences), len(LANGUAGES), sentences)

    def _fault(self, language, path, body, field, code):
        """The sentence of a fault."""
        found, sentence, details = self._refused(path, body, language)
        with self.subTest(path=path, body=body, language=language):
            self.assertEqual((found, list(details["fields"])), (code, [field]))
            self.assertIn(details["fields"][field], sentence)
            self.assertNotRegex(sentence, _LIBRARY_WORDS)
        return details["fields"][field]

    def test_all_errors_are_reported_at_once(self):
        body = {"plan_id": "x", "subdomain": "acme", "company_name": "A", "customer_name": "B"}
        code, sentence, details = self._refused(CREATE, body, "fr")
        self.assertEqual((code, set(details["fields"])), ("MISSING_FIELDS", {"plan_id", "customer_email"}))
        for field, fault in details["fields"].items():
            self.assertIn(f"{field}: {fault}", sentence)

    def test_every_fault_of_a_name_has_a_code_and_a_sentence(self):
        kinds = {*NameFault, "taken"}
        self.assertEqual((set(SUBDOMAIN_SENTENCES), set(SUBDOMAIN_CODES)), (kinds, kinds))

    def test_every_sentence_of_the_table_is_translated(self):
        sentences = [*_FORMS.values(), _OTHER_FORM, _OTHER[1], *(told for _code, told in _KINDS.values())]
        for sentence in sentences:
            told = {sentence._translate(code) for code in LANGUAGES.values()}
            self.assertEqual(len(told), len(LANGUAGES), told)
            for it in told:
                self.assertNotRegex(it, _LIBRARY_WORDS)
