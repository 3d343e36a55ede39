"""Visitors cannot make an account in the back office."""

from odoo.modules.module import load_script
from odoo.tests import HttpCase, tagged
from odoo.tools.misc import file_path


@tagged("post_install", "-at_install")
class TestSignUpClosed(HttpCase):
    def test_the_login_page_offers_no_account_and_there_is_no_form_for_one(self):
        self.assertNotIn("/web/signup", self.url_open("/web/login").text)
        self.assertEqual(self.url_open("/web/signup").status_code, 404)

    def test_the_migration_closes_an_older_back_office(self):
        parameters = self.env["ir.config_parameter"]
        parameters.set_param("auth_signup.invitation_scope", "b2c")
        path = file_path("saas_manager/migrations/19.0.1.4.0/post-close_sign_up.py")
        load_script(path, "close_sign_up").migrate(self.env.cr, "19.0.1.3.0")
        self.assertEqual(parameters.get_param("auth_signup.invitation_scope"), "b2b")
