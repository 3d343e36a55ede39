"""The API's document describes the messages that endpoints are sent."""

from odoo.addons.saas_manager_api.tests.common import ApiCase
from odoo.tests import tagged


@tagged("post_install", "-at_install")
class TestWebhookDocument(ApiCase):
    def test_the_messages_of_webhooks_are_described(self):
        document = self._ask("/openapi.json", key=None).json()
        self.assertEqual(set(document["webhooks"]), {"instance", "subscription", "ping"})
        types = document["components"]["schemas"]["InstanceMessage"]["properties"]["type"]["enum"]
        self.assertIn("instance.provisioned", types)
        for name, webhook in document["webhooks"].items():
            headers = {parameter["name"] for parameter in webhook["post"]["parameters"]}
            self.assertLessEqual({"webhook-id", "webhook-timestamp", "webhook-signature"}, headers, name)
        self.assertIn("webhooks", {tag["name"] for tag in document["tags"] if tag["description"]})
