import contextvars
import functools
import os
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from odoo import api, models
from odoo.addons.saas_agreed import ENTITLEMENTS_PARAMETER, INTERNAL_USERS
from odoo.exceptions import RedirectWarning, UserError
from odoo.tools import SQL, config

from ..tools import provider
from ..tools.signed import NOTHING, Entitlements, InvalidToken

_GB = 1024**3
# A measured size is used for this time. Before an upload is refused, the size is measured again.
_MEASURED_FOR_S = 30
# Smaller files, such as the avatars that Odoo draws for new users, are not checked.
_SMALL_BYTES = 1024
_ASSET_TYPES = ("text/css", "application/javascript", "text/javascript")
_ASSETS_BYTES = 256 * 1024**2
_SYSTEMS_SHARE = 0.1

_SEATED_FOR_S = 30
_INTERNAL_USERS = SQL(INTERNAL_USERS)
# Whether these are plain tables, which show all their rows to every role.
_PLAIN = SQL("""
    SELECT count(*) = 4 FROM pg_class
     WHERE oid IN ('ir_model_data'::regclass, 'res_groups_implied_rel'::regclass,
                   'res_groups_users_rel'::regclass, 'res_users'::regclass)
       AND relkind = 'r' AND NOT relrowsecurity AND NOT relhasrules AND NOT relhassubclass
""")

_measured = {}
_seated = {}
_batch = contextvars.ContextVar("bytes that were checked, but are not stored yet", default=0)


