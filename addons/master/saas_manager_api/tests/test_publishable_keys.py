"""A6: the signup addon decides what a publishable key may do; with the API alone it can create nothing."""

from odoo.exceptions import AccessError
from odoo.tests import TransactionCase, tagged

from ..callers import Caller
from ..errors import problem


@tagged("at_install", "-post_install")
class TestPublishableKeys(TransactionCase):
    """When this addon's tests run at installation, addons that depend on it are not loaded yet."""

    def test_without_the_signup_addon_nothing_is_created(self):
        key = self.env["saas.api.key.publishable"].create(
            {"name": "Site", "origins": "https://www.example.com"}
        )
        caller = Caller(self.env.uid, "fingerprint", "192.0.2.1", key.id, self.env.company.id)
        requests = self.env["saas.instance.request"]
        with self.assertRaises(AccessError) as refused:
            requests._ask_by_api(caller, {"subdomain": "acme"})
        self.assertEqual(problem(refused.exception).status, 403)
        self.assertFalse(requests.search([("subdomain", "=", "acme")]))
