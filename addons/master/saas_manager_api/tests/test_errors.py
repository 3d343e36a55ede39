"""A4: each refusal has the right status and the same form, and reveals no internals."""

from unittest.mock import patch

from odoo.tests import tagged
from odoo.tools import mute_logger

from tenantry.errors import Busy, PostgresUnreachable

from ..errors import CODES
from .common import ApiCase

CREATE = "/provisioning/create_instance"
JUDGE = "/provisioning/validate_subdomain?subdomain=acme"
MANAGE = "/provisioning/manage_instance/acme"


@tagged("post_install", "-at_install")
class TestErrors(ApiCase):
    def _assert_refused(self, answer, status, code):
        told = answer.json()
        self.assertEqual((answer.status_code, told["error_code"]), (status, code), told)
        self.assertEqual(set(told), {"success", "error", "error_code", "details"})
        self.assertFalse(told["success"])
        self.assertIn(told["error_code"], CODES)
        self.assertTrue(answer.headers["X-Request-ID"])
        return told

    def test_each_input_error_has_its_code(self):
        whole = self._wishes()
        for path, body, code in (
            (CREATE, {}, "MISSING_FIELDS"),
            (CREATE, {**whole, "subdomain": "ab"}, "INVALID_LENGTH"),
            (CREATE, {**whole, "subdomain": "a" * 51}, "INVALID_LENGTH"),
            (CREATE, {**whole, "subdomain": "Not_Valid"}, "INVALID_FORMAT"),
            (CREATE, {**whole, "subdomain": "-edge"}, "INVALID_FORMAT"),
            (CREATE, {**whole, "subdomain": "admin"}, "VALIDATION_ERROR"),
            (CREATE, {**whole, "customer_email": "nobody"}, "INVALID_FORMAT"),
            (CREATE, {**whole, "company_name": "nul\x00byte"}, "INVALID_FORMAT"),
            (CREATE, {**whole, "plan_id": "1"}, "INVALID_FORMAT"),
            (CREATE, {**whole, "plan_id": 2**31 - 1}, "VALIDATION_ERROR"),
            (CREATE, {**whole, "template": "none-such"}, "VALIDATION_ERROR"),
            (CREATE, {**whole, "country": "ZZ"}, "VALIDATION_ERROR"),
            (CREATE, {**whole, "template_code": "shop"}, "VALIDATION_ERROR"),
            ("/instances", {"clientName": "ac-me", "adminEmail": "a@b.co", "Plan": "x"}, "VALIDATION_ERROR"),
            (MANAGE, {}, "MISSING_ACTION"),
            (MANAGE, {"action": None}, "MISSING_ACTION"),
            (MANAGE, {"action": "explode"}, "UNKNOWN_ACTION"),
        ):
            with self.subTest(path=path, body=body):
                told = self._assert_refused(self._ask(path, body), 422, code)
                self.assertTrue(told["details"]["fields"])

    def test_http_errors_have_the_same_form(self):
        json = {"Content-Type": "application/json", "X-API-Key": self.keys["manager"]}
        url = f"/api{CREATE}"
        broken = self.url_open(url, data='{"a"', headers=json)
        self._assert_refused(broken, 400, "INVALID_FORMAT")
        large = self.url_open(url, data="x" * 70_000, headers=json)
        self._assert_refused(large, 413, "INVALID_LENGTH")
        chunked = self.url_open(url, data=iter([b"{", b" " * 70_000, b"}"]), headers=json)
        self._assert_refused(chunked, 413, "INVALID_LENGTH")
        for wrong in ("text/plain", "application/x-www-form-urlencoded", ""):
            with self.subTest(type=wrong):
                typed = self.url_open(url, data="{}", headers={**json, "Content-Type": wrong})
                told = self._assert_refused(typed, 415, "INVALID_FORMAT")
                self.assertIn("application/json", told["error"])
        self._assert_refused(self._ask("/nothing/here"), 404, "UNKNOWN_ACTION")
        self._assert_refused(self._ask("/provisioning/request_status/a%0Ab"), 404, "UNKNOWN_ACTION")
        wrong_method = self._ask("/provisioning/validate_subdomain", method="DELETE")
        self._assert_refused(wrong_method, 405, "UNKNOWN_ACTION")
        self.assertEqual(wrong_method.headers["Allow"], "GET, POST")

    def test_a_chunked_body_is_read_completely(self):
        json = {"Content-Type": "application/json", "X-API-Key": self.keys["manager"]}
        chunks = iter([b'{"subdomain": ', b'"free-', b'one"}'])
        answer = self.url_open("/api/provisioning/validate_subdomain", data=chunks, headers=json)
        self.assertEqual(answer.json()["data"]["subdomain"], "free-one")

    def test_head_is_answered_like_get_without_a_body(self):
        answer = self._ask("/provisioning/health", key=None, method="HEAD")
        self.assertEqual((answer.status_code, answer.text), (200, ""))
        self.assertTrue(answer.headers["X-Request-ID"])
        self.assertEqual(self._ask("/provisioning/create_instance", method="HEAD").status_code, 405)

    def test_a_missing_record_is_named(self):
        for path, code in (
            ("/provisioning/request_status/none", "REQUEST_NOT_FOUND"),
            ("/instances/none", "REQUEST_NOT_FOUND"),
            ("/provisioning/instance_info/none", "INSTANCE_NOT_FOUND"),
            ("/provisioning/instance_logs/none", "INSTANCE_NOT_FOUND"),
        ):
            with self.subTest(path=path):
                self._assert_refused(self._ask(path), 404, code)

    def test_a_taken_name_is_refused_with_suggestions(self):
        self._make_instance("acme", "active")
        told = self._assert_refused(self._ask(CREATE, self._wishes()), 409, "SUBDOMAIN_TAKEN")
        self.assertIn("acme-2", told["details"]["suggestions"])

    def test_missing_capacity_is_reported_and_nothing_is_created(self):
        self.server.state = "maintenance"
        answer = self._ask(CREATE, self._wishes())
        self._assert_refused(answer, 503, "NO_CAPACITY")
        self.assertTrue(int(answer.headers["Retry-After"]))
        self.assertFalse(self.env["saas.instance.request"].search([("subdomain", "=", "acme")]))

    def test_an_action_in_a_wrong_state_is_a_conflict(self):
        instance = self._make_instance("acme", "active")
        self._assert_refused(self._ask(MANAGE, {"action": "reactivate"}), 409, "INVALID_STATE")
        instance.sudo().operation = "suspend"
        self._assert_refused(self._ask(MANAGE, {"action": "suspend"}), 409, "INVALID_STATE")

    def test_unsupported_actions_are_refused(self):
        instance = self._make_instance("acme", "active")
        told = self._assert_refused(self._ask(MANAGE, {"action": "duplicate"}), 409, "INVALID_STATE")
        self.assertIn("duplicate", told["error"])
        self.assertFalse(instance.operation)

    def test_internal_errors_reveal_nothing_and_are_logged_with_their_request_id(self):
        error = RuntimeError("s3cret")
        judge = patch.object(self.registry["saas.instance"], "_objection", side_effect=error)
        with judge, self.assertLogs("odoo.addons.saas_manager_api", "ERROR") as log, mute_logger("odoo.http"):
            answer = self._ask(JUDGE, **{"X-Request-ID": "mine-1"})
        told = self._assert_refused(answer, 500, "INTERNAL_ERROR")
        self.assertNotIn("s3cret", answer.text)
        self.assertEqual(told["details"], {"request_id": "mine-1"})
        self.assertIn("mine-1", log.output[0])

    def test_errors_of_the_engine_are_answered_by_their_type(self):
        for error, status, code in (
            (Busy("acme"), 409, "INVALID_STATE"),
            (PostgresUnreachable("host", "no route"), 503, "INTERNAL_ERROR"),
        ):
            judge = patch.object(self.registry["saas.instance"], "_objection", side_effect=error)
            with (
                self.subTest(error=error),
                judge,
                mute_logger("odoo.http", "odoo.addons.saas_manager_api.dispatcher"),
            ):
                answer = self._ask(JUDGE)
                told = self._assert_refused(answer, status, code)
                self.assertNotIn("no route", told["error"])

    def test_an_error_of_the_engine_is_told_in_the_caller_s_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        judge = patch.object(self.registry["saas.instance"], "_objection", side_effect=Busy("build of shop"))
        with judge, mute_logger("odoo.http", "odoo.addons.saas_manager_api.dispatcher"):
            answer = self._ask(JUDGE, **{"Accept-Language": "fr"})
        told = self._assert_refused(answer, 409, "INVALID_STATE")
        self.assertIn("Une autre opération est en cours sur la construction de shop.", told["error"])

    def test_a_refusal_is_in_the_caller_s_language(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.users["manager"].lang = "fr_FR"
        french = "Rien ici."

        def translate(_module, lang, source, _arguments):
            return french if lang == "fr_FR" else source

        with patch("odoo.tools.translate.get_translation", translate):
            self.assertEqual(self._call("/none")[1]["error"], french)
            self.assertNotEqual(self._call("/none", **{"Accept-Language": "en-US"})[1]["error"], french)
            asked = self._call("/provisioning/plans", key=None, **{"Accept-Language": "fr, en;q=0.5"})
        self.assertEqual((asked[1]["error"], asked[1]["error_code"]), (french, "UNAUTHORIZED"))
