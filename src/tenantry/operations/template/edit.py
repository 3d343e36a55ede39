"""Open a template for editing, and finish editing (T5); instances are made of the old template meanwhile.

The operator edits a clone, with a role and an address of its own. Finishing uses the same freeze and swap as
a build.
"""

from __future__ import annotations

from dataclasses import dataclass

from tenantry.errors import TemplateNotFound
from tenantry.model import names
from tenantry.model.catalog import Database, Kind, Label, State
from tenantry.model.progress import OnStep, ignore
from tenantry.model.recipe import Recipe
from tenantry.model.secret import Secret, hash_for_odoo, random_password
from tenantry.model.signing import now_us
from tenantry.odoo.probe import wait_for_status
from tenantry.operations.context import Context, relabel
from tenantry.operations.fleet.pool import name_spare, spares
from tenantry.operations.instance.entitle import write_entitlements
from tenantry.operations.inventory import find_labelled
from tenantry.operations.steps import Operation, Step
from tenantry.operations.template import build
from tenantry.operations.template.clone import (
    clone_template,
    database_lock,
    discard,
    drop_unused_zygotes,
    ready_template,
)
from tenantry.postgres import databases, locks, roles
from tenantry.postgres.cluster import Connection, translated
from tenantry.postgres.notify import notify_spawner

_HTTP_OK = 200
EDITED = "edited"
"""In the label of a build's database: what is in it was made by hand, and must not be lost."""


@dataclass(frozen=True)
class Editing:
    """The address at which the operator edits, and the login and password."""

    url: str
    login: str
    password: Secret


def edit_template(context: Context, code: str) -> Editing:
    """Open a template for editing; opening it again sets a new password.

    Raises TemplateNotFound, TemplateNotReady, ForeignDatabase, Busy, ProbeFailed.
    """
    name = names.editing_database(code)
    with context.maintenance() as connection, locks.exclusive(connection, f"build of {code}"):
        databases.require_ours(connection, name)
        if not find_labelled(connection, name, Kind.EDIT):
            temporary_name, label = (
                names.cloning_database(name),
                Label(Kind.EDIT, State.PROVISIONING, code, ""),
            )
            with database_lock(connection, temporary_name):
                spare = clone_template(context, connection, code, temporary_name, to_edit=True)
                name_spare(context, connection, spare, name, label)
        password = _open(context, connection, name)
    route = context.route(name)
    wait_for_status(route, _HTTP_OK, timeout_s=context.settings.probe_timeout_s)
    return Editing(route.url, "admin", password)


def _open(context: Context, connection: Connection, name: str) -> Secret:
    found = find_labelled(connection, name, Kind.EDIT)
    assert found
    assert found.label
    if found.label.filestore and context.filestores.exists(found.label.filestore):
        context.filestores.rename(found.label.filestore, name)
    password = random_password()
    with context.as_tenant(name) as inside, translated(inside, "set the operator's password"):
        inside.execute("UPDATE res_users SET password = %s WHERE login = 'admin'", [hash_for_odoo(password)])
        identity, issued_at = found.label.identity_of(name), max(now_us(), found.label.entitled_since + 1)
        write_entitlements(context, inside, identity, found.label.series, issued_at)
    label = found.label.having(filestore="", state=State.ACTIVE, entitled_since=issued_at)
    relabel(context, connection, name, label)
    return password


def _take_over(subject: build.Building) -> None:
    """Close the edited database, and make it the database of a build."""
    connection, context = subject.connection, subject.context
    name = names.editing_database(subject.code)
    if not _has_taken_files(subject):
        build.discard_build(subject)
    relabel(context, connection, name, subject.label.having(kind=Kind.EDIT))
    databases.end_sessions(connection, name)
    with context.cluster.connect(name) as inside:
        roles.reassign_owned(inside, old=name, new=names.TEMPLATE_OWNER)
    databases.grant_connect(connection, name, names.TEMPLATE_OWNER)
    if context.filestores.exists(name):
        context.filestores.rename(name, subject.building)
    context.filestores.seal(subject.building)
    with databases.transaction(connection):
        databases.rename(connection, name, subject.building)
        databases.label(connection, subject.building, subject.label.having(finished=(EDITED,)))
        notify_spawner(connection, name)
    context.runtime.follow([name])


