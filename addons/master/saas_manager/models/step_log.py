"""Logs the engine's steps while they happen, with a cursor of its own, so that they show at once."""

import contextlib
import logging

import psycopg2
from odoo import SUPERUSER_ID, api

from ..exceptions import CONNECTION_LOST

_logger = logging.getLogger(__name__)

_LEVELS = {"failed": "error", "skipped": "debug"}


class StepLog:
    """Writes a line for each step of one record's operation, and shows it to users who have the record open.

    A lost connection, for example at a restart of PostgreSQL, must neither end the operation nor hide why it
    failed: the log connects again, and a line that it cannot write goes to the server's log.
    """

    def __init__(self, record):
        self._subject = record
        self._cursor = None

    def __enter__(self):
        return self

    def __exit__(self, *_error):
        self._close()

    @property
    def _record(self):
        """The record, read with this log's own cursor."""
        if self._cursor is None:
            self._cursor = self._subject.env.registry.cursor()
        uid = self._subject.env.uid or SUPERUSER_ID
        return self._subject.with_env(api.Environment(self._cursor, uid, {})).sudo()

    def _close(self):
        cursor, self._cursor = self._cursor, None
        if cursor:
            with contextlib.suppress(psycopg2.Error):
                cursor.close()

    def on_step(self, event):
        """Called by the engine; see `tenantry.model.progress.StepEvent`."""
        if event.status != "started":
            self._write(
                operation=event.operation,
                step=event.step,
                duration_s=event.duration_s,
                progress=100.0 * event.fraction,
                level=_LEVELS.get(event.status, "info"),
                message=f"{event.operation}: {event.step} {event.status}",
            )

    def tell(self, level, message):
        self._write(level=level, message=message)

    def _write(self, **values):
        for _attempt in ("as it is", "reconnected"):
            try:
                return self._insert(values)
            except CONNECTION_LOST:
                self._close()
        _logger.warning("%s: %s", self._subject, values["message"])

    def _insert(self, values):
        record = self._record
        link = {"saas.instance": "instance_id", "saas.template": "template_id"}[record._name]
        record.env["saas.instance.log"].create(
            {**values, link: record.id, "company_id": record.company_id.id}
        )
        record._notify_step(values)
        self._cursor.commit()
