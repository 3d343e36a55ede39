"""The page at which operators begin."""

from odoo.tests import HttpCase, new_test_user, tagged

from .common import GROUPS


@tagged("post_install", "-at_install")
class TestFirstPage(HttpCase):
    def _home(self, group, **values):
        user = new_test_user(self.env, f"first-{group}", GROUPS[group], password="a long password", **values)
        self.authenticate(user.login, "a long password")
        return self.make_jsonrpc_request("/web/session/get_session_info", {})["home_action_id"]

    def test_operators_begin_at_the_dashboard(self):
        dashboard = self.env.ref("saas_manager.saas_dashboard_action").id
        for group in ("user", "manager", "administrator"):
            self.assertEqual(self._home(group), dashboard, group)

    def test_others_and_those_who_chose_another_page_begin_there(self):
        self.assertFalse(self._home("nobody"))
        chosen = self.env.ref("base.action_res_users").id
        self.assertEqual(self._home("manager", action_id=chosen), chosen)
