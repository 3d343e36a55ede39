"""The installation's four keys, and which of them a role's password is derived from.

None can be derived from another: whoever is told one can do what that one is for, and no more.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tenantry.errors import RoleWithoutPassword
from tenantry.model import names
from tenantry.model.secret import Secret, derive_role_password, derived_key


@dataclass(frozen=True)
class Keys:
    """instances: passwords of instances' roles. roles: passwords of all other roles of ours.

    signing: entitlements and login links. sealing: secrets in columns of the master's database.
    """

    instances: Secret
    roles: Secret
    signing: Secret
    sealing: Secret

    def of_server(self, name: str) -> Keys:
        """Those of a server beside the own one: an instance of the same name has another password there."""
        return replace(self, instances=derived_key(self.instances, f"server:{name}"))

    def owner(self, server: str) -> str:
        """What a cluster of that server is marked with: anybody may read it, and only these keys give it."""
        return f"{server}@{derived_key(self.roles, 'owner').reveal()[:16]}"

    def role_password(self, role: str) -> Secret:
        """Raises RoleWithoutPassword: a spare's role, or a stranger's, has none of us."""
        if names.is_instance_role(role):
            return instance_password(self.instances, role)
        return infrastructure_password(self.roles, role)


def instance_password(key: Secret, role: str) -> Secret:
    """key: that of instances. Raises RoleWithoutPassword for a role that is no instance's."""
    if not names.is_instance_role(role):
        raise RoleWithoutPassword(role)
    return derive_role_password(key, role)


def infrastructure_password(key: Secret, role: str) -> Secret:
    """key: that of roles. Raises RoleWithoutPassword for a role that is not of our infrastructure."""
    if role not in names.INFRASTRUCTURE_ROLES:
        raise RoleWithoutPassword(role)
    return derive_role_password(key, role)
