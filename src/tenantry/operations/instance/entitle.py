"""Write an instance's entitlements (I13), and make login links for its administrator or support (I7)."""

from __future__ import annotations

from tenantry.agreed import LOGIN_PATH, TENANT_MODULE
from tenantry.errors import Tampered, TenantModuleMissing
from tenantry.model.catalog import PROVIDED
from tenantry.model.entitlements import UNLIMITED, Entitlements, seats
from tenantry.model.secret import Secret
from tenantry.model.signing import now_us, sign_entitlements, sign_login
from tenantry.odoo import scripts
from tenantry.odoo.initialise import installed_modules
from tenantry.operations.context import Context, relabel
from tenantry.operations.fleet.usage import internal_users
from tenantry.operations.inventory import find_here, find_instance
from tenantry.postgres import locks
from tenantry.postgres.cluster import Connection, translated

LOGIN_VALID_S = 24 * 3600
SUPPORT_VALID_S = 300


def entitle(context: Context, name: str, entitlements: Entitlements) -> None:
    """Change what an instance may use, effective with its next request.

    The previous statement is made void first. So a tenant who prevents us from writing the new statement does
    not keep a larger plan, and no more users can log in than the new plan allows.
    Raises InstanceNotFound, InvalidTransition, TenantModuleMissing, Tampered, PostgresUnreachable, Busy.
    """
    with context.maintenance() as connection, locks.exclusive(connection, f"instance {name}"):
        label = find_here(connection, name)
        identity, issued_at = label.identity_of(name), max(now_us(), label.entitled_since + 1)
        label = label.having(entitled_since=issued_at)
        relabel(context, connection, name, label)
        try:
            with context.as_tenant(name) as inside:
                if TENANT_MODULE not in installed_modules(inside):
                    raise TenantModuleMissing(name)
                in_use = internal_users(inside)
                write_entitlements(context, inside, identity, label.series, issued_at, entitlements)
        except (Tampered, TenantModuleMissing):
            relabel(context, connection, name, label.having(seats=entitlements.users))
            raise
        can_log_in = seats(entitlements.users, in_use, label.counted_seats)
        known = label.having(
            seats=can_log_in,
            counted_seats=can_log_in,
            finished=tuple(dict.fromkeys((*label.finished, PROVIDED))),
        )
        if known != label:
            relabel(context, connection, name, known)


def write_entitlements(
    context: Context,
    inside: Connection,
    identity: str,
    series: str,
    issued_at: int,
    entitlements: Entitlements = UNLIMITED,
) -> None:
    """Sign and write entitlements into the tenant's database. issued_at: the label's `entitled_since`."""
    token = sign_entitlements(context.keys.signing, identity, entitlements, issued_at)
    with translated(inside, "write the entitlements"), inside.transaction():
        inside.execute("SELECT set_config('tenantry.entitlements', %s, true)", [token])
        inside.execute(scripts.entitle_script(series).encode())
        inside.execute(scripts.stale_caches_script(series).encode())


def login_link(
    context: Context,
    name: str,
    *,
    by: str = "",
    support: bool = False,
    valid_s: int | None = None,
    origin: str = "",
) -> Secret:
    """A link that logs its bearer in as the instance's administrator, once. Renaming makes it void.

    support: the instance must consent, and the session ends after 15 minutes. by: the operator's name, shown
    to the instance's administrators. valid_s: how long the link can be used; by default, and at most, a day,
    or five minutes for support. origin: the web site that redirects its visitors to the link, such as
    https://office.example.com; visitors from elsewhere must press a button first. Raises InstanceNotFound.
    """
    with context.maintenance() as connection:
        identity = find_instance(connection, name).identity_of(name)
    longest_s = SUPPORT_VALID_S if support else LOGIN_VALID_S
    valid_s = min(valid_s or longest_s, longest_s)
    key = context.keys.signing
    token = sign_login(key, identity, name, now_us(), valid_s, by=by, support=support, origin=origin)
    return Secret(f"{context.address(name).url}{LOGIN_PATH}?token={token.reveal()}")
