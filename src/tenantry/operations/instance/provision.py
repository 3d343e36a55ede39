"""Provision: from a name and an email to a customer's running Odoo (I3 to I7)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from psycopg.types.json import Json

from tenantry.agreed import TENANT_MODULE
from tenantry.errors import InvalidValue, NotPrepared
from tenantry.model import names
from tenantry.model.catalog import PROVIDED, Database, Kind, Label, State
from tenantry.model.entitlements import seats
from tenantry.model.instance import Creation, InstanceSpec
from tenantry.model.progress import OnStep, ignore
from tenantry.model.secret import Secret, hash_for_odoo, random_password
from tenantry.model.signing import now_us, sign_entitlements
from tenantry.model.states import Action, after
from tenantry.odoo import scripts
from tenantry.odoo.initialise import installed_modules
from tenantry.operations import patience, session
from tenantry.operations.context import Context, relabel
from tenantry.operations.fleet.usage import internal_users
from tenantry.operations.instance.availability import advice, reserved
from tenantry.operations.instance.from_template import FromTemplate
from tenantry.operations.instance.source import FIRST_STEPS
from tenantry.operations.inventory import describe, find_instance, find_labelled
from tenantry.operations.steps import Operation, Step
from tenantry.operations.template.clone import SANITIZED
from tenantry.postgres import bounded, databases, locks
from tenantry.postgres.cluster import Connection, is_alive, translated

_HTTP_OK = 200
CUSTOMIZED, HAS_ADMIN = "customize", "admin"
PREPARED = (SANITIZED, CUSTOMIZED, HAS_ADMIN)
"""The steps that an instance's label must list as finished before it is published."""


@dataclass
class Provisioning:
    """One creation.

    source: makes its database and files. entitled_at: the serial of its entitlements.
    patience_s: how long a step waits for its turn before it raises NotYet.
    """

    context: Context
    connection: Connection
    spec: InstanceSpec
    source: FromTemplate
    patience_s: float
    entitled_at: int = field(default_factory=now_us)
    _inside: bounded.Session | None = None
    _opened: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    @property
    def inside(self) -> bounded.Session:
        """The connection to the new database that the steps share; `close()` closes it.

        It has the instance's role: the template may contain a trigger of the person who edited it.
        """
        if self._inside is None or not is_alive(self._inside.connection):
            engine = self.context.cluster
            owner = engine.as_role(self.name, self.context.role_password(self.name))
            opened = bounded.session(owner, self.name, engine, bounded.LONG_S)
            self._inside = self._opened.enter_context(opened)
        return self._inside

    @cached_property
    def password(self) -> Secret:
        return self.spec.password or random_password()

    @cached_property
    def password_hash(self) -> str:
        return hash_for_odoo(self.password)

    @cached_property
    def entitlements(self) -> str:
        identity = self.label.identity_of(self.name)
        return sign_entitlements(
            self.context.keys.signing, identity, self.spec.entitlements, self.entitled_at
        )

    @cached_property
    def template_country(self) -> str:
        """The country in its template's recipe; "" for none."""
        template = find_labelled(self.connection, names.template_database(self.spec.template), Kind.TEMPLATE)
        return str(template.label.recipe.get("country", "")) if template and template.label else ""

    def close(self) -> None:
        self._opened.close()

    def discard(self) -> None:
        """Remove the unfinished instance."""
        self.close()
        self.source.discard()

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def label(self) -> Label:
        """The database's label as it is now."""
        return find_instance(self.connection, self.name)


def _is_active(subject: Provisioning) -> bool:
    """Whether a killed run got to the end: the instance is in use then, and no step may change its data."""
    return subject.label.state is State.ACTIVE


def _is_sanitized(subject: Provisioning) -> bool:
    """Whether it was sanitized: when the spare was made, or by a killed run."""
    return SANITIZED in subject.label.finished or _is_active(subject)


def _sanitize(subject: Provisioning) -> None:
    """I6: remove all identities and secrets of the template."""
    _run_script(subject, scripts.sanitize_script)
    _record_finished(subject, SANITIZED)


def _customize(subject: Provisioning) -> None:
    """I4: write the customer's company, language, time zone and country, and the time of the creation."""
    has_module = TENANT_MODULE in _run_script(subject, _customize_script)
    _record_finished(subject, CUSTOMIZED, *([PROVIDED] if has_module else []))


def _customize_script(series: str, modules: list[str]) -> str:
    return scripts.birth_script(series) + scripts.customize_script(series, modules)


def _create_admin(subject: Provisioning) -> None:
    """I7: make the customer the administrator; a second run sets a new password."""
    _run_script(subject, scripts.customer_admin_script)
    _record_finished(subject, HAS_ADMIN)


def _record_finished(subject: Provisioning, *steps: str) -> None:
    label = subject.label
    finished = tuple(dict.fromkeys((*label.finished, *steps)))
    databases.label(subject.connection, subject.name, label.having(finished=finished))


