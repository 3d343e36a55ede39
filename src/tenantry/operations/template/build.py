"""Build a template (T2): under a temporary name, verified, frozen, then swapped in.

The previous template serves until the swap; a failed or killed build leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from psycopg import sql

from tenantry.agreed import TENANT_MODULE
from tenantry.model import names
from tenantry.model.catalog import Database, Kind, Label, State
from tenantry.model.progress import OnStep, ignore
from tenantry.model.recipe import Recipe, next_version
from tenantry.model.secret import hash_for_odoo, random_password
from tenantry.odoo.config import code_options, database_options, demo_options, write_config
from tenantry.odoo.confined import view_of
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.odoo.initialise import (
    Initialisation,
    check_can_mirror,
    check_modules_exist,
    country_of_chart,
    loaded_languages,
    verify_modules,
)
from tenantry.odoo.own_addons import TENANT, shipped, tenants_addons_path
from tenantry.operations import patience
from tenantry.operations.context import Context
from tenantry.operations.inventory import find_labelled
from tenantry.operations.steps import Operation, Step
from tenantry.operations.template.addons import addons_digest
from tenantry.operations.template.clone import (
    clone_for_zygote,
    discard,
    drop_unused_zygotes,
    ensure_zygote,
    latest_version,
    ready_template,
)
from tenantry.postgres import databases, locks, roles
from tenantry.postgres.cluster import Connection, translated
from tenantry.spawner.identity import builder_user

WAIT_FOR_CLONES_S = 120
"""The patience of whoever has no queue."""
_EXTENSIONS = ("pg_trgm", "unaccent")


@dataclass(frozen=True)
class Building:
    """A recipe becoming the template of its code.

    version: what it will be. built_with: the code's digest, if the database is older than now.
    patience_s: how long it waits for those who clone the previous one before it raises NotYet.
    """

    context: Context
    connection: Connection
    recipe: Recipe
    version: str
    built_with: str | None = None
    patience_s: float = WAIT_FOR_CLONES_S

    @property
    def code(self) -> str:
        return self.recipe.code

    @property
    def complete_recipe(self) -> Recipe:
        """The operator's, and the module that makes a tenant of it; the label keeps the operator's."""
        modules = dict.fromkeys([*self.recipe.modules, TENANT_MODULE])
        return replace(self.recipe, modules=tuple(modules))

    @property
    def addons(self) -> tuple[Path, ...]:
        return tenants_addons_path(self.context.settings)

    @property
    def building(self) -> str:
        return names.building_database(self.code)

    def as_owner(self) -> AbstractContextManager[Connection]:
        """A connection as the role that owns what is inside, and can do no more: see `postgres.bounded`."""
        timeout_s = self.context.settings.installation.init_timeout_s
        return self.context.as_owner(self.building, names.TEMPLATE_OWNER, timeout_s)

    @property
    def log(self) -> Path:
        return self.context.settings.log_dir / f"build-{self.code}.log"

    @cached_property
    def odoo(self) -> OdooInstallation:
        return self.context.odoo()

    @property
    def config(self) -> Path:
        return self.context.settings.run_dir / f"build-{self.code}.conf"

    @property
    def initialisation(self) -> Initialisation:
        files = self.context.filestores.folder(self.building)
        view = view_of(self.odoo, files, builder_user(), self.addons, self.config)
        timeout_s = self.context.settings.installation.init_timeout_s
        return Initialisation(self.odoo, self.config, self.log, self.building, timeout_s, view)

    @property
    def label(self) -> Label:
        return Label(
            kind=Kind.TEMPLATE,
            state=State.BUILDING,
            template=self.code,
            version=self.version,
            series=self.odoo.series,
            recipe={
                **self.recipe.ingredients,
                "code_digest": self.built_with or code_digest(self.context, self.odoo),
            },
            built_at=datetime.now(UTC).isoformat(timespec="seconds"),
        )


# ---------------------------------------------------------------- steps


def has_finished(step: str) -> Callable[[Building], bool]:
    """Whether a killed run ended a long step well, of which the database itself shows no sign."""

    def is_done(subject: Building) -> bool:
        found = databases.find(subject.connection, subject.building)
        return bool(found and found.label and step in found.label.finished) or is_frozen(subject)

    return is_done


def _note_finished(subject: Building, *steps: str) -> None:
    databases.label(subject.connection, subject.building, subject.label.having(finished=steps))


def is_frozen(subject: Building) -> bool:
    """Whether a killed run got as far as a finished, frozen database."""
    found = databases.find(subject.connection, subject.building)
    return bool(found and found.label and found.label.state is State.READY)


def discard_build(subject: Building) -> None:
    discard(subject.context, subject.connection, subject.building)
    discard(subject.context, subject.connection, names.zygote_database(subject.code, subject.version))


def _create_database(subject: Building) -> None:
    connection = subject.connection
    check_modules_exist(subject.odoo, subject.complete_recipe.modules, subject.addons)
    check_can_mirror(subject.recipe.languages)
    discard_build(subject)
    subject.log.unlink(missing_ok=True)
    password = subject.context.role_password(names.TEMPLATE_OWNER)
    roles.create(connection, names.TEMPLATE_OWNER, password)
    databases.ensure_connect(connection, "postgres", names.TEMPLATE_OWNER)
    databases.create(connection, subject.building, subject.label)
    databases.grant_connect(connection, subject.building, names.TEMPLATE_OWNER)
    with subject.context.cluster.connect(subject.building) as inside:
        roles.grant_create(inside, names.TEMPLATE_OWNER)
        databases.add_extensions(inside, _EXTENSIONS)


def write_build_config(subject: Building) -> None:
    """Odoo builds as the templates' owner, never as the engine."""
    context = subject.context
    owner = context.cluster.as_role(names.TEMPLATE_OWNER, context.role_password(names.TEMPLATE_OWNER))
    options = {
        **database_options(owner),
        **code_options(subject.odoo, subject.addons, context.settings.data_dir),
        **demo_options(subject.odoo.series, demo=subject.recipe.demo),
        "http_interface": "127.0.0.1",
        "max_cron_threads": "0",
    }
    write_config(subject.config, options, owner=builder_user())


