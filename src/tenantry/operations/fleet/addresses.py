"""Write a changed address of the server into its instances, whose mails and reports link to it."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Collection
from dataclasses import asdict, dataclass, field
from pathlib import Path

from tenantry.errors import Tampered, TenantryError
from tenantry.keyfile import write_private
from tenantry.model.catalog import Kind, State
from tenantry.model.names import KEPT_PREFIX
from tenantry.operations.context import Context
from tenantry.postgres import databases

_logger = logging.getLogger(__name__)

_WRITE = "UPDATE ir_config_parameter SET value = %s WHERE key = 'web.base.url' AND value = %s"
_ANY = "*"


def renew_addresses(context: Context) -> tuple[str, str, list[str]]:
    """Replace the previous address in every instance that still has it; an administrator's own value stays.

    Returns the previous address and the present one, with a star for the name, and the instances in which
    it could not be written: they are tried again the next time. Run it again if it was killed.
    """
    file, now = _file(context), context.address(_ANY).url
    kept = _Kept.of(file)
    before, left = kept.address or now, dict(kept.left)
    with context.maintenance() as connection:
        listed = databases.listing(connection, Kind.INSTANCE, Kind.KEPT)
    # What has moved has another server's address.
    names = [found.name for found in listed if found.label and found.label.state is not State.MOVED]
    if before != now:
        left |= {name: before for name in names if name not in left}
    failed = {name: old for name, old in left.items() if name in names and not _renew(context, name, old)}
    if kept != (told := _Kept(now, failed)):
        write_private(file, json.dumps(asdict(told)))
    return before, now, sorted(failed)


@dataclass(frozen=True)
class _Kept:
    """The address at the last start; "" before the first one. left: instances with older addresses."""

    address: str = ""
    left: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, file: Path) -> _Kept:
        try:
            return cls(**json.loads(file.read_text(encoding="utf-8")))
        except (FileNotFoundError, ValueError, TypeError):
            return cls()


def write_address(context: Context, database: str, name: str, before: Collection[str] | None) -> None:
    """Write the instance's address into its database, if that has one of the hosts `before`; None: any.

    The role of the database cannot log in. Tampering does not stop the caller.
    """
    query = """
        UPDATE ir_config_parameter SET value = %(url)s
         WHERE key = 'web.base.url'
           AND (%(hosts)s::text[] IS NULL OR substring(value from '^[a-z]+://([^/:]+)') = ANY(%(hosts)s))
    """
    facts = {"url": context.address(name).url, "hosts": None if before is None else list(before)}
    # Its errors are raised as Tampered, see `bounded.Session`.
    with contextlib.suppress(Tampered), context.as_locked_role(database) as inside:
        inside.execute(query, facts)


def _renew(context: Context, database: str, before: str) -> bool:
    name = database.removeprefix(KEPT_PREFIX)
    try:
        with context.as_tenant(database) as inside:
            inside.execute(_WRITE, [context.address(name).url, before.replace(_ANY, name)])
    except TenantryError as error:
        _logger.warning("the address of %s was not written: %s", database, error)
        return False
    return True


def _file(context: Context) -> Path:
    return context.settings.home / "address.json"
