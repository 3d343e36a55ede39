"""Odoo's API keys: the wizard can limit a key to the SaaS API, and keys in use are verified fast."""

from odoo import models
from odoo.addons.base.models.res_users import INDEX_SIZE
from odoo.tools import SQL
from odoo.tools.lru import LRU

from ..callers import SCOPE

_KNOWN_AT_MOST = 4096
_known = LRU(_KNOWN_AT_MOST)
"""(database, SHA-256 of a key): the verified row as (id, hash), for this process."""


class ResUsersApikeys(models.Model):
    _inherit = "res.users.apikeys"

    def _generate(self, scope, name, expiration_date):
        if scope is None and self.env.context.get("key_for_saas"):
            scope = SCOPE
        return super()._generate(scope, name, expiration_date)

    def _user_of_key(self, key, fingerprint):
        """The user of the key, if it is valid for the API now; None otherwise.

        Verifying a key takes 6000 rounds of hashing, so it is done once. Each time it is checked that the row
        and its user still exist.
        """
        known = (self.env.cr.dbname, fingerprint)
        if known in _known:
            uid = self._user_of_row(*_known[known])
            if uid:
                return uid
        uid = self._check_credentials(scope=SCOPE, key=key)
        if uid:
            rows = self._rows_like(key)
            if len(rows) == 1:  # of several with the same index it is not known which one matched
                _known[known] = rows[0]
        return uid

    def _user_of_row(self, row_id, key_hash):
        query = SQL(
            "SELECT u.id FROM res_users_apikeys k JOIN res_users u ON u.id = k.user_id"
            " WHERE k.id = %s AND k.key = %s AND u.active AND (k.scope IS NULL OR k.scope = %s)"
            " AND (k.expiration_date IS NULL OR k.expiration_date >= now() at time zone 'utc')",
            row_id,
            key_hash,
            SCOPE,
        )
        found = self.env.execute_query(query)
        return found[0][0] if found else None

    def _rows_like(self, key):
        return self.env.execute_query(
            SQL("SELECT id, key FROM res_users_apikeys WHERE index = %s", key[:INDEX_SIZE])
        )
