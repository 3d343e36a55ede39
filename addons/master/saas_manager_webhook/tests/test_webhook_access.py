"""X1, X2: administrators manage endpoints and managers read them, each in their own company."""

from lxml import etree
from odoo.exceptions import AccessError
from odoo.tests import Form, new_test_user, tagged

from .webhook_case import WebhookCase

# user: what they may do with endpoints, with events, with deliveries
ACCESS = {
    "nobody": ("", "", ""),
    "portal": ("", "", ""),
    "user": ("", "", ""),
    "manager": ("read", "read", "read"),
    "administrator": ("read write create unlink", "read", "read"),
}
MODELS = ("saas.webhook", "saas.webhook.event", "saas.webhook.delivery")


@tagged("post_install", "-at_install")
class TestWebhookAccess(WebhookCase):
    def test_each_group_may_do_what_the_table_says(self):
        for user, allowed_by_model in ACCESS.items():
            for model, allowed in zip(MODELS, allowed_by_model, strict=True):
                for operation in ("read", "write", "create", "unlink"):
                    with self.subTest(user=user, model=model, operation=operation):
                        may = self.env[model].with_user(self.users[user]).has_access(operation)
                        self.assertEqual(may, operation in allowed.split())

    def test_a_user_who_may_only_read_cannot_call_actions(self):
        delivery = self._happen().with_user(self.users["manager"])
        webhook = self.webhook.with_user(self.users["manager"])
        for press in (delivery.action_replay, webhook.action_test):
            with self.subTest(press.__name__), self.assertRaises(AccessError):
                press()

    def test_endpoints_and_deliveries_of_another_company_are_not_visible(self):
        company = self.env["res.company"].create({"name": "Elsewhere"})
        group = "saas_manager.group_saas_administrator"
        there = new_test_user(self.env, "there", group, company_id=company.id, company_ids=company.ids)
        delivery = self._happen()
        for record in (self.webhook, delivery):
            with self.subTest(record._name):
                self.assertFalse(record.with_user(there).search([]))
                with self.assertRaises(AccessError):
                    record.with_user(there).read(["company_id"])
        with self.assertRaises(AccessError):
            delivery.with_user(there).action_replay()

    def test_an_administrator_creates_an_endpoint_in_the_form(self):
        with Form(self.env["saas.webhook"].with_user(self.users["administrator"])) as form:
            form.name, form.url = "Billing", "https://billing.example.com/hooks"
        self.assertTrue(self._secret(form.record.sudo()))

    def test_every_view_opens_for_readers(self):
        self._happen()
        for xmlid in ("saas_webhook_action", "saas_webhook_delivery_action"):
            action = self.env.ref(f"saas_manager_webhook.{xmlid}")
            for user in ("manager", "administrator"):
                with self.subTest(xmlid, user=user):
                    model = self.env[action.res_model].with_user(self.users[user])
                    views = model.get_views([(False, kind) for kind in ("list", "form", "search")])["views"]
                    names = {
                        node.get("name") for node in etree.fromstring(views["list"]["arch"]).iter("field")
                    }
                    self.assertTrue(model.web_search_read([], {name: {} for name in names})["records"])
                    self.assertTrue(Form(model.search([], limit=1)).id)

    def test_a_manager_has_no_button_that_changes_something(self):
        for model in ("saas.webhook", "saas.webhook.delivery"):
            views = self.env[model].with_user(self.users["manager"]).get_views([(False, "form")])["views"]
            buttons = {node.get("name") for node in etree.fromstring(views["form"]["arch"]).iter("button")}
            self.assertFalse(buttons - {"action_view_deliveries"}, model)
