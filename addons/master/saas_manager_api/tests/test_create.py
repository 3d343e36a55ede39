"""A1, A2, A3, A5: create an instance, follow it, manage it."""

from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.addons.saas_manager import gateway
from odoo.tests import tagged
from odoo.tools import mute_logger

from ..faults import LANGUAGE
from .common import ApiCase


@tagged("post_install", "-at_install")
class TestCreate(ApiCase):
    def _new(self, key="manager", **values):
        body = {"clientName": "acme", "adminEmail": "boss@acme.example", "companyName": "Acme", **values}
        with self._jobs():
            return self._call("/instances", body, key=key)

    def _ready(self, **values):
        reference = self._new(**values)[1]["instanceId"]
        request = self._request(reference)
        self._run_provision(request.instance_id)
        return request

    def test_each_of_odoo_s_language_codes_may_be_asked_for(self):
        codes = self.env["res.lang"].with_context(active_test=False).search([]).mapped("code")
        self.assertGreater(len(codes), 80)
        for code in codes:
            self.assertRegex(code, LANGUAGE)

    def test_a_language_that_the_template_lacks_is_refused_with_those_it_has(self):
        self.template.loaded_languages = "en_US vi_VN"
        for language in ("fr_FR", "xx_XX"):
            for status, told in (self._create(language=language), self._new(language=language)):
                with self.subTest(language=language):
                    self.assertEqual((status, told["error_code"]), (422, "VALIDATION_ERROR"))
                    self.assertIn("It has: en_US, vi_VN.", told["details"]["fields"]["language"])
        self.assertFalse(self.env["saas.instance.request"].search([("subdomain", "=", "acme")]))

    def test_the_name_country_and_time_zone_reach_the_instance(self):
        place = {"country": "FR", "timezone": "Indian/Reunion"}
        told = self._create(customer_name="Léa Dupont", admin_email="", **place)[1]
        instance = self._request(told["request_id"]).instance_id
        self.assertEqual((instance.admin_name, instance.tz), ("Léa Dupont", "Indian/Reunion"))
        told = self._create(subdomain="second", admin_name="Max Chef", country="VN")[1]
        instance = self._request(told["request_id"]).instance_id
        self.assertEqual((instance.admin_name, instance.tz), ("Max Chef", "Asia/Ho_Chi_Minh"))
        told = self._create(subdomain="same", admin_email="ANN@acme.example")[1]
        self.assertEqual(self._request(told["request_id"]).instance_id.admin_name, "Ann Acme")
        told = self._create(subdomain="third")[1]
        instance = self._request(told["request_id"]).instance_id
        self.assertFalse(instance.admin_name, "not the customer's")
        self.assertEqual(instance._greeted("Ann@acme.example"), "Ann Acme")
        told = self._new(clientName="fourth", customerName="Léa Dupont", **place)[1]
        request = self._request(told["instanceId"])
        self.assertEqual((request.customer_name, request.instance_id.admin_name), ("Léa Dupont",) * 2)
        self.assertEqual(request.instance_id.tz, "Indian/Reunion")
        status, told = self._new(clientName="fifth", timezone="Mars/Olympus")
        self.assertEqual((status, [*told["details"]["fields"]]), (422, ["timezone"]))

    def test_an_unsuitable_order_is_accepted_with_a_warning(self):
        self.template.chart_country_code = "US"
        long, short = self._create(country="FR")[1]["data"], self._new(clientName="acme-two", country="FR")[1]
        for warnings in (long["warnings"], short["warnings"]):
            self.assertEqual(len(warnings), 1)
            self.assertIn("its taxes are switched off", warnings[0])
        self.assertEqual(self._new(clientName="acme-three", country="US")[1]["warnings"], [])

    # ------------------------------------------------------------ S3

    def test_the_created_instance_has_the_requested_values(self):
        self.template.language_ids = self.env["res.lang"]._activate_lang("fr_FR")
        status, told = self._create(language="fr_FR", country="FR", template="shop")
        self.assertEqual((status, told["success"]), (202, True))
        request = self._request(told["request_id"])
        self.assertEqual((request.source, request.state), ("api", "processing"))
        self.assertEqual(request.create_uid, self.users["manager"])
        self.assertEqual((request.language_id.code, request.country_id.code), ("fr_FR", "FR"))
        instance = request.instance_id
        self.assertEqual((instance.subdomain, instance.name), ("acme", "Acme Ltd"))
        self.assertEqual((instance.admin_email, instance.plan_id), ("boss@acme.example", self.plan))

    def test_the_answer_has_the_fields_that_clients_read(self):
        told = self._create()[1]
        request = self._request(told["request_id"])
        data = {"request_id": request.reference, "state": "processing", "subdomain": "acme"}
        self.assertEqual(
            told,
            {
                "success": True,
                "request_id": request.reference,
                "message": "The instance is being created.",
                "data": {**data, "warnings": []},
            },
        )
        path = f"/provisioning/request_status/{request.reference}"
        self.assertEqual(self._call(path)[1]["message"], "The instance is being created.")
        self._run_provision(request.instance_id)
        self.assertEqual(self._call(path)[1]["message"], "The instance is ready.")
        free = self._call("/provisioning/validate_subdomain?subdomain=free-one")[1]
        self.assertEqual((free["message"], free["data"]["details"]), ("free-one is free.", {}))

    def test_progress_is_reported_as_a_whole_number(self):
        request = self._request(self._create()[1]["request_id"])
        self.env["saas.instance.log"].create(
            {"instance_id": request.instance_id.id, "step": "sanitize", "progress": 33.4, "message": "x"}
        )
        for path in (f"/provisioning/request_status/{request.reference}", f"/instances/{request.reference}"):
            self.assertRegex(self._ask(path).text, r'"progress": ?33[,}]')

    def test_an_apostrophe_is_part_of_an_address(self):
        status, told = self._create(customer_email="ann.o'neil@acme.example", admin_email="")
        self.assertEqual(status, 202, told)
        self.assertEqual(self._request(told["request_id"]).customer_email, "ann.o'neil@acme.example")

    def test_the_status_follows_the_request(self):
        reference = self._create()[1]["request_id"]
        path = f"/provisioning/request_status/{reference}"
        self.assertEqual(self._call(path)[1]["data"]["state"], "processing")
        self._run_provision(self._request(reference).instance_id)
        data = self._call(path)[1]["data"]
        self.assertEqual((data["state"], data["progress"], data["error"]), ("completed", 100.0, None))
        url = "http://acme.localhost"
        reference = self._request(reference).instance_id.reference
        self.assertEqual(
            data["instance"], {"id": reference, "subdomain": "acme", "state": "active", "url": url}
        )

    def test_an_instance_is_found_by_its_id_also_after_a_renaming(self):
        instance = self._created().instance_id
        found = self._call("/provisioning/instance_info/acme")[1]["data"]["id"]
        self.assertEqual(found, instance.reference)
        instance.sudo().subdomain = "zenith"
        self.assertEqual(self._call(f"/provisioning/instance_info/{found}")[1]["data"]["subdomain"], "zenith")
        self.assertEqual(self._call(f"/provisioning/instance_logs/{found}")[0], 200)
        with self._jobs():
            told = self._call(f"/provisioning/manage_instance/{found}", {"action": "stop"})[1]["data"]
        self.assertEqual((told["id"], told["subdomain"]), (found, "zenith"))

    def test_another_customer_s_instance_is_not_found_by_its_id(self):
        reference = self._created().instance_id.reference
        status, told = self._call(f"/provisioning/instance_info/{reference}", key="portal")
        self.assertEqual((status, told["error_code"]), (404, "INSTANCE_NOT_FOUND"))

    def test_a_failure_is_reported_with_its_reason(self):
        request = self._request(self._create()[1]["request_id"])
        request.instance_id.sudo()._fail("The disk is full.")
        data = self._call(f"/provisioning/request_status/{request.reference}")[1]["data"]
        self.assertEqual((data["state"], data["error"]), ("failed", "The disk is full."))
        told = self._call(f"/instances/{request.reference}")[1]
        self.assertEqual((told["status"], told["error"]), ("failed", "The disk is full."))

    def test_a_suspended_instance_is_reported_as_such(self):
        self._created()
        with self._jobs():
            body = {"action": "suspend", "reason": "unpaid"}
            status, told = self._call("/provisioning/manage_instance/acme", body)
        self.assertEqual((status, told["data"]["action"]), (202, "suspend"))
        instance = self.env["saas.instance"].search([("subdomain", "=", "acme")])
        self.assertEqual((instance.operation, instance.state_reason), ("suspend", "unpaid"))
        info = self._call("/provisioning/instance_info/acme")[1]["data"]
        self.assertEqual((info["state"], info["plan"]["code"], info["template"]), ("active", "small", "shop"))

    def test_an_instance_is_stopped_started_and_restarted(self):
        self._created()
        instance = self.env["saas.instance"].search([("subdomain", "=", "acme")])
        for action in ("stop", "start", "restart"):
            with self.subTest(action=action), self._jobs():
                status, _told = self._call("/provisioning/manage_instance/acme", {"action": action})
                self.assertEqual((status, instance.operation), (202, action))
                instance.operation = False

    def test_a_subdomain_is_checked_by_get_and_post(self):
        self._make_instance("taken", "active")
        path = "/provisioning/validate_subdomain"
        for subdomain, available, code in (
            ("free-one", True, None),
            ("taken", False, "SUBDOMAIN_TAKEN"),
            ("admin", False, "VALIDATION_ERROR"),
            ("Straße 1", False, "INVALID_FORMAT"),
        ):
            with self.subTest(subdomain=subdomain):
                by_get = self._call(f"{path}?subdomain={subdomain}")
                self.assertEqual(by_get, self._call(path, {"subdomain": subdomain}))
                data = by_get[1]["data"]
                self.assertEqual((data["available"], data["error_code"]), (available, code))
                self.assertEqual(bool(data["suggestions"]), not available)

    def test_plans_are_listed_with_their_prices(self):
        self.plan.write({"price_monthly": 29, "is_popular": True, "template_ids": self.template.ids})
        (plan,) = self._call("/provisioning/plans", key="portal")[1]["data"]
        self.assertEqual((plan["code"], plan["price_monthly"], plan["popular"]), ("small", 29.0, True))
        self.assertEqual((plan["templates"], plan["currency"]), (["shop"], self.plan.currency_id.name))

    def test_logs_are_paged_and_filtered_by_level(self):
        instance = self._make_instance("acme", "active")
        levels = ["info", "error", "debug", "info", "critical"]
        lines = self.env["saas.instance.log"].create(
            [{"instance_id": instance.id, "level": level, "message": level} for level in levels]
        )
        path = "/provisioning/instance_logs/acme"
        first = self._call(f"{path}?limit=3")[1]
        second = self._call(f"{path}?limit=3&before={first['next']}")[1]
        found = [line["id"] for page in (first, second) for line in page["data"]]
        self.assertEqual(found, lines.ids[::-1])
        self.assertIsNone(second["next"])
        graver = self._call(f"{path}?level=error")[1]["data"]
        self.assertEqual([line["level"] for line in graver], ["critical", "error"])

    # ------------------------------------------------------------ S4

    def test_superfluous_dashes_are_removed(self):
        status, told = self._new(clientName="acme--co-")
        self.assertEqual((status, told["status"]), (202, "creating"))
        self.assertEqual(self._request(told["instanceId"]).subdomain, "acme-co")

    def test_the_password_is_given_once_and_only_to_the_key_that_asked(self):
        request = self._ready()
        password = gateway.unseal(request.sudo().instance_id.admin_password_sealed)
        path = f"/instances/{request.reference}"
        another = self._make_key(self.users["manager"])
        self.assertIsNone(self._call(path, key=another)[1]["adminPassword"])
        told = self._call(path)[1]
        self.assertEqual((told["status"], told["adminPassword"]), ("ready", password))
        self.assertEqual((told["instanceUrl"], told["databaseName"]), ("http://acme.localhost", "acme"))
        self.assertIsNone(self._call(path)[1]["adminPassword"])
        self.assertFalse(request.sudo().api_password_sealed)

    def test_the_password_is_not_given_before_the_instance_is_ready(self):
        told = self._call(f"/instances/{self._new()[1]['instanceId']}")[1]
        self.assertEqual((told["status"], told["adminPassword"]), ("creating", None))

    def test_the_password_is_deleted_after_a_day(self):
        request = self._ready().sudo()
        request.api_password_until = fields.Datetime.now() - timedelta(seconds=1)
        self.assertIsNone(self._call(f"/instances/{request.reference}")[1]["adminPassword"])
        request._gc_api_passwords()
        self.assertFalse(request.api_password_sealed)

    def test_operators_cannot_read_the_encrypted_password(self):
        request = self._as("administrator", self._ready())
        self.assertNotIn("api_password_sealed", request.fields_get())

    def test_another_runtime_than_the_plans_is_refused(self):
        status, told = self._new(runtime="docker")
        self.assertEqual((status, told["error_code"]), (422, "VALIDATION_ERROR"))

    # ------------------------------------------------------------ idempotency

    def _repeat(self, idempotency_key="again", key="manager", **values):
        headers = {"Idempotency-Key": idempotency_key}
        with self._jobs():
            return self._ask("/provisioning/create_instance", self._wishes(**values), key=key, **headers)

    def _count_requests(self):
        return self.env["saas.instance.request"].search_count([("subdomain", "in", ("acme", "acme-two"))])

    def test_a_repeated_post_creates_one_request_and_repeats_the_answer(self):
        first, second = self._repeat(), self._repeat()
        self.assertEqual((first.status_code, first.content), (second.status_code, second.content))
        self.assertEqual(second.headers["Idempotent-Replayed"], "true")
        self.assertEqual(self._count_requests(), 1)

    def test_an_idempotency_key_for_another_request_is_refused(self):
        self._repeat()
        answer = self._repeat(subdomain="acme-two")
        self.assertEqual((answer.status_code, answer.json()["error_code"]), (422, "VALIDATION_ERROR"))
        self.assertEqual(self._count_requests(), 1)

    def test_callers_do_not_share_idempotency_keys(self):
        self._repeat()
        answer = self._repeat(key="administrator", subdomain="acme-two")
        self.assertEqual(answer.status_code, 202)

    def test_a_failed_request_can_be_repeated(self):
        self.server.state = "maintenance"
        self.assertEqual(self._repeat().status_code, 503)
        self.server.state = "active"
        self.assertEqual(self._repeat().status_code, 202)

    def test_an_idempotency_key_can_be_used_again_after_a_day(self):
        self._repeat()
        self.env["saas.api.answer"].search([]).asked_at = fields.Datetime.now() - timedelta(hours=25)
        answer = self._repeat(subdomain="acme-two")
        self.assertEqual(answer.status_code, 202)

    def test_an_invalid_idempotency_key_is_refused(self):
        for key in ("", "with space", "x" * 256):
            with self.subTest(key=key):
                self.assertEqual(self._repeat(key).status_code, 422)

    def test_of_two_requests_for_a_name_at_once_one_is_refused(self):
        with patch.object(self.registry["saas.instance"], "_is_taken", return_value=False):
            self._make_instance("acme", "active")
            with self._jobs(), mute_logger("odoo.sql_db"):
                answer = self._ask("/provisioning/create_instance", self._wishes())
        self.assertEqual((answer.status_code, answer.json()["error_code"]), (409, "SUBDOMAIN_TAKEN"))
