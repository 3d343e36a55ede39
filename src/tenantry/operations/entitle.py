"""Tell an instance what it may use (I13), and let its administrator, or support, in (I7)."""

from __future__ import annotations

from tenantry.errors import TenantModuleMissing
from tenantry.model.catalog import Label
from tenantry.model.entitlements import UNLIMITED, Entitlements
from tenantry.model.secret import Secret
from tenantry.model.signing import now_us, read_entitlements, sign_entitlements, sign_login
from tenantry.odoo import scripts
from tenantry.odoo.initialise import installed_modules
from tenantry.odoo.own_addons import TENANT_MODULE
from tenantry.operations.context import Context, relabel
from tenantry.operations.instances import find_instance
from tenantry.postgres import locks
from tenantry.postgres.cluster import Connection, translated

LOGIN_PATH = "/saas/login"
LOGIN_VALID_S = 24 * 3600
SUPPORT_VALID_S = 300


def entitle(context: Context, name: str, entitlements: Entitlements) -> None:
    """Change what an instance may use; its very next request sees it. The previous statement is void.

    Raises InstanceNotFound, TenantModuleMissing, Busy.
    """
    with context.maintenance() as connection, locks.exclusive(connection, f"instance {name}"):
        label = find_instance(connection, name)
        with context.as_tenant(name) as inside:
            if TENANT_MODULE not in installed_modules(inside):
                raise TenantModuleMissing(name)
            issued_at = write_entitlements(context, inside, name, label, entitlements)
        relabel(context, connection, name, label.having(entitled_since=issued_at))


def write_entitlements(
    context: Context, inside: Connection, name: str, label: Label, entitlements: Entitlements = UNLIMITED
) -> int:
    """Sign and write them into the tenant's database; return their serial, which the label must get."""
    issued_at = max(now_us(), label.entitled_since + 1)
    token = sign_entitlements(context.keys.signing, name, entitlements, issued_at)
    with translated(inside, "write the entitlements"), inside.transaction():
        inside.execute("SELECT set_config('tenantry.entitlements', %s, true)", [token])
        inside.execute(scripts.entitle_script(label.series).encode())
        inside.execute(scripts.stale_caches_script(label.series).encode())
    return issued_at


def sign_anew(context: Context, inside: Connection, old: str, new: str, label: Label) -> int:
    """Sign for the name `new` what was in force for `old`; return the serial the label must have.

    A statement that is not ours, or is not in force, is left as it is: it allows nothing.
    """
    with translated(inside, "read the entitlements"):
        row = inside.execute(
            "SELECT value FROM ir_config_parameter WHERE key = 'saas_tenant.entitlements'"
        ).fetchone()
    for database in (old, new):
        found = read_entitlements(context.keys.signing, database, row[0] if row else "", label.entitled_since)
        if found:
            return write_entitlements(context, inside, new, label, found)
    return label.entitled_since


def login_link(
    context: Context,
    name: str,
    *,
    by: str = "",
    support: bool = False,
    valid_s: int | None = None,
    origin: str = "",
) -> Secret:
    """A link that lets its bearer in as the instance's administrator, once.

    support: the instance must consent, and the session ends after 15 minutes. by: the operator's name,
    which the instance's administrators read. valid_s: how long the link can be used; by default a day,
    or five minutes for support. origin: of a web site that sends its own visitors in, such as
    https://office.example.com; elsewhere a button asks first. Raises InstanceNotFound.
    """
    with context.maintenance() as connection:
        find_instance(connection, name)
    valid_s = valid_s or (SUPPORT_VALID_S if support else LOGIN_VALID_S)
    token = sign_login(context.keys.signing, name, now_us(), valid_s, by=by, support=support, origin=origin)
    return Secret(f"{context.runtime.route(name).url}{LOGIN_PATH}?token={token.reveal()}")
