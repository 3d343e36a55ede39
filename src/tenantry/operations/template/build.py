"""Build a template (T2): make it under a temporary name, verify, freeze, then swap it in.

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
from tenantry.settings import ServerSettings
from tenantry.spawner.identity import builder_user

WAIT_FOR_CLONES_S = 120
"""How long a caller without a queue waits."""
_EXTENSIONS = ("pg_trgm", "unaccent")


@dataclass(frozen=True)
class Building:
    """The build of a template from its recipe.

    version: the template's version when it is built. built_with: the digest of the code, if the database was
    built earlier. patience_s: how long it waits for clones of the previous version before it raises NotYet.
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
        """The operator's recipe with the tenant module added. The label keeps the operator's own recipe."""
        modules = dict.fromkeys([*self.recipe.modules, TENANT_MODULE])
        return replace(self.recipe, modules=tuple(modules))

    @property
    def addons(self) -> tuple[Path, ...]:
        return tenants_addons_path(self.context.settings)

    @property
    def building(self) -> str:
        return names.building_database(self.code)

    def as_owner(self) -> AbstractContextManager[Connection]:
        """A connection as the role that owns the database's objects: see `postgres.bounded`."""
        timeout_s = self.context.settings.installation.init_timeout_s
        return self.context.as_owner(self.building, names.TEMPLATE_OWNER, timeout_s)

    @property
    def log(self) -> Path:
        return build_log(self.context.settings, self.code)

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
    """Whether the label lists this step as finished, for steps that leave no other sign in the database."""

    def is_done(subject: Building) -> bool:
        found = databases.find(subject.connection, subject.building)
        return bool(found and found.label and step in found.label.finished) or is_frozen(subject)

    return is_done


def _record_finished(subject: Building, *steps: str) -> None:
    databases.label(subject.connection, subject.building, subject.label.having(finished=steps))


def is_frozen(subject: Building) -> bool:
    """Whether a killed run finished and froze the database."""
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
    """Write Odoo's configuration: it builds as the role of the templates' owner, not as the engine's role."""
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


# Odoo's own form for a new database writes the same after it installed `base`.
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


# Odoo lets any visitor make an account. Customers can open their Odoo again, in its settings.
_CLOSE_SIGN_UP = """
    UPDATE ir_config_parameter SET value = 'b2b' WHERE key = 'auth_signup.invitation_scope'
"""


def _install(subject: Building) -> None:
    """Set the country first, if the recipe has one: then Odoo installs that country's chart and modules."""
    write_build_config(subject)
    if subject.recipe.country:
        subject.initialisation.begin(subject.complete_recipe)
        with subject.as_owner() as inside, translated(inside, "set the country"):
            inside.execute(_SET_COUNTRY, [subject.recipe.country])
    subject.initialisation.install(subject.complete_recipe)
    with subject.as_owner() as inside, translated(inside, "close the sign-up"):
        inside.execute(_CLOSE_SIGN_UP)
    _record_finished(subject, "install")


def prepare(subject: Building) -> None:
    """Generate the web assets in advance, with Odoo's own code, for every language, also for added ones."""
    with subject.as_owner() as inside:
        check_can_mirror(loaded_languages(inside))
    write_build_config(subject)
    subject.initialisation.prepare()
    subject.config.unlink()
    _record_finished(subject, "install", "assets")


def verify(subject: Building) -> None:
    with subject.as_owner() as inside:
        verify_modules(inside, subject.complete_recipe.modules, subject.log)


def replace_admin_password(subject: Building) -> None:
    """T2: set a random password that nobody knows for the template's administrator."""
    with subject.as_owner() as inside, translated(inside, "replace the administrator's password"):
        inside.execute(
            "UPDATE res_users SET password = %s WHERE login = 'admin'", [hash_for_odoo(random_password())]
        )


# PostgreSQL writes a sequence to the WAL once for 32 numbers, in advance, and counts how many are left. A
# clone copies this count: it would use the numbers without writing to the WAL, and again after a crash.
_RESET_SEQUENCE_COUNTS = """
    SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, last_value)
      FROM pg_sequences
     WHERE last_value IS NOT NULL
"""


# PostgreSQL's own tables, except those that all databases share.
_CATALOG_TABLES = """
    SELECT oid::regclass::text FROM pg_class
     WHERE relnamespace = 'pg_catalog'::regnamespace AND relkind = 'r' AND NOT relisshared
"""


def compact(subject: Building) -> None:
    """Remove free space and update the statistics, since each clone copies both.

    Each table is vacuumed as its owner: an index may call a function that the template's editor wrote.
    """
    with subject.as_owner() as inside, translated(inside, "vacuum"):
        inside.execute(_RESET_SEQUENCE_COUNTS.encode())
        inside.execute("VACUUM (FULL, FREEZE, ANALYZE)")
    with subject.context.cluster.connect(subject.building) as inside, translated(inside, "vacuum"):
        catalog = sql.SQL(", ").join(sql.SQL(name) for (name,) in inside.execute(_CATALOG_TABLES))
        inside.execute(sql.SQL("VACUUM (FULL, FREEZE, ANALYZE) {}").format(catalog))


def freeze(subject: Building) -> None:
    """Freeze the database. Its languages and country go into the label, since nobody can connect any more."""
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
    """Give the new template the old one's name, in one transaction, while no clone is being made."""
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
    """Clone the template for its zygote, which loads the registry that its instances' processes inherit."""
    label = subject.label.having(state=State.READY)
    clone_for_zygote(subject.context, subject.connection, Database(subject.building, label))


def drop_retired(subject: Building) -> None:
    """Drop the previous version, and the files of all versions except this one."""
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
    Step("admin", replace_admin_password, is_done=is_frozen),
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
    """Build the recipe's template, unless the existing one is current; return it.

    patience_s: how long it waits for its turn; then it raises NotYet, and can be run again.
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
        _discard_other_build(subject)
        Operation("build", recipe.code, STEPS, on_step).run(subject)
        return ready_template(connection, recipe.code)


def build_log(settings: ServerSettings, code: str) -> Path:
    """Odoo's log of a build."""
    return settings.log_dir / f"build-{code}.log"


def version_to_build(connection: Connection, code: str) -> str:
    """The version of a killed build, if there is one; else one that no database of this template ever had."""
    found = find_labelled(connection, names.building_database(code), Kind.TEMPLATE)
    if found and found.label:
        return found.label.version
    return next_version(latest_version(connection, code))


def _discard_other_build(subject: Building) -> None:
    """Discard an unfinished build of another recipe; one of this recipe is continued."""
    found = databases.find(subject.connection, subject.building)
    if found and (not found.label or found.label.recipe != subject.label.recipe):
        discard_build(subject)


def stale_reason(context: Context, template: Database, recipe: Recipe | None, odoo: OdooInstallation) -> str:
    """T8: why a template should be rebuilt; "" when it is current. recipe: None if it has no recipe file."""
    assert template.label
    built = dict(template.label.recipe)
    digest = built.pop("code_digest", "")
    if recipe and built != recipe.ingredients:
        return "its recipe changed"
    if digest != code_digest(context, odoo):
        return "the code of Odoo or of the addons changed"
    return ""


def code_digest(context: Context, odoo: OdooInstallation) -> str:
    """The digest of the code in a template: Odoo, the operator's addons and our tenant module."""
    return addons_digest(odoo, (shipped(TENANT) / TENANT_MODULE, *context.settings.addons_path))
