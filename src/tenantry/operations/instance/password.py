"""Set a new password for an instance's administrator, who has lost theirs (I7)."""

from __future__ import annotations

from tenantry.errors import AdministratorMissing
from tenantry.model.instance import NewPassword
from tenantry.model.secret import hash_for_odoo, random_password
from tenantry.model.states import Action, after
from tenantry.odoo import scripts
from tenantry.operations.context import Context
from tenantry.operations.inventory import find_instance
from tenantry.postgres import locks
from tenantry.postgres.cluster import translated

_SET_PASSWORD = """
    UPDATE res_users
       SET password = %s, write_uid = 1, write_date = now() AT TIME ZONE 'UTC'
     WHERE active
       AND id = (SELECT res_id FROM ir_model_data WHERE module = 'base' AND name = 'user_admin')
    RETURNING left(login, 254)
"""


def reset_password(context: Context, name: str) -> NewPassword:
    """Replace the administrator's password by a random one, which ends the sessions of the old one.

    A second factor and API keys stay. The process is not woken.
    Raises InstanceNotFound, InvalidTransition, AdministratorMissing, Tampered, Busy.
    """
    password = random_password()
    with context.maintenance() as connection, locks.exclusive(connection, f"instance {name}"):
        label = find_instance(connection, name)
        after(name, label.state, Action.RESET_PASSWORD)
        with (
            context.as_tenant(name) as inside,
            translated(inside, "reset the password"),
            inside.transaction(),
        ):
            found = inside.execute(_SET_PASSWORD, [hash_for_odoo(password)]).fetchone()
            if not found:
                raise AdministratorMissing(name)
            inside.execute(scripts.stale_caches_script(label.series).encode())
    return NewPassword(login=str(found[0]), password=password)
