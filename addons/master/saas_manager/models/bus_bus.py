"""Telling open screens of a commit, at the price of one statement.

Odoo makes a connection for each commit that has something to tell, and closes it: 10 ms in which nobody
else gets one. A creation tells of a dozen steps.
"""

import logging
import threading

from odoo import models, sql_db
from odoo.addons.bus.models.bus import ODOO_NOTIFY_FUNCTION, get_notify_payloads
from odoo.tools import SQL
from odoo.tools.misc import OrderedSet

from ..exceptions import CONNECTION_LOST

_logger = logging.getLogger(__name__)


class BusBus(models.Model):
    _inherit = "bus.bus"

    def _ensure_hooks(self):
        """Where the channels are noted already, Odoo adds no hook of its own."""
        postcommit = self.env.cr.postcommit
        if "bus.bus.channels" not in postcommit.data:
            postcommit.data["bus.bus.channels"] = OrderedSet()
            postcommit.add(lambda: _notifier.notify(postcommit.data.pop("bus.bus.channels")))
        return super()._ensure_hooks()


class _Notifier:
    """The process's connection to the database in which everybody listens."""

    def __init__(self):
        self._lock = threading.Lock()
        self._cursor = None

    def notify(self, channels):
        """What cannot be told is logged: the commit was made, and must not look as if it had failed."""
        with self._lock:
            for _attempt in ("as it is", "reconnected"):
                try:
                    return self._send(channels)
                except CONNECTION_LOST as error:
                    self._cursor = None
                    reason = error
        _logger.warning("Open screens were not told of a commit: %s", reason)

    def _send(self, channels):
        if self._cursor is None:
            self._cursor = sql_db.db_connect("postgres").cursor()
        for payload in get_notify_payloads(list(channels)):
            statement = SQL("SELECT %s('imbus', %s)", SQL.identifier(ODOO_NOTIFY_FUNCTION), payload)
            self._cursor.execute(statement, log_exceptions=False)
        self._cursor.commit()


_notifier = _Notifier()
