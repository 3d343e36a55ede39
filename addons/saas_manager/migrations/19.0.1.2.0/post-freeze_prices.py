from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Running subscriptions keep what their plans cost today, until their periods end."""
    env = api.Environment(cr, SUPERUSER_ID, {"tracking_disable": True})
    subscriptions = env["saas.subscription"].search([("state", "!=", "draft")])
    subscriptions._freeze()
    subscriptions.flush_recordset()