# What Odoo's own form for a new database writes between `base` and the rest.
_SET_COUNTRY = """
    WITH company AS (
        UPDATE res_company SET currency_id = COALESCE(country.currency_id, res_company.currency_id)
          FROM res_country AS country
         WHERE country.code = %s
        RETURNING res_company.partner_id, res_company.currency_id, country.id AS country_id
    ), currency AS (
        UPDATE res_currency SET active = true FROM company WHERE res_currency.id = company.currency_id
    )
    UPDATE res_partner SET country_id = company.country_id, state_id = NULL
      FROM company WHERE res_partner.id = company.partner_id
"""


def _install(subject: Building) -> None:
    """The country first, if there is one: then Odoo installs the chart of accounts and all it has for it."""
    write_build_config(subject)
    if subject.recipe.country:
        subject.initialisation.begin(subject.complete_recipe)
        with subject.as_owner() as inside, translated(inside, "set the country"):
            inside.execute(_SET_COUNTRY, [subject.recipe.country])
    subject.initialisation.install(subject.complete_recipe)
    _note_finished(subject, "install")


def prepare(subject: Building) -> None:
    """Pre-generate the web assets, which needs Odoo's own code; for languages that were edited in, too."""
    with subject.as_owner() as inside:
        check_can_mirror(loaded_languages(inside))
    write_build_config(subject)
    subject.initialisation.prepare()
    subject.config.unlink()
    _note_finished(subject, "install", "assets")


def verify(subject: Building) -> None:
    with subject.as_owner() as inside:
        verify_modules(inside, subject.complete_recipe.modules, subject.log)


def close_admin(subject: Building) -> None:
    """T2: nobody knows the password of a template's administrator."""
    with subject.as_owner() as inside, translated(inside, "close the admin"):
        inside.execute(
            "UPDATE res_users SET password = %s WHERE login = 'admin'", [hash_for_odoo(random_password())]
        )


# PostgreSQL logs a sequence's numbers 32 at a time, ahead of their use, and how many are left is copied with
# the blocks: a clone would use them without logging anything, and go back to them after a crash.
_LOG_SEQUENCES_ANEW = """
    SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, last_value)
      FROM pg_sequences
     WHERE last_value IS NOT NULL
"""


# PostgreSQL's own, but for those all databases share.
_CATALOG_TABLES = """
    SELECT oid::regclass::text FROM pg_class
     WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' AND NOT relisshared
"""


def compact(subject: Building) -> None:
    """Give the clones fresh statistics and no room but for rows: all is copied with the blocks.

    Each in its owner's name: an index may call a function of whoever edited the template.
    """
    with subject.as_owner() as inside, translated(inside, "vacuum"):
        inside.execute(_LOG_SEQUENCES_ANEW.encode())
        inside.execute("VACUUM (FULL, FREEZE, ANALYZE)")
    with subject.context.cluster.connect(subject.building) as inside, translated(inside, "vacuum"):
        catalog = sql.SQL(", ").join(sql.SQL(name) for (name,) in inside.execute(_CATALOG_TABLES))
        inside.execute(sql.SQL("VACUUM (FULL, FREEZE, ANALYZE) {}").format(catalog))


def freeze(subject: Building) -> None:
    """Write down what it offers: nobody can look inside from now on."""
    with subject.as_owner() as inside:
        languages, chart_country = loaded_languages(inside), country_of_chart(inside)
    label = subject.label.having(state=State.READY, languages=languages, chart_country=chart_country)
    with databases.transaction(subject.connection):
        databases.freeze(subject.connection, subject.building)
        databases.label(subject.connection, subject.building, label)
    databases.end_sessions(subject.connection, subject.building)


def is_swapped(subject: Building) -> bool:
    return databases.find(subject.connection, subject.building) is None


