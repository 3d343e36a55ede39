"""The installation's four keys, and the derivation of roles' passwords from them.

No key can be derived from another one, so a program that has one key can do only what this key is for.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from tenantry.errors import RoleWithoutPassword
from tenantry.model import names
from tenantry.model.secret import Secret, derive_role_password, derived_key


@dataclass(frozen=True)
class Keys:
    """instances: for passwords of instances' roles. roles: for passwords of our other roles.

    signing: for entitlements and login links. sealing: for secrets in columns of the master's database.
    """

    instances: Secret
    roles: Secret
    signing: Secret
    sealing: Secret

    def of_server(self, name: str) -> Keys:
        """The keys of another server: an instance of the same name must have another password there."""
        return replace(self, instances=derived_key(self.instances, f"server:{name}"))

    def role_password(self, role: str) -> Secret:
        """The password of one of our roles. Raises RoleWithoutPassword, for a spare's or a foreign role."""
        if names.is_instance_role(role):
            return instance_password(self.instances, role)
        return infrastructure_password(self.roles, role)


def owner_mark(key: Secret, server: str) -> str:
    """What a cluster of that server is marked with: anybody may read it, and only `Keys.roles` gives it."""
    return f"{server}@{derived_key(key, 'owner').reveal()[:16]}"


def instance_password(key: Secret, role: str) -> Secret:
    """The password of an instance's role. key: Keys.instances. Raises RoleWithoutPassword for other roles."""
    if not names.is_instance_role(role):
        raise RoleWithoutPassword(role)
    return derive_role_password(key, role)


def mail_key(key: Secret) -> Secret:
    """The key of instances' logins at the mail relay. key: Keys.instances."""
    return derived_key(key, "mail")


def mail_login(name: str, oid: int) -> str:
    """An instance's login at the mail relay. oid: its database's; a later one of that name has another."""
    return f"{name}.{oid}"


ENGINES_MAIL_LOGIN = mail_login("", 0)
"""By which the engine asks the mail relay what it counted: no database has that oid."""


def mail_password(key: Secret, login: str) -> Secret:
    """The password for it. key: see `mail_key`."""
    return derived_key(key, f"login:{login}")


def infrastructure_password(key: Secret, role: str) -> Secret:
    """The password of an infrastructure role. key: Keys.roles. Raises RoleWithoutPassword for other roles."""
    if role not in names.INFRASTRUCTURE_ROLES:
        raise RoleWithoutPassword(role)
    return derive_role_password(key, role)
