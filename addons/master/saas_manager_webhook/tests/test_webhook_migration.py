"""A master whose webhooks were part of the API's addon keeps them."""

import runpy

from odoo.tests import tagged
from odoo.tools import file_path

from .webhook_case import WebhookCase

_API, _WEBHOOK = "saas_manager_api", "saas_manager_webhook"


@tagged("post_install", "-at_install")
class TestWebhookMigration(WebhookCase):
    def _names(self, module):
        self.env.invalidate_all()
        return set(self.env["ir.model.data"].search([("module", "=", module)]).mapped("name"))

    def test_only_the_webhooks_records_of_the_api_are_taken_over(self):
        of_api, ours = self._names(_API), self._names(_WEBHOOK)
        moved = {name for name in ours if "webhook" in name}
        self.env.cr.execute(
            "UPDATE ir_model_data SET module = %s WHERE module = %s AND name IN %s",
            [_API, _WEBHOOK, tuple(moved)],
        )
        self.assertEqual(self._names(_API), of_api | moved)
        migration = runpy.run_path(file_path(f"{_API}/migrations/19.0.1.1.0/pre-webhooks-apart.py"))
        migration["migrate"](self.env.cr, "19.0.1.0.0")
        self.assertEqual((self._names(_API), self._names(_WEBHOOK)), (of_api, ours))
        self.assertFalse({name for name in of_api if "webhook" in name})
