"""Operations over the API that need a value: another name, another plan, domains, modules."""

from unittest.mock import patch

from odoo.addons.saas_manager import gateway
from odoo.fields import Command
from odoo.tests import tagged

from .common import ApiCase


@tagged("post_install", "-at_install")
class TestManageWithValues(ApiCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.instance = cls._make_instance("acme", "active", run_state="running")
        nothing_taken = patch.object(gateway, "check_hostnames")
        nothing_taken.start()
        cls.addClassCleanup(nothing_taken.stop)

    def _manage(self, key="manager", **body):
        with self._jobs():
            return self._call(f"/provisioning/manage_instance/{self.instance.reference}", body, key=key)

    def test_another_subdomain(self):
        status, told = self._manage(action="rename", subdomain="zenith")
        self.assertEqual((status, told["data"]["subdomain"]), (202, "acme"), "a job does it")
        self.assertEqual((self.instance.operation, self.instance.wanted), ("rename", "zenith"))

    def test_a_subdomain_that_is_taken_is_refused_with_others(self):
        self._make_instance("zenith", "active")
        status, told = self._manage(action="rename", subdomain="zenith")
        self.assertEqual((status, told["error_code"]), (409, "SUBDOMAIN_TAKEN"))
        self.assertIn("zenith-2", told["details"]["suggestions"])

    def test_another_plan(self):
        large = self._make_plan("large")
        self.assertEqual(self._manage(action="change_plan", plan="large")[0], 202)
        self.assertEqual(self.instance.plan_id, large)
        status, told = self._manage(action="change_plan", plan="nothing")
        self.assertEqual((status, [*told["details"]["fields"]]), (422, ["plan"]))
        self._make_plan("tiny-plan", max_users=1)
        self.instance.sudo().user_count = 2
        status, told = self._manage(action="change_plan", plan="tiny-plan")
        self.assertEqual((status, "has 2 users" in told["error"]), (422, True))

    def test_domains(self):
        self.instance.hostname_ids = [Command.create({"name": "old.acme.example"})]
        self.instance.hostname_ids.state = "live"
        self.instance.sudo().operation = False
        status, _told = self._manage(action="set_domains", domains=["Shop.acme.example", "www.acme.example"])
        self.assertEqual((status, self.instance.operation), (202, "set_domains"))
        names = ["shop.acme.example", "www.acme.example"]
        self.assertEqual(self.instance.hostname_ids.mapped("name"), names)

    def test_modules(self):
        with patch.object(gateway, "check_modules"):
            self.assertEqual(self._manage(action="install", modules=["crm", "sale"])[0], 202)
        self.assertEqual((self.instance.operation, self.instance.wanted), ("install", "crm sale"))

    def test_another_server(self):
        other = self._make_server("other", address="other")
        self.instance.sudo().server_id = self.server
        status, told = self._manage(action="move", server="nowhere")
        self.assertEqual((status, [*told["details"]["fields"]]), (422, ["server"]))
        self.assertEqual(self._manage(action="move", server="other")[0], 202)
        self.assertEqual((self.instance.operation, self.instance.target_server_id), ("move", other))

    def test_a_backup(self):
        self.env["saas.backup"]._follow(
            self.instance,
            {"acme-1": {"made_at": "2026-11-29 21:30:00", "reason": "schedule", "size_mb": 3.5}},
        )
        told = self._call("/provisioning/instance_info/acme", key="manager")[1]["data"]["backups"]
        self.assertEqual(told[0]["name"], "acme-1")
        self.assertEqual((told[0]["proof"], told[0]["proved_at"]), ("not_yet", None))
        status, told = self._manage(action="restore", backup="other-1")
        self.assertEqual((status, [*told["details"]["fields"]]), (422, ["backup"]))
        self.assertEqual(self._manage(action="restore", backup="acme-1")[0], 202)
        self.assertEqual((self.instance.operation, self.instance.wanted), ("restore", "acme-1"))

    def test_a_missing_value_is_named(self):
        for action, field in (
            ("rename", "subdomain"),
            ("change_plan", "plan"),
            ("set_domains", "domains"),
            ("install", "modules"),
            ("move", "server"),
            ("restore", "backup"),
        ):
            with self.subTest(action=action):
                status, told = self._manage(action=action)
                self.assertEqual((status, told["error_code"]), (422, "MISSING_FIELDS"))
                self.assertEqual([*told["details"]["fields"]], [field])

    def test_wrong_values_are_refused_in_words(self):
        for field, value, sentence in (
            ("domains", "shop.acme.example", "Please send a list."),
            ("domains", ["https://shop.acme.example/"], "Please send a host name"),
            ("modules", [], "Please send at least 1."),
            ("modules", ["CRM"], "Please send the technical name"),
        ):
            with self.subTest(field=field, value=value):
                status, told = self._manage(action="install", **{field: value})
                self.assertEqual(status, 422)
                self.assertIn(sentence, told["error"])

    def test_readers_and_customers_may_not(self):
        for key, status in (("user", 403), ("portal", 404)):
            for body in (
                {"action": "rename", "subdomain": "zenith"},
                {"action": "change_plan", "plan": "small"},
                {"action": "set_domains", "domains": []},
                {"action": "install", "modules": ["crm"]},
                {"action": "move", "server": "here"},
                {"action": "backup"},
                {"action": "restore", "backup": "acme-1"},
            ):
                with self.subTest(key=key, body=body):
                    self.assertEqual(self._manage(key=key, **body)[0], status)
