"""All actions can be called over RPC: users with read access are refused before the engine is called."""

from unittest.mock import Mock, patch

from odoo.exceptions import AccessError
from odoo.tests import tagged

from .. import gateway
from .common import SaasCase, engines_are


@tagged("post_install", "-at_install")
class TestReadersPressNothing(SaasCase):
    def _refused(self, record, *actions):
        for action, *arguments in actions:
            with self.subTest(model=record._name, action=action), self.assertRaises(AccessError):
                getattr(self._as("user", record), action)(*arguments)

    def setUp(self):
        super().setUp()
        refusing = Mock(side_effect=AssertionError("The engine was asked."))
        self.enterContext(engines_are(_engine_of=refusing))
        self.enterContext(patch.object(gateway, "new_password", refusing))

    def test_instances(self):
        self._refused(self._make_instance("drafted"), ("action_provision_instance",))
        self._refused(
            self._make_instance("failing", "failed"),
            ("action_retry",),
            ("action_discard",),
            ("action_terminate",),
        )
        self._refused(
            self._make_instance("running", "active"),
            ("action_suspend",),
            ("action_terminate",),
            ("action_stop",),
            ("action_start",),
            ("action_restart",),
            ("change_subdomain", "elsewhere"),
            ("install_modules", ["crm"]),
            ("move_to", self.server.id),
            ("action_move_back",),
            ("action_confirm_move",),
            ("action_check_health",),
            ("action_login_as_support",),
            ("change_plan", self.plan.id),
        )
        self._refused(self._make_instance("blocked", "suspended"), ("action_reactivate",))

    def test_templates(self):
        self._refused(
            self.template,
            ("action_create_template_db",),
            ("action_update_template",),
            ("action_edit_template",),
            ("action_fill_pool",),
            ("clone_template_db", "copy-of-it"),
        )
        editing = self._make_template("edited", "editing")
        self._refused(editing, ("action_edit_template",), ("action_mark_ready",))

    def test_servers(self):
        self._refused(
            self.server,
            ("action_activate",),
            ("action_maintenance",),
            ("action_disable",),
            ("action_test_connection",),
            ("action_drain",),
            ("action_stop_drain",),
            ("action_confirm_moves",),
        )

    def test_requests(self):
        request = self.env["saas.instance.request"].create(self._request_values("asked"))
        self._refused(request, ("action_submit",), ("action_cancel",))
        request.state = "failed"
        self._refused(request, ("action_retry",), ("action_cancel",))
