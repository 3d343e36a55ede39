"""Idempotency keys: the answer of a POST, kept for the day in which it may be repeated."""

import re

from odoo import api, fields, models
from odoo.tools import SQL

from ..exceptions import WrongForm, WrongValue

KEPT_H = 24
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


class SaasApiAnswer(models.Model):
    _name = "saas.api.answer"
    _description = "SaaS API Answer"
    _log_access = False

    owner = fields.Char(required=True, readonly=True, help="The owner of the key: the caller's fingerprint.")
    key = fields.Char(required=True, readonly=True)
    digest = fields.Char(required=True, readonly=True, help="The hash of the request's path and body.")
    status = fields.Integer(readonly=True)
    content_type = fields.Char(readonly=True)
    body = fields.Text(readonly=True)
    asked_at = fields.Datetime(required=True, readonly=True, index=True)

    _key_unique = models.UniqueIndex("(owner, key)")

    @api.model
    def _claim(self, owner, key, digest):
        """The record of that key: with a status if it was answered before, else without one.

        A second request at the same time waits in PostgreSQL until the first one is committed; then its own
        transaction is retried, and finds the answer. A failed request is rolled back with its record.
        """
        if not _KEY.fullmatch(key):
            sentence = self.env._("An Idempotency-Key has up to 255 characters, no spaces.")
            raise WrongForm(sentence)
        now = fields.Datetime.now()
        self.search([("owner", "=", owner), ("key", "=", key), ("asked_at", "<", self._oldest(now))]).unlink()
        self.env.cr.execute(
            SQL(
                "INSERT INTO saas_api_answer (owner, key, digest, asked_at) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (owner, key) DO NOTHING",
                owner,
                key,
                digest,
                now,
            ),
            log_exceptions=False,
        )
        answer = self.search([("owner", "=", owner), ("key", "=", key)])
        if answer.digest != digest:
            sentence = self.env._("This Idempotency-Key was used for another request. Use a new one.")
            raise WrongValue(sentence)
        return answer

    def _keep(self, status, content_type, body):
        self.write({"status": status, "content_type": content_type, "body": body})

    def _oldest(self, now):
        return fields.Datetime.subtract(now, hours=KEPT_H)

    @api.autovacuum
    def _gc_answers(self):
        self.search([("asked_at", "<", self._oldest(fields.Datetime.now()))]).unlink()
