"""Other requests of operators' programs: the key's user, paged lists, retried requests."""

from unittest.mock import patch

from odoo.addons.saas_manager import gateway
from odoo.tests import tagged

from .common import ORIGIN, ApiCase


@tagged("post_install", "-at_install")
class TestLists(ApiCase):
    def _names(self, path="/provisioning/instances", key="manager"):
        status, told = self._call(path, key=key)
        self.assertEqual(status, 200, told)
        return [row["subdomain"] for row in told["data"]]

    def _failed(self, **values):
        """A request whose creation failed."""
        request = self._request(self._create(**values)[1]["request_id"])
        request.instance_id.sudo()._fail("The disk is full.")
        return request

    def test_a_key_s_user_and_their_rights_are_reported(self):
        for key, may in (
            ("nobody", []),
            ("portal", ["read"]),
            ("user", ["read"]),
            ("manager", ["read", "create", "manage"]),
            ("administrator", ["read", "create", "manage", "terminate"]),
        ):
            with self.subTest(key=key):
                status, told = self._call("/provisioning/me", key=key)
                self.assertEqual((status, told["data"]["may"]), (200, may))
                self.assertEqual(told["data"]["login"], f"saas-{key}")
                self.assertEqual(told["data"]["company"], self.env.company.name)

    def test_a_publishable_key_cannot_read_lists(self):
        for path in ("/provisioning/me", "/provisioning/instances", "/provisioning/requests"):
            with self.subTest(path=path):
                self.assertEqual(self._call(path, key=self.publishable.key)[0], 403)
                self.assertEqual(self._call(path, key=None)[0], 401)

    def test_the_templates_are_listed_with_their_languages(self):
        self.template.loaded_languages = "en_US fr_FR"
        self.template.chart_country_code = "FR"
        self._make_template("raw", state="draft")
        status, told = self._call("/provisioning/templates")
        self.assertEqual(status, 200, told)
        (row,) = told["data"]
        self.assertEqual((row["code"], row["languages"]), ("shop", ["en_US", "fr_FR"]))
        self.assertEqual((row["country"], row["shown"]), ("FR", True))

    def test_the_countries_are_listed_in_the_caller_s_language_with_a_guess(self):
        self.env["res.lang"]._activate_lang("fr_FR")
        self.env["ir.module.module"]._load_module_terms(["base"], ["fr_FR"])
        path = "/provisioning/countries"
        told = self._call(f"{path}?timezone=Asia/Saigon", key=self.publishable.key, Origin=ORIGIN)[1]
        self.assertEqual(told["guess"], "VN")
        self.assertIn({"code": "DE", "name": "Germany"}, told["data"])
        told = self._call(path, **{"Accept-Language": "fr"})[1]
        self.assertIn({"code": "DE", "name": "Allemagne"}, told["data"])
        self.assertIsNone(told["guess"])

    def test_what_is_not_shown_is_for_operators_who_name_it(self):
        secret = self._make_plan("secret", sequence=0, is_shown=False)
        inside = self._make_template("inside", sequence=0, is_shown=False)
        for noun, first in (("plans", "small"), ("templates", "shop")):
            path = f"/provisioning/{noun}"
            for key, count in (("manager", 2), ("portal", 1)):
                with self.subTest(noun=noun, key=key):
                    found = [row["code"] for row in self._call(path, key=key)[1]["data"]]
                    self.assertEqual(len(found), count)
                    self.assertIn(first, found)
        body = {"clientName": "acme", "adminEmail": "ann@acme.example"}
        with self._jobs():
            default = self._call("/instances", body)[1]
            body |= {"clientName": "other", "plan": "secret", "template": "inside"}
            named = self._call("/instances", body)
        request = self._request(default["instanceId"])
        self.assertEqual((request.plan_id, request.template_id), (self.plan, self.template))
        request = self._request(named[1]["instanceId"])
        self.assertEqual((request.plan_id, request.template_id), (secret, inside))

    def test_live_instances_are_listed_the_newest_first(self):
        self._make_instance("first-one", "active")
        self._make_instance("gone-one", "terminated")
        self._make_instance("last-one", "suspended")
        self.assertEqual(self._names(), ["last-one", "first-one"])
        self.assertEqual(self._names("/provisioning/instances?state=suspended"), ["last-one"])
        gone = self._names("/provisioning/instances?state=terminated&search=gone-one")
        self.assertEqual(gone, ["gone-one"])

    def test_instances_are_found_by_a_part_of_a_name(self):
        self._make_instance("first-one", "active", name="Zenith Ltd")
        self._make_instance("last-one", "active")
        self.assertEqual(self._names("/provisioning/instances?search=first"), ["first-one"])
        self.assertEqual(self._names("/provisioning/instances?search=zeni"), ["first-one"])
        self.assertEqual(self._names("/provisioning/instances?search=%25"), [])

    def test_a_long_list_is_read_page_by_page(self):
        for number in range(5):
            self._make_instance(f"number-{number}", "active")
        seen, after = [], ""
        while after is not None:
            told = self._call(f"/provisioning/instances?limit=2{after}")[1]
            self.assertLessEqual(len(told["data"]), 2)
            seen += [row["subdomain"] for row in told["data"]]
            after = f"&before={told['next']}" if told["next"] else None
        self.assertEqual(seen, [f"number-{number}" for number in (4, 3, 2, 1, 0)])

    def test_a_list_contains_only_readable_records(self):
        own = self._make_instance("own-one", "active")
        other = self.env["res.partner"].create({"name": "Other Ltd", "is_company": True})
        self._make_instance("others-one", "active", partner_id=other.id)
        self.users["portal"].partner_id.parent_id = self.customer
        own.sudo().write({"operation": "suspend", "state_reason": "unpaid"})
        self.assertEqual(self._names(key="portal"), ["own-one"])
        (row,) = self._call("/provisioning/instances", key="portal")[1]["data"]
        self.assertEqual((row["operation"], row["reason"]), ("suspend", None))
        self.assertEqual(self._call("/provisioning/requests", key="portal")[0], 403)
        self.assertEqual(self._call("/provisioning/instances", key="nobody")[0], 403)

    def test_the_running_operation_and_the_failure_are_reported(self):
        instance = self._make_instance("acme", "active")
        path = "/provisioning/manage_instance/acme"
        with self._jobs():
            self._call(path, {"action": "suspend", "reason": "unpaid"})
        told = self._call("/provisioning/instance_info/acme")[1]["data"]
        self.assertEqual((told["operation"], told["reason"]), ("suspend", "unpaid"))
        instance.sudo()._fail("The disk is full.")
        told = self._call("/provisioning/instance_info/acme")[1]["data"]
        self.assertEqual((told["state"], told["operation"]), ("active", None))
        self.assertEqual(told["reason"], "The disk is full.")

    def test_domains_are_reported_with_their_states(self):
        instance = self._make_instance("acme", "active")
        at = {"instance_id": instance.id, "state_at": "2027-01-31 12:00:00"}
        self.env["saas.instance.hostname"].create(
            [
                {**at, "name": "odoo.acme.example", "state": "live"},
                {**at, "name": "shop.acme.example", "state": "failing", "reason": "It is taken."},
            ]
        )
        since = "2027-01-31T12:00:00Z"
        self.assertEqual(
            self._call("/provisioning/instance_info/acme")[1]["data"]["domains"],
            [
                {"name": "odoo.acme.example", "state": "live", "reason": None, "since": since},
                {"name": "shop.acme.example", "state": "failing", "reason": "It is taken.", "since": since},
            ],
        )

    def test_requests_are_listed_and_filtered_by_state(self):
        done, failed = self._created(subdomain="first-one"), self._failed(subdomain="last-one")
        path = "/provisioning/requests"
        self.assertEqual(self._names(path), ["last-one", "first-one"])
        self.assertEqual(self._names(f"{path}?state=completed"), ["first-one"])
        told = self._call(f"{path}?limit=1")[1]
        (row,) = told["data"]
        self.assertEqual((row["request_id"], row["error"]), (failed.reference, "The disk is full."))
        self.assertEqual(self._names(f"{path}?before={told['next']}"), ["first-one"])
        self.assertTrue(done.completed_at)

    def test_a_request_is_listed_even_if_its_instance_moved_to_another_company(self):
        request = self._created()
        request.instance_id.sudo().company_id = self.env["res.company"].create({"name": "Elsewhere"})
        self.assertEqual(self._names("/provisioning/requests"), ["acme"])
        self.assertEqual(self._names(), [])

    def test_a_retried_request_gives_its_password_to_the_key_that_asked(self):
        request = self._failed()
        path = f"/provisioning/manage_request/{request.reference}"
        with self._jobs():
            status, told = self._call(path, {"action": "retry"}, key="administrator")
        self.assertEqual((status, told["data"]["state"]), (202, "processing"))
        self._run_provision(request.instance_id)
        asked_by_another = self._call(f"/instances/{request.reference}", key="administrator")[1]
        self.assertIsNone(asked_by_another["adminPassword"])
        password = self._call(f"/instances/{request.reference}")[1]["adminPassword"]
        self.assertEqual(password, gateway.unseal(request.instance_id.sudo().admin_password_sealed))

    def test_a_recreated_instance_has_its_own_password(self):
        request = self._failed()
        first = request.instance_id
        first.with_user(self.users["manager"]).sudo().write({"state": "terminated"})
        with self._jobs():
            self._call(f"/provisioning/manage_request/{request.reference}", {"action": "retry"})
        self.assertNotEqual(request.instance_id, first)
        self._run_provision(request.instance_id)
        password = self._call(f"/instances/{request.reference}")[1]["adminPassword"]
        self.assertEqual(password, gateway.unseal(request.instance_id.sudo().admin_password_sealed))

    def test_a_request_is_cancelled_once_and_not_while_it_is_processed(self):
        under_way = self._request(self._create(subdomain="under-way")[1]["request_id"])
        path = "/provisioning/manage_request/{}"
        status, told = self._call(path.format(under_way.reference), {"action": "cancel"})
        self.assertEqual((status, told["error_code"]), (409, "INVALID_STATE"))
        draft = self.env["saas.instance.request"].create(self._request_values("acme-draft"))
        told = self._call(path.format(draft.reference), {"action": "cancel"})[1]
        self.assertEqual(told["data"]["state"], "cancelled")
        self.assertEqual(self._call(path.format(draft.reference), {"action": "cancel"})[0], 409)
        self.assertEqual(self._call(path.format("none"), {"action": "cancel"})[0], 404)

    def test_a_user_can_neither_retry_nor_cancel(self):
        request = self._failed()
        for action in ("retry", "cancel"):
            path = f"/provisioning/manage_request/{request.reference}"
            with self.subTest(action=action):
                self.assertEqual(self._call(path, {"action": action}, key="user")[0], 403)
        self.assertEqual(request.state, "failed")
        told = self._call(f"/provisioning/manage_request/{request.reference}", {"action": "explode"})[1]
        self.assertEqual(told["error_code"], "UNKNOWN_ACTION")

    def test_omitted_and_empty_values_get_defaults(self):
        with self._jobs():
            for number, body in enumerate(({}, {"companyName": ""}, {"companyName": "", "phone": "+33 1"})):
                wishes = {"clientName": f"acme-shop-{number}", "adminEmail": "ann@acme.example", **body}
                status, told = self._call("/instances", wishes)
                self.assertEqual(status, 202, told)
                request = self._request(told["instanceId"])
                self.assertEqual(request.company_name, f"Acme Shop {number}")
        for subdomain, admin in (("beta", None), ("gamma", "")):
            status, told = self._create(subdomain=subdomain, admin_email=admin)
            self.assertEqual(status, 202, told)
            instance = self._request(told["request_id"]).instance_id
            self.assertEqual(instance.admin_email, "ann@acme.example")

    def test_a_name_that_only_the_engine_knows_is_taken(self):
        with patch.object(gateway, "taken", lambda names, _server: {"acme"}.intersection(names)):
            taken = self._call("/provisioning/validate_subdomain?subdomain=acme")[1]["data"]
            self.assertEqual((taken["available"], taken["error_code"]), (False, "SUBDOMAIN_TAKEN"))
            self.assertTrue(taken["suggestions"])
            free = self._call("/provisioning/validate_subdomain?subdomain=free-one")[1]["data"]
        self.assertTrue(free["available"])

    def test_the_short_way_accepts_a_language_and_a_country(self):
        body = {"clientName": "acme", "adminEmail": "Ann@Acme.Example", "companyName": "Acme"}
        status, told = self._call("/instances", {**body, "language": "fr_FR"})
        self.assertEqual((status, told["error_code"]), (422, "VALIDATION_ERROR"))
        self.assertRegex(told["details"]["fields"]["language"], "has no fr_FR. It has: en_US")
        self.template.language_ids = self.env["res.lang"]._activate_lang("fr_FR")
        with self._jobs():
            status, told = self._call("/instances", {**body, "language": "fr_FR", "country": "fr"})
        self.assertEqual(status, 202)
        request = self._request(told["instanceId"])
        self.assertEqual((request.language_id.code, request.country_id.code), ("fr_FR", "FR"))
        self.assertEqual((request.admin_email, request.instance_id.admin_email), ("ann@acme.example",) * 2)
        status, told = self._call("/instances", {**body, "clientName": "other", "country": "ZZ"})
        self.assertEqual((status, told["error_code"]), (422, "VALIDATION_ERROR"))
