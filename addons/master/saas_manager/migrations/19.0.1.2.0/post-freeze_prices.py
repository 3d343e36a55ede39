import logging

from odoo import SUPERUSER_ID, api

_logger = logging.getLogger(__name__)


def migrate(cr, version):
    """Running subscriptions keep the prices their plans have today, until their periods end."""
    env = api.Environment(cr, SUPERUSER_ID, {"tracking_disable": True})
    for subscription in env["saas.subscription"].search([("state", "!=", "draft")]):
        try:
            with cr.savepoint():
                subscription._freeze()
        except Exception:  # whatever the error is, the update goes on
            _logger.warning("%s keeps no price: it could not be frozen", subscription, exc_info=True)