def _has_taken_files(subject: build.Building) -> bool:
    """Whether a killed run has renamed the folder of files already, and the database not yet."""
    filestores, name = subject.context.filestores, names.editing_database(subject.code)
    has_renamed = filestores.exists(subject.building) and not filestores.exists(name)
    return has_renamed and databases.find(subject.connection, subject.building) is None


def _is_taken_over(subject: build.Building) -> bool:
    return databases.find(subject.connection, names.editing_database(subject.code)) is None


def _drop_role(subject: build.Building) -> None:
    role = names.editing_database(subject.code)
    if roles.is_ours(subject.connection, role):
        with subject.context.cluster.connect(subject.building) as inside:
            roles.drop_owned(inside, role)
        roles.drop(subject.connection, role)


STEPS: tuple[Step[build.Building], ...] = (
    Step("take over", _take_over, is_done=_is_taken_over),
    Step("role", _drop_role, is_done=build.is_frozen),
    Step("assets", build.prepare, is_done=build.has_finished("assets")),
    Step("verify", build.verify, is_done=build.is_frozen),
    Step("admin", build.replace_admin_password, is_done=build.is_frozen),
    Step("compact", build.compact, is_done=build.is_frozen),
    Step("freeze", build.freeze, is_done=build.is_frozen),
    Step("zygote", build.make_zygote, is_done=build.is_swapped),
    Step("swap", build.swap, is_done=build.is_swapped),
    Step("clean", build.drop_retired),
)


def finish_editing(
    context: Context, code: str, on_step: OnStep = ignore, *, patience_s: float = build.WAIT_FOR_CLONES_S
) -> Database:
    """Replace the template by its edited clone. patience_s: see `build_template`.

    Raises TemplateNotFound, ForeignDatabase, Busy, NotYet.
    """
    with context.maintenance() as connection, locks.exclusive(connection, f"build of {code}"):
        databases.require_ours(connection, *names.databases_of_template(code))
        template = ready_template(connection, code)
        assert template.label
        edited = find_labelled(connection, names.editing_database(code), Kind.EDIT)
        if not edited and not databases.find(connection, names.building_database(code)):
            raise TemplateNotFound(names.editing_database(code))
        recipe = Recipe.from_mapping(code, _recipe_keys(template.label))
        version, digest = build.version_to_build(connection, code), template.label.recipe.get("code_digest")
        subject = build.Building(context, connection, recipe, version, digest, patience_s)
        Operation("ready", code, STEPS, on_step).run(subject)
        return ready_template(connection, code)


def _recipe_keys(label: Label) -> dict[str, object]:
    return {key: value for key, value in label.recipe.items() if key != "code_digest"}


def drop_template(context: Context, code: str) -> None:
    """Drop a template, its spares and its edited clone. Its instances stay.

    Raises TemplateNotFound, ForeignDatabase, Busy.
    """
    with (
        context.maintenance() as connection,
        locks.exclusive(connection, f"build of {code}"),
        locks.exclusive(connection, f"template {code}", wait_s=30),
    ):
        template, *rest = names.databases_of_template(code)
        everything = [spare.name for spare in spares(connection, code)] + rest
        databases.require_ours(connection, template, *everything)
        if not any(databases.find(connection, name) for name in (template, *everything)):
            raise TemplateNotFound(code)
        for name in everything:
            with database_lock(connection, name):
                discard(context, connection, name)
        drop_unused_zygotes(context, connection, code, current="")
        # The template is dropped last, so that a killed run can be repeated with its name.
        databases.drop(connection, template)
        for name in context.filestores.names():
            if name.startswith(names.template_filestore(code, "")):
                context.filestores.remove(name)
