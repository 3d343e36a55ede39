"""Tells what the engine does while it does it: from a cursor of its own, so that it is seen live."""

import contextlib

import psycopg2
from odoo import SUPERUSER_ID, api

_LEVELS = {"failed": "error", "skipped": "debug"}


class StepLog:
    """Writes a line for each step of one record's operation and sends it to who looks at it."""

    def __init__(self, record):
        self._record = record
        self._cursor = None

    def __enter__(self):
        self._cursor = self._record.env.registry.cursor()
        uid = self._record.env.uid or SUPERUSER_ID
        self._record = self._record.with_env(api.Environment(self._cursor, uid, {})).sudo()
        return self

    def __exit__(self, *_error):
        # A lost connection must not hide why the operation failed.
        with contextlib.suppress(psycopg2.Error):
            self._cursor.close()

    def on_step(self, event):
        """The engine's listener; see `tenantry.model.progress.StepEvent`."""
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
        record = self._record
        link = {"saas.instance": "instance_id", "saas.template": "template_id"}[record._name]
        record.env["saas.instance.log"].create(
            {**values, link: record.id, "company_id": record.company_id.id}
        )
        record._tell_step(values)
        self._cursor.commit()
