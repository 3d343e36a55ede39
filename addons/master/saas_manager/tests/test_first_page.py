"""The page at which operators begin: that of the first app, where Odoo begins without a page of one's own."""

from odoo.tests import TransactionCase, new_test_user, tagged
from odoo.tools.convert import convert_file

from .common import GROUPS


@tagged("post_install", "-at_install")
class TestFirstPage(TransactionCase):
    def _first_page(self, group):
        user = new_test_user(self.env, f"first-{group}", GROUPS[group])
        menus = self.env["ir.ui.menu"].with_user(user).load_web_menus(False)
        return menus[menus["root"]["children"][0]]["actionID"]

    def test_operators_begin_at_the_dashboard_and_others_do_not(self):
        dashboard = self.env.ref("saas_manager.saas_dashboard_action").id
        for group in ("user", "manager", "administrator"):
            self.assertEqual(self._first_page(group), dashboard, group)
        self.assertNotEqual(self._first_page("nobody"), dashboard)

    def test_operators_find_nothing_unread_when_they_begin(self):
        for group in ("nobody", "manager", "administrator"):
            user = new_test_user(self.env, f"begins-{group}", GROUPS[group])
            user.with_user(user)._on_webclient_bootstrap()
            members = self.env["discuss.channel.member"].search([("partner_id", "=", user.partner_id.id)])
            unread = members.filtered("message_unread_counter").mapped("channel_id.name")
            self.assertEqual((unread, user.odoobot_state), ([], "disabled"), group)

    def test_an_update_does_without_the_greeting_if_somebody_deleted_it(self):
        self.env.ref("mail.module_install_notification").unlink()
        convert_file(self.env, "saas_manager", "data/mail_message_data.xml", {}, mode="update")
        self.assertFalse(self.env.ref("mail.module_install_notification", raise_if_not_found=False))
