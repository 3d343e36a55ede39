"""A7: the number of requests of an owner in this hour, shared by all workers."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime

from odoo import api, fields, models
from odoo.tools import SQL
from odoo.tools.translate import LazyTranslate
from psycopg2.errors import SerializationFailure

from ..exceptions import TooBusy, TooMany

_lt = LazyTranslate(__name__)

WINDOW_S = 3600
_TRIES = 50


@dataclass(frozen=True)
class Allowance:
    """The state of a limit."""

    limit: int
    count: int
    reset_s: int

    @property
    def headers(self):
        return {
            "RateLimit-Limit": str(self.limit),
            "RateLimit-Remaining": str(max(0, self.limit - self.count)),
            "RateLimit-Reset": str(self.reset_s),
        }

    def check(self):
        """Raise TooMany if the limit is exceeded."""
        if self.count > self.limit:
            raise TooMany(
                _lt(
                    "No more than %(limit)s an hour. Try again in %(seconds)s seconds.",
                    limit=self.limit,
                    seconds=self.reset_s,
                ),
                retry_after=self.reset_s,
            )


class SaasApiCount(models.Model):
    _name = "saas.api.count"
    _description = "SaaS API Requests per Hour"
    _log_access = False

    bucket = fields.Char(required=True, readonly=True)
    began_at = fields.Datetime(required=True, readonly=True, index=True)
    count = fields.Integer(required=True, readonly=True)

    _bucket_unique = models.UniqueIndex("(bucket, began_at)")

    @api.model
    def _hit(self, bucket, limit):
        """Count a request, whatever its outcome; return the `Allowance`.

        It uses a transaction of its own: refused requests count, too, and requests do not wait for each
        other. It does not wait for the disk, either: if PostgreSQL crashes, the latest counts may be lost.
        """
        for _try in range(_TRIES):
            try:
                with self.env.registry.cursor() as cursor:
                    cursor.execute("SET LOCAL synchronous_commit TO off")
                    return self._add_one(cursor, bucket, limit)
            except SerializationFailure:
                continue  # another worker counted at the same time
        raise TooBusy(self.env._("Too much at once. Please try again."))

    @api.model
    def _hit_if_done(self, bucket, limit):
        """Count one if this transaction is committed; return the `Allowance`."""
        return self._add_one(self.env.cr, bucket, limit)

    def _add_one(self, cursor, bucket, limit):
        now = int(time.time())
        began = now - now % WINDOW_S
        query = SQL(
            "INSERT INTO saas_api_count (bucket, began_at, count) VALUES (%s, %s, 1)"
            " ON CONFLICT (bucket, began_at) DO UPDATE SET count = saas_api_count.count + 1 RETURNING count",
            bucket,
            datetime.fromtimestamp(began, UTC).replace(tzinfo=None),
        )
        cursor.execute(query, log_exceptions=False)
        return Allowance(limit, cursor.fetchone()[0], began + WINDOW_S - now)

    @api.autovacuum
    def _gc_counts(self):
        """Delete the counts of past hours."""
        before = fields.Datetime.subtract(fields.Datetime.now(), seconds=WINDOW_S)
        self.search([("began_at", "<", before)]).unlink()
