"""Notifies open screens after a commit, with one statement.

Odoo opens and closes a connection for each commit with notifications: 10 ms in which other requests get no
connection. A creation sends a dozen notifications.
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
        """Skip Odoo's own hook if the channels are noted already."""
        postcommit = self.env.cr.postcommit
        if "bus.bus.channels" not in postcommit.data:
            postcommit.data["bus.bus.channels"] = OrderedSet()
            postcommit.add(lambda: _notifier.notify(postcommit.data.pop("bus.bus.channels")))
        return super()._ensure_hooks()


class _Notifier:
    """The process's connection to the database in which all processes listen."""

    def __init__(self):
        self._lock = threading.Lock()
        self._cursor = None

    def notify(self, channels):
        """Notify the channels. Only log errors: the commit succeeded, and must not look like a failure."""
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
