"""Install modules in an instance that lives: Odoo does it, as the tenant's own role."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from tenantry.errors import InvalidValue
from tenantry.model.recipe import MODULE
from tenantry.model.states import Action, after
from tenantry.odoo.config import code_options, database_options, write_config
from tenantry.odoo.initialise import Initialisation, check_modules_exist, installed_modules, verify_modules
from tenantry.odoo.own_addons import tenant_addons
from tenantry.operations.confined import view_of
from tenantry.operations.context import Context
from tenantry.operations.inventory import find_instance
from tenantry.postgres import databases, locks, roles


def install_modules(context: Context, name: str, modules: Collection[str]) -> list[str]:
    """Install those that are not there yet, and what they depend on; return which those were.

    The instance is served meanwhile, and its loaded servers see the new modules at their next request.
    Raises InstanceNotFound, InvalidTransition, ModuleNotFound, InitialisationTimeout,
    InitialisationFailed, ModulesNotInstalled, Busy.
    """
    wanted = sorted(set(modules))
    check_modules(context, wanted)
    with context.maintenance() as connection, locks.exclusive(connection, f"instance {name}"):
        after(name, find_instance(connection, name).state, Action.INSTALL)
        roles.enable_login(connection, name, context.role_password(name))
        missing = sorted(set(wanted) - set(_installed(context, name)))
        if missing:
            _install(context, name, missing, context.runtime.user_of(databases.oid(connection, name)))
        return missing


def check_modules(context: Context, modules: Collection[str]) -> None:
    """Whether they can be installed at all. Raises InvalidValue, ModuleNotFound."""
    if not modules:
        raise InvalidValue("list of modules", "", "at least one technical name, such as crm")
    wrong = [module for module in modules if not MODULE.fullmatch(module)]
    if wrong:
        raise InvalidValue("module", wrong[0], "its technical name, such as crm")
    check_modules_exist(context.odoo(), modules, _addons(context))


def _addons(context: Context) -> tuple[Path, ...]:
    return (tenant_addons(context.settings), *context.settings.addons_path)


def _installed(context: Context, name: str) -> list[str]:
    with context.as_tenant(name) as inside:
        return installed_modules(inside)


def _install(context: Context, name: str, modules: Collection[str], user: int | None) -> None:
    settings = context.settings
    config, log = settings.run_dir / f"install-{name}.conf", settings.log_dir / f"install-{name}.log"
    options = {
        **database_options(context.cluster.as_role(name, context.role_password(name))),
        **code_options(context.odoo(), _addons(context), settings.data_dir),
        "max_cron_threads": "0",
    }
    log.unlink(missing_ok=True)
    write_config(config, options, owner=user)
    try:
        view = view_of(context, name, user, _addons(context), config)
        Initialisation(context.odoo(), config, log, name, settings.installation.init_timeout_s, view).add(
            modules
        )
    finally:
        config.unlink()
    with context.as_tenant(name) as inside:
        verify_modules(inside, modules, log)
