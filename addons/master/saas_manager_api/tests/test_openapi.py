"""The document from which clients are generated is complete."""

from odoo.tests import tagged

from .common import ApiCase


@tagged("post_install", "-at_install")
class TestOpenapi(ApiCase):
    def _operations(self):
        document = self._ask("/openapi.json", key=None).json()
        self.assertTrue(document["openapi"].startswith("3.1"))
        self.assertEqual(document["servers"], [{"url": "/api"}])
        for path, operations in document["paths"].items():
            for method, operation in operations.items():
                yield path, method, operation

    def test_every_operation_of_the_contract_exists(self):
        found = {(method, path) for path, method, _operation in self._operations()}
        self.assertEqual(
            found,
            {
                ("post", "/provisioning/create_instance"),
                ("get", "/provisioning/request_status/{request_id}"),
                ("get", "/provisioning/instance_info/{subdomain}"),
                ("post", "/provisioning/manage_instance/{subdomain}"),
                ("get", "/provisioning/validate_subdomain"),
                ("post", "/provisioning/validate_subdomain"),
                ("get", "/provisioning/plans"),
                ("get", "/provisioning/templates"),
                ("get", "/provisioning/countries"),
                ("get", "/provisioning/instance_logs/{subdomain}"),
                ("get", "/provisioning/health"),
                ("get", "/provisioning/me"),
                ("get", "/provisioning/instances"),
                ("get", "/provisioning/requests"),
                ("post", "/provisioning/manage_request/{request_id}"),
                ("post", "/instances"),
                ("get", "/instances/{instance_id}"),
                ("post", "/instances/{subdomain}/login_link"),
                ("post", "/instances/{subdomain}/reset_password"),
                ("post", "/instances/{subdomain}/welcome"),
                ("get", "/signup/confirm"),
                ("post", "/signup/confirm"),
            },
        )

    def test_operation_ids_are_function_names(self):
        names = {operation["operationId"] for _path, _method, operation in self._operations()}
        self.assertEqual(
            names,
            {
                *("create_instance", "request_status", "instance_info", "manage_instance", "plans"),
                *("templates", "countries"),
                *("validate_subdomain", "validate_subdomain_sent", "instance_logs", "health"),
                *("me", "instances", "requests", "manage_request", "new_instance", "instance_status"),
                *("confirmation_page", "confirm", "login_link", "reset_password", "send_welcome"),
            },
        )

    def test_the_document_has_contact_licence_and_descriptions_of_tags(self):
        document = self._ask("/openapi.json", key=None).json()
        self.assertEqual(document["info"]["contact"]["name"], self.env["res.company"].browse(1).name)
        self.assertEqual(document["info"]["license"]["identifier"], "LGPL-3.0-or-later")
        described = {tag["name"] for tag in document["tags"] if tag["description"]}
        used = {tag for _path, _method, operation in self._operations() for tag in operation["tags"]}
        self.assertEqual(used, described - {"webhooks"})

    def test_an_invalid_web_site_is_left_out(self):
        endpoint = self.env.ref("saas_manager_api.fastapi_endpoint_saas")
        own, partner = endpoint.get_base_url(), self.env["res.company"].browse(1).partner_id
        for website, told in (("https://acme.example", "https://acme.example"), ("http://acme corp", own)):
            self.env.cr.execute("UPDATE res_partner SET website = %s WHERE id = %s", [website, partner.id])
            self.env.invalidate_all()
            self.assertEqual(endpoint._contact()["url"], told)

    def test_routes_without_a_key_are_documented_as_such(self):
        for path, _method, operation in self._operations():
            is_open = path in ("/provisioning/health", "/signup/confirm")
            self.assertEqual(operation["security"] == [], is_open, path)

    def test_each_answer_is_documented_with_its_headers(self):
        self.env["ir.config_parameter"].set_param("saas_api.requests_per_hour", "1")
        document = self._ask("/openapi.json", key=None).json()
        for path, key, described_at, status in (
            ("/provisioning/plans", "manager", "/provisioning/plans", 200),
            ("/provisioning/plans", "manager", "/provisioning/plans", 429),
            ("/provisioning/plans", None, "/provisioning/plans", 401),
            ("/provisioning/instance_info/none", "user", "/provisioning/instance_info/{subdomain}", 404),
        ):
            with self.subTest(path=path, status=status):
                answer = self._ask(path, key=key)
                self.assertEqual(answer.status_code, status)
                described = document["paths"][described_at]["get"]["responses"][str(status)]["headers"]
                known = document["components"]["headers"]
                self.assertEqual({name for name in known if name in answer.headers}, set(described))

    def test_progress_is_a_whole_number(self):
        schemas = self._ask("/openapi.json", key=None).json()["components"]["schemas"]
        for name in ("RequestStatus", "InstanceStatus", "InstanceInfo"):
            self.assertEqual(schemas[name]["properties"]["progress"]["type"], "integer", name)

    def test_each_operation_is_documented_with_its_refusals(self):
        open_ones = ("/provisioning/health", "/signup/confirm")
        for path, method, operation in self._operations():
            with self.subTest(path=path, method=method):
                self.assertTrue(operation["description"])
                refused = [content for status, content in operation["responses"].items() if status >= "400"]
                for content in refused:
                    schema = content["content"]["application/json"]["schema"]
                    self.assertEqual(schema, {"$ref": "#/components/schemas/Problem"})
                if path not in open_ones:
                    self.assertEqual(operation["security"], [{"Bearer": []}, {"ApiKey": []}])
                    self.assertLessEqual({"401", "403", "422", "429"}, set(operation["responses"]))
