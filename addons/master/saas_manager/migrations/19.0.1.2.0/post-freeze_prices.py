import logging

from odoo import SUPERUSER_ID, api

_logger = logging.getLogger(__name__)


def migrate(cr, version):
    """Running subscriptions keep what their plans cost today, until their periods end."""
    env = api.Environment(cr, SUPERUSER_ID, {"tracking_disable": True})
    for subscription in env["saas.subscription"].search([("state", "!=", "draft")]):
        try:
            with cr.savepoint():
                subscription._freeze()
        except Exception:  # whatever is odd about it, the master is updated
            _logger.warning("%s keeps no price: it could not be frozen", subscription, exc_info=True)