def _run_script(subject: Provisioning, script_for: Callable[[str, list[str]], str]) -> list[str]:
    """Run the script for the database's series and modules, with the specification as settings.

    Returns the modules.
    """
    session, inside = subject.inside, subject.inside.connection
    with session.translated(), translated(inside, f"run {script_for.__name__}"), inside.transaction():
        series = subject.label.series
        modules = installed_modules(inside)
        script = script_for(series, modules) + scripts.stale_caches_script(series)
        settings = {f"tenantry.{key}": value for key, value in _script_settings(subject).items()}
        inside.execute("SELECT set_config(key, value, true) FROM json_each_text(%s) AS s", [Json(settings)])
        inside.execute(script.encode())
        _check_country(inside, subject.spec.country)
    return modules


def _script_settings(subject: Provisioning) -> dict[str, str]:
    spec = subject.spec
    return {
        "base_url": subject.context.address(subject.name).url,
        "company_name": spec.company_name,
        "email": spec.email,
        "lang": spec.language,
        "country": spec.country,
        "template_country": subject.template_country,
        "tz": spec.local_timezone,
        "admin_name": spec.administrator,
        "entitlements": subject.entitlements,
        "admin_password_hash": subject.password_hash,
        "cron_jitter_s": str(subject.context.settings.cron_jitter_s),
    }


def _check_country(inside: Connection, country: str) -> None:
    known = inside.execute("SELECT 1 FROM res_country WHERE code = %s", [country]).fetchone()
    if country and not known:
        raise InvalidValue("country", country, "the ISO 3166 code of a country Odoo knows")


def _publish(subject: Provisioning) -> None:
    """Let the front serve it; its scheduled jobs still wait. Older entitlements become void."""
    label = subject.label
    missing = [step for step in PREPARED if step not in label.finished]
    if missing:
        raise NotPrepared(subject.name, missing)
    # The template's own users may log in, too.
    can_log_in = seats(subject.spec.entitlements.users, internal_users(subject.inside.connection), 0)
    label = label.having(
        published=True, entitled_since=subject.entitled_at, seats=can_log_in, counted_seats=can_log_in
    )
    relabel(subject.context, subject.connection, subject.name, label)


def _probe(subject: Provisioning) -> None:
    """I5: check that the instance answers over its public route."""
    context = subject.context
    places = context.runtime.capabilities.first_pages_at_once
    turn = locks.slot(subject.connection, "first page", places, wait_s=subject.patience_s)
    with patience.turn(turn, f"The creation of {subject.name}", "its turn: first page"):
        context.expect(subject.name, _HTTP_OK)


def _activate(subject: Provisioning) -> None:
    label = subject.label
    state = after(subject.name, label.state, Action.ACTIVATE)
    relabel(subject.context, subject.connection, subject.name, label.having(state=state, published=False))


STEPS: tuple[Step[Provisioning], ...] = (
    *FIRST_STEPS,
    Step("sanitize", _sanitize, is_done=_is_sanitized),
    Step("customize", _customize, is_done=_is_active),
    Step("admin", _create_admin, is_done=_is_active),
    Step("publish", _publish, is_done=_is_active),
    Step("probe", _probe),
    Step("activate", _activate, is_done=_is_active),
)


class Session(session.Session[Provisioning]):
    """The parts of a creation on this server."""

    def clone(self) -> None:
        """Claim a spare, or clone the template."""
        self._run("prepare", "database", "files")

    def sanitize(self) -> None:
        self._run("sanitize")

    def customize(self) -> None:
        self._run("customize")

    def create_admin(self) -> None:
        self._run("admin")

    def publish(self) -> Creation:
        """Let the front serve it, wait until it answers, and activate it."""
        self._run("publish", "probe", "activate")
        return self._creation()

    def _creation(self) -> Creation:
        subject = self.subject
        instance = describe(subject.context, Database(subject.name, subject.label))
        spec = subject.spec
        return Creation(
            instance=instance,
            login=spec.email,
            password=subject.password,
            duration_s=self.took_s,
            spare=bool(subject.source.spare),
            steps=self.steps,
            advice=tuple(str(it) for it in advice(subject.connection, spec)),
        )


@contextlib.contextmanager
def provisioning(
    context: Context, spec: InstanceSpec, on_step: OnStep = ignore, patience_s: float = patience.SHORT_S
) -> Iterator[Session]:
    """Create an instance part by part, or finish a creation that was killed, or that waited.

    patience_s: how long a part may wait for its turn; then it raises NotYet, and can be run again.
    Raises NameTaken, Busy, TemplateNotFound, TemplateNotReady, InvalidValue, FilestoreFailure,
    ProbeFailed. After any of these errors, or an error of the caller's, nothing of the instance is left.
    """
    with context.maintenance() as connection, reserved(context, connection, spec):
        source = FromTemplate(context, connection, spec, patience_s)
        subject = Provisioning(context, connection, spec, source, patience_s)
        parts = Session(subject, Operation("provision", spec.name, STEPS, on_step))
        with contextlib.closing(subject), parts.undone_on_error():
            yield parts


def provision(context: Context, spec: InstanceSpec, on_step: OnStep = ignore) -> Creation:
    """Create an instance from beginning to end; see `provisioning`. It waits up to 15 minutes for a turn."""
    with provisioning(context, spec, on_step, patience.LONG_S) as parts:
        return parts.all_parts()