class SaasEntitlements(models.AbstractModel):
    """The limits of this database, as its provider signed them, and their enforcement."""

    _name = "saas.entitlements"
    _description = "Entitlements"

    @api.model
    def _current(self):
        """The entitlements in force; None without a provider.

        They are read without any cache: a change by the provider takes effect at the next request.
        """
        key = provider.public_key()
        if not key:
            return None
        query = SQL("SELECT value FROM ir_config_parameter WHERE key = %s", ENTITLEMENTS_PARAMETER)
        self.env.cr.execute(query)
        row = self.env.cr.fetchone()
        return _read(key, row[0] if row else "", provider.identity(), provider.entitled_since())

    # ------------------------------------------------------------ users

    @api.model
    def _count_users(self, *, flush=True):
        """The number of active internal users. flush: include changes that are not written yet."""
        if flush:
            self.env["res.users"].flush_model(["active", "share"])
        self.env.cr.execute(SQL("%s SELECT count(*) FROM internal_user WHERE active", _INTERNAL_USERS))
        return self.env.cr.fetchone()[0]

    @api.model
    def _has_seat(self, user):
        """Whether the user is not internal, or is among the oldest internal users, as many as may log in.

        Our models refuse to add more users, but SQL in a server action bypasses them. It does not clear
        Odoo's caches either: a user who is internal by the caches needs a seat, too, whatever the tables say.
        """
        seats = provider.seats()
        if not seats or time.monotonic() < _seated.get((user.id, seats), 0):
            return True
        first = SQL("SELECT id FROM internal_user WHERE active ORDER BY id LIMIT %s", seats)
        query = "%s SELECT %s IN (%s) AND (%s), EXISTS (SELECT FROM internal_user WHERE id = %s)"
        self.env.cr.execute(SQL(query, _INTERNAL_USERS, user.id, first, _PLAIN, user.id))
        has_seat, is_internal = self.env.cr.fetchone()
        if has_seat:
            _seated[user.id, seats] = time.monotonic() + _SEATED_FOR_S
        return has_seat or not (is_internal or user._is_internal())

    @api.model
    def _no_seat_message(self):
        return self.env._(
            "Your plan's limit of internal users is reached by other users. Ask an administrator to archive "
            "a user who no longer works with Odoo, or to upgrade the plan."
        )

    @api.model
    @contextmanager
    def _within_user_limit(self, *, flush=True):
        """Refuse changes that add internal users beyond the limit; existing ones may stay."""
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
            raise UserError(self._unknown_plan_message())
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
        # Two transactions that each add the last allowed user must not both succeed. Both update the same
        # row, so the second one fails, is retried, and then sees the user of the first one.
        touch = SQL("UPDATE ir_config_parameter SET value = value WHERE key = %s", ENTITLEMENTS_PARAMETER)
        self.env.cr.execute(touch)

    # ------------------------------------------------------------ storage

    @api.model
    def _check_upload(self, size_bytes, mimetype, *, is_systems):
        """Refuse a file for which the plan has no storage left.

        is_systems: Odoo itself stores it. Then 10 % more is allowed, because a refusal could lose a mail. For
        the web client's assets 256 MB more are allowed, because without them nobody could delete files.
        """
        if size_bytes < _SMALL_BYTES:
            return
        allowed = self._current()
        if allowed is None or (allowed.is_valid and not allowed.storage_gb):
            return
        is_asset = is_systems and mimetype in _ASSET_TYPES
        if not (allowed.is_valid or is_asset):
            raise UserError(self._unknown_plan_message())
        more = _ASSETS_BYTES if is_asset else _SYSTEMS_SHARE * allowed.storage_bytes if is_systems else 0
        limit = allowed.storage_bytes + more
        used = self._storage_bytes()
        if used + size_bytes > limit:
            used = self._storage_bytes(anew=True) + _batch.get()
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
        _batch.set(_batch.get() + size_bytes)
        _measured[self.env.cr.dbname] = (_measured[self.env.cr.dbname][0], used + size_bytes)

    @api.model
    @contextmanager
    def _upload_batch(self):
        """Count checked files in the block together: they are stored only after all of them were checked."""
        before = _batch.set(0)
        try:
            yield
        finally:
            _batch.reset(before)

    def _storage_bytes(self, *, anew=False):
        """The size of the database and of the filestore on the disk, independent of Odoo's records."""
        database = self.env.cr.dbname
        measured_at, size_bytes = _measured.get(database, (0, 0))
        if not anew and measured_at and time.monotonic() - measured_at < _MEASURED_FOR_S:
            return size_bytes
        self.env.cr.execute(SQL("SELECT pg_database_size(current_database())"))
        size_bytes = self.env.cr.fetchone()[0] + _bytes_in(config.filestore(database))
        _measured[database] = (time.monotonic(), size_bytes)
        return size_bytes

    # ------------------------------------------------------------ messages

    @api.model
    def _provider(self):
        """The provider's name and email address, as signed; "" where unknown."""
        allowed = self._current()
        return (allowed.provider, allowed.provider_email) if allowed and allowed.is_valid else ("", "")

    @api.model
    def _no_mail_message(self):
        name, contact = self._provider()
        helper = f"{name} ({contact})" if name and contact else contact or name
        if not helper:
            return self.env._(
                "This Odoo cannot send mails yet, so no mail was sent. Ask an administrator of your company "
                "for a new password; administrators ask their provider."
            )
        return self.env._(
            "This Odoo cannot send mails yet, so no mail was sent. Ask an administrator of your company "
            "for a new password; administrators ask %s.",
            helper,
        )

    def _refuse(self, allowed, message):
        """Raise an error with the message, and a link that leads on if there is one."""
        way_on = self._way_on(allowed, self.env._("Upgrade my plan"))
        if not way_on:
            raise UserError(message)
        action = {"type": "ir.actions.act_url", "url": way_on["url"], "target": "new"}
        message = f"{message}\n\n{way_on['url'].removeprefix('mailto:')}"
        raise RedirectWarning(message, action, way_on["label"])

    @api.model
    def _way_on(self, allowed, upgrade):
        """A link to where the plan is changed, or else to the provider; None if neither is known."""
        if allowed.upgrade_url:
            return {"url": allowed.upgrade_url, "label": upgrade}
        url = allowed.provider_url or (allowed.provider_email and f"mailto:{allowed.provider_email}")
        if not url:
            return None
        name = allowed.provider
        return {"url": url, "label": self.env._("Contact %s", name) if name else self.env._("Contact us")}

    def _unknown_plan_message(self):
        return self.env._(
            "Your plan could not be verified, so nothing can be added for now. Everything stays readable. "
            "Please contact your provider."
        )


@functools.lru_cache(maxsize=1024)
def _read(key, token, identity, since):
    """Verify and read a token. The result is cached, because this is called at each request."""
    try:
        return Entitlements.from_token(key, token, identity, since)
    except InvalidToken:
        return NOTHING


def _bytes_in(folder):
    total = 0
    for path, _folders, files in os.walk(folder):
        for name in files:
            with suppress(FileNotFoundError):
                total += Path(path, name).lstat().st_size
    return total


def _in_gb(size_bytes):
    return f"{size_bytes / _GB:.2f}".rstrip("0").rstrip(".")
