"""Used solutions, kept until they expire, so that each is valid for one form only."""

import base64
import json
import time

from odoo import api, fields, models
from odoo.tools import SQL


class SaasCaptchaUsed(models.Model):
    _name = "saas.captcha.used"
    _description = "SaaS Used Captcha"
    _log_access = False

    signature = fields.Char(required=True, readonly=True, help="The challenge's signature, which we made.")
    expires_at = fields.Float(required=True, readonly=True, index=True, help="Seconds since 1970.")

    _signature_unique = models.UniqueIndex("(signature)")

    @api.model
    def _use(self, solution):
        """Mark a solution as used; return False if it was used before, or by a request at the same time.

        solution: verified, as the widget sends it. It is identified by the challenge's signature: all other
        parts could be written differently.
        """
        challenge = json.loads(base64.b64decode(solution))["challenge"]
        query = SQL(
            "INSERT INTO saas_captcha_used (signature, expires_at) VALUES (%s, %s)"
            " ON CONFLICT (signature) DO NOTHING",
            challenge["signature"],
            challenge["parameters"]["expiresAt"],
        )
        self.env.cr.execute(query, log_exceptions=False)
        return bool(self.env.cr.rowcount)

    @api.autovacuum
    def _gc_expired(self):
        self.search([("expires_at", "<", time.time())]).unlink()
