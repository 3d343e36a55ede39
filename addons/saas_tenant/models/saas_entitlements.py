import functools
import time
from contextlib import contextmanager

from odoo import api, models
from odoo.exceptions import RedirectWarning, UserError
from odoo.tools import SQL

from ..tools import provider
from ..tools.signed import NOTHING, Entitlements, InvalidToken

PARAMETER = "saas_tenant.entitlements"
_GB = 1024**3
# A measured size is good for this long; before an upload is refused it is measured anew.
_MEASURED_FOR_S = 30
# Odoo draws avatars for new users; they are not what a storage limit is about.
_SMALL_BYTES = 1024
_ASSET_TYPES = ("text/css", "application/javascript", "text/javascript")
_MAX_ASSETS_BYTES = 256 * 1024**2
_SYSTEMS_SHARE = 1.1

_measured = {}


class SaasEntitlements(models.AbstractModel):
    """What this database may use, as its provider signed it, and the refusal of more."""

    _name = "saas.entitlements"
    _description = "Entitlements"

    @api.model
    def _current(self):
        """The entitlements in force; None where no provider is configured.

        Read past all caches: a change by the provider holds from the next request on.
        """
        key = provider.public_key()
        if not key:
            return None
        self.env.cr.execute(SQL("SELECT value FROM ir_config_parameter WHERE key = %s", PARAMETER))
        row = self.env.cr.fetchone()
        return _read(key, row[0] if row else "", provider.identity(), provider.entitled_since())

    # ------------------------------------------------------------ users

    @api.model
    def _count_users(self, *, flush=True):
        """Active internal users, Odoo's own robot apart. flush: what is not written yet counts, too."""
        if flush:
            self.env["res.users"].flush_model(["active", "share"])
        self.env.cr.execute(SQL("SELECT count(*) FROM res_users WHERE active AND NOT share AND id <> 1"))
        return self.env.cr.fetchone()[0]

    @api.model
    @contextmanager
    def _within_user_limit(self, *, flush=True):
        """Refuse what makes internal users beyond the limit; those there are may stay."""
        allowed = self._current()
        if allowed is None or (allowed.is_valid and not allowed.users):
            yield
            return
        before = self._count_users(flush=flush)
        yield
        after = self._count_users(flush=flush)
        if after > before:
            self._check_users(allowed, before, after)

    def _check_users(self, allowed, before, after):
        if not allowed.is_valid:
            raise UserError(self._unknown_plan())
        if after > allowed.users:
            self._refuse(
                allowed,
                self.env._(
                    "Your plan's limit of internal users is %(limit)s; active now: %(count)s. "
                    "Archive a user who no longer works with Odoo, or upgrade your plan.",
                    limit=allowed.users,
                    count=before,
                ),
            )
        # Two transactions that each add the last allowed user must not both succeed: touching one row
        # makes the second of them fail and be run again, when it sees the first one's user.
        self.env.cr.execute(SQL("UPDATE ir_config_parameter SET value = value WHERE key = %s", PARAMETER))

    # ------------------------------------------------------------ storage

    @api.model
    def _check_upload(self, size_bytes, mimetype, *, is_systems):
        """Refuse a file the plan has no room for.

        is_systems: Odoo itself stores it. A refusal could lose a mail, so a tenth more is allowed; whatever
        is drawn for the web client is, for without it nobody could tidy up.
        """
        if size_bytes < _SMALL_BYTES:
            return
        allowed = self._current()
        if allowed is None or (allowed.is_valid and not allowed.storage_gb):
            return
        if is_systems and mimetype in _ASSET_TYPES and self._assets_bytes() + size_bytes <= _MAX_ASSETS_BYTES:
            return
        if not allowed.is_valid:
            raise UserError(self._unknown_plan())
        limit = allowed.storage_bytes * (_SYSTEMS_SHARE if is_systems else 1)
        used = self._storage_bytes()
        if used + size_bytes > limit:
            used = self._storage_bytes(anew=True)
        if used + size_bytes > limit:
            self._refuse(
                allowed,
                self.env._(
                    "Your plan's limit of storage is %(limit)s GB; in use now: %(used)s GB. "
                    "Delete files you no longer need, or upgrade your plan.",
                    limit=_in_gb(allowed.storage_bytes),
                    used=_in_gb(used),
                ),
            )
        _measured[self.env.cr.dbname] = (_measured[self.env.cr.dbname][0], used + size_bytes)

    def _assets_bytes(self):
        query = SQL("SELECT sum(file_size) FROM ir_attachment WHERE mimetype IN %s", _ASSET_TYPES)
        self.env.cr.execute(query)
        return int(self.env.cr.fetchone()[0] or 0)

    def _storage_bytes(self, *, anew=False):
        """Database and files. A file attached twice is stored, and counted, once."""
        measured_at, size_bytes = _measured.get(self.env.cr.dbname, (0, 0))
        if not anew and measured_at and time.monotonic() - measured_at < _MEASURED_FOR_S:
            return size_bytes
        self.env["ir.attachment"].flush_model(["store_fname", "file_size"])
        self.env.cr.execute(
            SQL(
                """
                SELECT pg_database_size(current_database()) + COALESCE(sum(file_size), 0)
                  FROM (SELECT DISTINCT ON (store_fname) file_size
                          FROM ir_attachment
                         WHERE store_fname IS NOT NULL) AS stored
                """
            )
        )
        size_bytes = int(self.env.cr.fetchone()[0])
        _measured[self.env.cr.dbname] = (time.monotonic(), size_bytes)
        return size_bytes

    # ------------------------------------------------------------ messages

    def _refuse(self, allowed, message):
        """Say why, with the way to more where there is one."""
        if not allowed.upgrade_url:
            raise UserError(message)
        action = {"type": "ir.actions.act_url", "url": allowed.upgrade_url, "target": "new"}
        message = f"{message}\n\n{allowed.upgrade_url}"
        raise RedirectWarning(message, action, self.env._("Upgrade my plan"))

    def _unknown_plan(self):
        return self.env._(
            "Your plan could not be verified, so nothing can be added for now. Everything stays readable. "
            "Please contact your provider."
        )


@functools.lru_cache(maxsize=1024)
def _read(key, token, identity, since):
    """Verifying costs a fraction of a millisecond; the same token again costs nothing."""
    try:
        return Entitlements.from_token(key, token, identity, since)
    except InvalidToken:
        return NOTHING


def _in_gb(size_bytes):
    return f"{size_bytes / _GB:.2f}".rstrip("0").rstrip(".")
