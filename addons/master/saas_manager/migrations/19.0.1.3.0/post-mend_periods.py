import logging

from odoo import SUPERUSER_ID, api

_logger = logging.getLogger(__name__)


def migrate(cr, version):
    """End periods of subscriptions that were suspended before prices were frozen, and periods taken back."""
    env = api.Environment(cr, SUPERUSER_ID, {"tracking_disable": True})
    for subscription in env["saas.subscription"].search([("period_ids", "!=", False)]):
        try:
            with cr.savepoint():
                subscription._mend_periods()
        except Exception:  # whatever the error is, the update goes on
            _logger.warning("%s keeps its periods: they could not be mended", subscription, exc_info=True)
