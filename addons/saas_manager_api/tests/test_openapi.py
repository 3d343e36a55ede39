"""The document from which clients are made is complete."""

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

    def test_every_operation_of_the_contract_is_there(self):
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
                ("get", "/provisioning/instance_logs/{subdomain}"),
                ("get", "/provisioning/health"),
                ("get", "/provisioning/me"),
                ("get", "/provisioning/instances"),
                ("get", "/provisioning/requests"),
                ("post", "/provisioning/manage_request/{request_id}"),
                ("post", "/instances"),
                ("get", "/instances/{instance_id}"),
                ("get", "/signup/confirm"),
                ("post", "/signup/confirm"),
            },
        )

    def test_the_messages_of_webhooks_are_described(self):
        document = self._ask("/openapi.json", key=None).json()
        self.assertEqual(set(document["webhooks"]), {"instance", "subscription", "ping"})
        types = document["components"]["schemas"]["InstanceMessage"]["properties"]["type"]["enum"]
        self.assertIn("instance.provisioned", types)
        for name, webhook in document["webhooks"].items():
            headers = {parameter["name"] for parameter in webhook["post"]["parameters"]}
            self.assertLessEqual({"webhook-id", "webhook-timestamp", "webhook-signature"}, headers, name)

    def test_each_is_described_with_its_refusals(self):
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
