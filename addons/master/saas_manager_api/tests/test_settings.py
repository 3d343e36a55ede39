"""The settings page's section of the API."""

from odoo.exceptions import ValidationError
from odoo.tests import tagged

from .common import ApiCase


@tagged("post_install", "-at_install")
class TestSettings(ApiCase):
    def _save(self, **values):
        self.env["res.config.settings"].create(values).execute()

    def test_saved_settings_apply_at_once(self):
        self._save(saas_api_requests_per_hour=1, saas_api_docs_public=True)
        self.assertEqual([self._ask("/provisioning/plans").status_code for _time in range(2)], [200, 429])
        self.assertEqual(self._ask("/docs", key=None).status_code, 200)

    def test_zero_is_stored_as_zero(self):
        self._save(saas_api_requests_per_hour=0, saas_api_keyless_per_hour=0)
        for key in ("manager", None):
            self.assertNotIn("RateLimit-Limit", self._ask("/provisioning/health", key=key).headers)

    def test_invalid_settings_are_refused(self):
        for values in (
            {"saas_api_requests_per_hour": -1},
            {"saas_api_keyless_per_hour": -1},
            {"saas_api_max_body_kb": 0},
            {"saas_api_cors_origins": "*"},
            {"saas_api_cors_origins": "https://www.example.com/page"},
        ):
            with self.subTest(values=values), self.assertRaises(ValidationError):
                self._save(**values)
