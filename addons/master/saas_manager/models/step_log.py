"""Logs the engine's steps while they happen, with a cursor of its own, so that they show at once."""

import contextlib
import logging
import time

import psycopg2
from odoo import SUPERUSER_ID, api

from ..exceptions import CONNECTION_LOST

_logger = logging.getLogger(__name__)

_LEVELS = {"failed": "error", "skipped": "debug"}
_REPEATED = ("skipped", "waiting")
"""What an operation that waits tells at each try; the first time is enough."""


class StepLog:
    """Writes a line for each step of one record's operation, and shows it to users who have the record open.

    A lost connection, for example at a restart of PostgreSQL, must neither end the operation nor hide why it
    failed: the log connects again, and a line that it cannot write goes to the server's log.
    """

    def __init__(self, record):
        self._subject = record
        self._cursor = None
        self._running = None
        self._paces = {}

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
        self._note(event.operation, event.step, str(event.status), 100.0 * event.fraction, event.duration_s)

    @contextlib.contextmanager
    def step(self, operation, step):
        """One step that the engine does not report: started, and then done or failed."""
        self._note(operation, step, "started", 0.0)
        began = time.monotonic()
        try:
            yield
        except BaseException:
            self._note(operation, step, "failed", 0.0, time.monotonic() - began)
            raise
        self._note(operation, step, "done", 100.0, time.monotonic() - began)

    def _note(self, operation, step, status, progress, duration_s=0.0):
        """Write the line of a slow step when it starts, and bring it up to date at its end."""
        pace = self._pace(operation)
        if status == "started" and not (pace and pace.is_slow(step)):
            return
        if status in _REPEATED and not self._running and self._is_told(step, status):
            return
        if pace:
            progress = pace.before(step) if status == "started" else pace.after(step)
        line, self._running = self._running, None
        self._running = self._write(
            line=line if status != "started" else None,
            operation=operation,
            step=step,
            status=status,
            duration_s=duration_s,
            progress=progress,
            level=_LEVELS.get(status, "info"),
            message=f"{operation}: {step} {status}",
        )
        if status != "started":
            self._running = None

    def _is_told(self, step, status):
        """Whether an earlier try of the running operation has told of this step."""
        record = self._record
        if record._name != "saas.instance":
            return False
        told = [("instance_id", "=", record.id), ("id", ">", record.operation_after), ("step", "=", step)]
        wanted = ["done", status] if status == "skipped" else [status]
        return bool(record.log_ids.search_count([*told, ("status", "in", wanted)], limit=1))

    def _pace(self, operation):
        if operation not in self._paces:
            self._paces[operation] = self._record.env["saas.instance.log"]._pace(operation, self._subject)
        return self._paces[operation]

    def tell(self, level, message):
        self._write(level=level, message=message)

    def _write(self, line=None, **values):
        for _attempt in ("as it is", "reconnected"):
            try:
                return self._insert(line, values)
            except CONNECTION_LOST:
                self._close()
        _logger.warning("%s: %s", self._subject, values["message"])
        return None

    def _insert(self, line, values):
        """Write a new line, or bring the running step's up to date; return its id."""
        record = self._record
        link = {"saas.instance": "instance_id", "saas.template": "template_id"}[record._name]
        lines = record.env["saas.instance.log"]
        noted = lines.browse(line).exists() if line else lines
        if noted:
            noted.write(values)
        else:
            noted = lines.create({**values, link: record.id, "company_id": record.company_id.id})
        # A message with a status says that the record's operation began or ended.
        told = {name: value for name, value in values.items() if name != "status"}
        record._notify_step({**told, **noted._estimate()})
        self._cursor.commit()
        return noted.id
