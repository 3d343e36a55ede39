"""Install modules in an existing instance, by Odoo itself, as the tenant's own role."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from tenantry.errors import InvalidValue
from tenantry.model.module import Module
from tenantry.model.recipe import MODULE
from tenantry.model.states import Action, after
from tenantry.odoo.confined import log_of
from tenantry.odoo.initialise import (
    INSTALL,
    OdooCommand,
    check_modules_exist,
    install_command,
    installed_modules,
    verify_modules,
)
from tenantry.odoo.modules import modules_in
from tenantry.odoo.own_addons import tenant_addons, tenants_addons_path
from tenantry.operations.context import Context
from tenantry.operations.inventory import find_instance
from tenantry.postgres import databases, locks, roles
from tenantry.postgres.cluster import Connection
from tenantry.settings import ServerSettings


def install_modules(context: Context, name: str, modules: Collection[str]) -> list[str]:
    """Install missing modules, and their dependencies; return the names of those that were missing.

    The instance is served meanwhile; its running processes see the new modules at their next request.
    Raises InstanceNotFound, InvalidTransition, ModuleNotFound, InitialisationTimeout,
    InitialisationFailed, ModulesNotInstalled, Busy.
    """
    wanted = sorted(set(modules))
    check_modules(context, wanted)
    with context.maintenance() as connection, locks.exclusive(connection, f"instance {name}"):
        after(name, find_instance(connection, name).state, Action.INSTALL)
        install_log(context.settings, name).unlink(missing_ok=True)
        roles.enable_login(connection, name, context.role_password(name))
        missing = sorted(set(wanted) - set(_installed(context, name)))
        if missing:
            log = context.runtime.run_odoo(name, install_command(missing))
            with context.as_tenant(name) as inside:
                verify_modules(inside, missing, log)
        return missing


def run_unserved(context: Context, connection: Connection, name: str, command: OdooCommand) -> Path:
    """Run an Odoo command on an instance that is not served; return its log. Its role can log in meanwhile.

    Raises InitialisationTimeout, InitialisationFailed.
    """
    roles.enable_login(connection, name, context.role_password(name))
    try:
        return context.runtime.run_odoo(name, command)
    finally:
        roles.disable_login(connection, name)
        databases.end_sessions(connection, name)


def install_log(settings: ServerSettings, name: str) -> Path:
    """Odoo's log of the last installation of modules in an instance."""
    return log_of(settings, INSTALL, name)


def check_modules(context: Context, modules: Collection[str]) -> None:
    """Check that these modules can be installed. Raises InvalidValue, ModuleNotFound."""
    if not modules:
        raise InvalidValue("list of modules", "", "at least one technical name, such as crm")
    wrong = [module for module in modules if not MODULE.fullmatch(module)]
    if wrong:
        raise InvalidValue("module", wrong[0], "its technical name, such as crm")
    check_modules_exist(context.odoo(), modules, tenants_addons_path(context.settings))


def available_modules(context: Context) -> tuple[Module, ...]:
    """The modules that can be installed; without ours, which every instance has."""
    ours = {folder.name for folder in tenant_addons(context.settings).iterdir()}
    found = modules_in([*context.odoo().addons, *tenants_addons_path(context.settings)])
    return tuple(module for module in found if module.name not in ours)


def _installed(context: Context, name: str) -> list[str]:
    with context.as_tenant(name) as inside:
        return installed_modules(inside)
