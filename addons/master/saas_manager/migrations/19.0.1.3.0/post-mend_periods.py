import logging

from odoo import SUPERUSER_ID, api

_logger = logging.getLogger(__name__)


def migrate(cr, version):
    """What was suspended before prices were frozen is in force no more; what was taken back is over."""
    env = api.Environment(cr, SUPERUSER_ID, {"tracking_disable": True})
    for subscription in env["saas.subscription"].search([("period_ids", "!=", False)]):
        try:
            with cr.savepoint():
                subscription._mend_periods()
        except Exception:  # whatever is odd about it, the master is updated
            _logger.warning("%s keeps its periods: they could not be mended", subscription, exc_info=True)