def swap(subject: Building) -> None:
    """Let the new template take the old one's name, in one transaction, between two clones."""
    context, connection = subject.context, subject.connection
    template, retired = names.template_database(subject.code), names.retired_database(subject.code)
    files = names.template_filestore(subject.code, subject.version)
    lock = locks.exclusive(connection, f"template {subject.code}", wait_s=subject.patience_s)
    with patience.turn(lock, f"The template {subject.code}", "the clones of its previous version"):
        if context.filestores.exists(subject.building):
            context.filestores.remove(files)
            context.filestores.seal(subject.building)
            context.filestores.rename(subject.building, files)
        databases.drop(connection, retired)
        with databases.transaction(connection):
            if databases.find(connection, template):
                databases.rename(connection, template, retired)
            databases.rename(connection, subject.building, template)
            built = find_labelled(connection, template, Kind.TEMPLATE)
            assert built
            assert built.label
            databases.label(connection, template, built.label.having(filestore=files))


def make_zygote(subject: Building) -> None:
    """What its instances' processes are forked from loads its registry from a clone of its own."""
    label = subject.label.having(state=State.READY)
    clone_for_zygote(subject.context, subject.connection, Database(subject.building, label))


def drop_retired(subject: Building) -> None:
    """Drop the previous version and the files of every version but this one."""
    databases.drop(subject.connection, names.retired_database(subject.code))
    drop_unused_zygotes(subject.context, subject.connection, subject.code, subject.version)
    keep = names.template_filestore(subject.code, subject.version)
    for name in subject.context.filestores.names():
        if name.startswith(names.template_filestore(subject.code, "")) and name != keep:
            subject.context.filestores.remove(name)


STEPS: tuple[Step[Building], ...] = (
    Step("database", _create_database, is_done=has_finished("install"), undo=discard_build),
    Step("install", _install, is_done=has_finished("install")),
    Step("assets", prepare, is_done=has_finished("assets")),
    Step("verify", verify, is_done=is_frozen),
    Step("admin", close_admin, is_done=is_frozen),
    Step("compact", compact, is_done=is_frozen),
    Step("freeze", freeze, is_done=is_frozen),
    Step("zygote", make_zygote, is_done=is_swapped),
    Step("swap", swap, is_done=is_swapped),
    Step("clean", drop_retired),
)


# ---------------------------------------------------------------- operation


def build_template(
    context: Context,
    recipe: Recipe,
    on_step: OnStep = ignore,
    *,
    rebuild: bool = False,
    patience_s: float = WAIT_FOR_CLONES_S,
) -> Database:
    """Build the recipe's template, unless the one there is current; return it.

    patience_s: how long it waits for its turn. Raises NotYet after it: run again, it goes on.
    Raises ModuleNotFound, CannotMirror, InitialisationTimeout, InitialisationFailed, ModulesNotInstalled,
    OdooNotFound, ForeignDatabase, Busy.
    """
    odoo = context.odoo()
    with context.maintenance() as connection, locks.exclusive(connection, f"build of {recipe.code}"):
        databases.require_ours(connection, *names.databases_of_template(recipe.code))
        template = find_labelled(connection, names.template_database(recipe.code), Kind.TEMPLATE)
        version = template.label.version if template and template.label else ""
        if template and not rebuild and not stale_reason(context, template, recipe, odoo):
            ensure_zygote(context, connection, recipe.code)
            drop_retired(Building(context, connection, recipe, version))
            return template
        version = version_to_build(connection, recipe.code)
        subject = Building(context, connection, recipe, version, patience_s=patience_s)
        _forget_other_build(subject)
        Operation("build", recipe.code, STEPS, on_step).run(subject)
        return ready_template(connection, recipe.code)


def version_to_build(connection: Connection, code: str) -> str:
    """That of the build that was killed, if one was; else one that no database of this template ever had."""
    found = find_labelled(connection, names.building_database(code), Kind.TEMPLATE)
    if found and found.label:
        return found.label.version
    return next_version(latest_version(connection, code))


def _forget_other_build(subject: Building) -> None:
    """A finished build that was killed before its swap is used only if it is of this recipe."""
    found = databases.find(subject.connection, subject.building)
    if found and (not found.label or found.label.recipe != subject.label.recipe):
        discard_build(subject)


def stale_reason(context: Context, template: Database, recipe: Recipe | None, odoo: OdooInstallation) -> str:
    """T8: why a template should be rebuilt; "" when it is current. No recipe: it was given by hand."""
    assert template.label
    built = dict(template.label.recipe)
    digest = built.pop("code_digest", "")
    if recipe and built != recipe.ingredients:
        return "its recipe changed"
    if digest != code_digest(context, odoo):
        return "the code of Odoo or of the addons changed"
    return ""


def code_digest(context: Context, odoo: OdooInstallation) -> str:
    """What a template's code is told by: Odoo's, the operator's addons and our module in it."""
    return addons_digest(odoo, (shipped(TENANT) / TENANT_MODULE, *context.settings.addons_path))
