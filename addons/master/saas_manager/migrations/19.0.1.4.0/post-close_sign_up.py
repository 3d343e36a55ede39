from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Odoo's default let any visitor make an account in the back office."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    env["ir.config_parameter"].set_param("auth_signup.invitation_scope", "b2b")
