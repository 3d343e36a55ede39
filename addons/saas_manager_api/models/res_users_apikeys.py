"""Odoo's API keys: the dialogue may ask for one that opens the SaaS API only."""

from odoo import api, models
from odoo.addons.base.models.res_users import INDEX_SIZE
from odoo.tools import SQL
from odoo.tools.lru import LRU

from ..callers import SCOPE

_verified = LRU(4096)
"""Fingerprint of a key: the hash it was verified against, which alone takes as long as all the rest."""


class ResUsersApikeys(models.Model):
    _inherit = "res.users.apikeys"

    def _generate(self, scope, name, expiration_date):
        if scope is None and self.env.context.get("key_for_saas"):
            scope = SCOPE
        return super()._generate(scope, name, expiration_date)

    @api.model
    def _user_of_saas_key(self, key, fingerprint):
        """The id of the user whose key opens the API; None for a wrong one.

        A key that was verified before is known by its fingerprint. Whether it is still there, has not
        expired, and its user is active, is asked each time, with Odoo's own conditions.
        """
        stored = self._stored_like(key)
        uid = stored.get(_verified.get(fingerprint))
        if uid or not stored:
            return uid
        uid = self._check_credentials(scope=SCOPE, key=key)
        if uid and len(stored) == 1:
            _verified[fingerprint] = next(iter(stored))
        return uid

    def _stored_like(self, key):
        """The hashes of the valid keys that begin as this one does, and whose they are."""
        rows = self.env.execute_query(
            SQL(
                "SELECT key.key, key.user_id FROM res_users_apikeys key"
                " JOIN res_users owner ON owner.id = key.user_id"
                " WHERE owner.active AND key.index = %s AND (key.scope IS NULL OR key.scope = %s)"
                " AND (key.expiration_date IS NULL OR key.expiration_date >= now() at time zone 'utc')",
                key[:INDEX_SIZE],
                SCOPE,
            )
        )
        return dict(rows)
