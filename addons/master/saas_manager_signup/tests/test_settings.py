"""The settings of the signup page."""

from odoo.exceptions import ValidationError
from odoo.tests import TransactionCase, tagged


@tagged("post_install", "-at_install")
class TestSettings(TransactionCase):
    def _save(self, **values):
        settings = self.env["res.config.settings"].create(values)
        settings.set_values()
        return settings

    def test_settings_are_kept_and_zero_means_no_limit(self):
        model = self.env["saas.signup"]
        self.assertEqual(model._cap_per_hour(), 200)
        self._save(saas_signup_cap_per_hour=0, saas_signup_terms_url="https://www.example.com/terms")
        self.assertEqual(model._cap_per_hour(), 0)
        self.assertEqual(model._setting("terms_url"), "https://www.example.com/terms")

    def test_the_address_of_the_page_is_shown(self):
        self.assertTrue(self._save().saas_signup_address.endswith("/signup"))

    def test_invalid_settings_are_refused(self):
        for wrong in ({"saas_signup_cap_per_hour": -1}, {"saas_signup_terms_url": "javascript:alert(1)"}):
            with self.subTest(wrong=wrong), self.assertRaises(ValidationError):
                self._save(**wrong)
