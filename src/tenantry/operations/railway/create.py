"""Create an instance on Railway: a project with PostgreSQL and Odoo, deployed, which answers (R4).

Each step looks at the project as it is. So a killed creation is run again: it finds the project by its name
and label, and what it consists of by names.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import httpx

from tenantry.errors import (
    InvalidValue,
    NameTaken,
    NotOnRailway,
    NotYet,
    ProbeFailed,
    RailwayDeploymentFailed,
    RailwayUnreachable,
    TenantryError,
)
from tenantry.model import names
from tenantry.model.address import Address
from tenantry.model.catalog import Kind, Label, State
from tenantry.model.instance import Creation, InstanceSpec
from tenantry.model.progress import OnStep, ignore
from tenantry.model.recipe import LANGUAGE, Recipe
from tenantry.model.secret import Secret, random_password
from tenantry.model.states import Action, after
from tenantry.odoo.probe import LOGIN_PATH
from tenantry.operations import patience, session
from tenantry.operations.railway import services
from tenantry.operations.railway.hosting import Hosting
from tenantry.operations.railway.terminate import delete
from tenantry.operations.steps import Operation, Step
from tenantry.railway.projects import Project, Service

_ATTEMPTS = 3
_FIRST_LOOK_S, _MOST_BETWEEN_LOOKS_S = 1.0, 15
_PATIENCE_OF_JOBS_S, _AGAIN_AFTER_S = 1, 30
"""A deployment takes minutes: jobs look, and come back. A free account has 100 requests an hour."""
_LOG_LINES, _LINE_LENGTH = 3, 200


@dataclass
class Creating:
    """One creation.

    patience_s: how long a step may wait before it raises NotYet. project_id: "" until it is found or made.
    is_active: a killed run got to the end: the customer uses the instance, and nothing is changed.
    """

    hosting: Hosting
    spec: InstanceSpec
    recipe: Recipe
    patience_s: float
    project_id: str = ""
    is_active: bool = False
    _known: Project | None = field(default=None, init=False, repr=False)

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def project(self) -> Project:
        """As it was when we looked last, which was after our last change."""
        if self._known is None:
            self._known = self.hosting.account.project(self.project_id)
        return self._known

    def look_again(self) -> None:
        self._known = None

    @cached_property
    def password(self) -> Secret:
        """The wanted one, or what an interrupted run has set already, or a new one."""
        if self.spec.password:
            return self.spec.password
        project = self.project
        present = self.hosting.account.variables(project, project.services[self.name])
        known = services.wishes_in(present).get("password")
        return Secret(str(known)) if known else random_password()

    def address(self, project: Project) -> Address:
        """Raises NotYet while Railway does not tell it."""
        domain = project.services[self.name].domain
        if not domain:
            raise NotYet(f"The creation of {self.name}", "its domain on Railway", _FIRST_LOOK_S)
        return self.hosting.address(domain)

    def wishes(self, project: Project) -> dict[str, Any]:
        url = self.address(project).url
        series = self.hosting.settings.odoo_series
        return services.wishes_of(self.spec, self.recipe, series, self.password, url)

    def label(self) -> Label:
        return Label(
            kind=Kind.INSTANCE,
            state=State.PROVISIONING,
            template=self.spec.template,
            reference=self.spec.reference,
            identity=self.hosting.owner,
        )


# ---------------------------------------------------------------- steps


def _has_project(subject: Creating) -> bool:
    """Find our project by its name, and remove what a second, interrupted request made."""
    ours = [it for it in subject.hosting.account.named(subject.name) if it.is_of(subject.hosting.owner)]
    for surplus in ours[1:]:
        if _state(surplus) is State.PROVISIONING:
            subject.hosting.account.delete_project(surplus.id)
    subject.project_id = ours[0].id if ours else ""
    subject.is_active = bool(ours) and _state(ours[0]) is State.ACTIVE
    return bool(ours)


def _state(project: Project) -> State | None:
    return project.label.state if project.label else None


def _create_project(subject: Creating) -> None:
    """Raises NameTaken when somebody else has made one of that name meanwhile."""
    account = subject.hosting.account
    subject.project_id = account.create_project(subject.name, subject.label())
    first = account.named(subject.name)[:1]
    if first and not first[0].is_of(subject.hosting.owner):
        raise NameTaken(subject.name)


def _discard(subject: Creating) -> None:
    """Delete the unfinished project, with all that is in it. One that a customer uses stays."""
    if _has_project(subject) and not subject.is_active:
        delete(subject.hosting, subject.name, subject.project_id)


def _has_postgres(subject: Creating) -> bool:
    return services.POSTGRES in subject.project.services


def _create_postgres(subject: Creating) -> None:
    subject.hosting.account.create_service(subject.project, services.POSTGRES)


def _has_odoo(subject: Creating) -> bool:
    return subject.name in subject.project.services


def _create_odoo(subject: Creating) -> None:
    subject.hosting.account.create_service(subject.project, subject.name)


def _both(subject: Creating, project: Project) -> list[Service]:
    """Our two services: the operator may have added others."""
    return [project.services[services.POSTGRES], project.services[subject.name]]


def _mounts(subject: Creating) -> dict[str, str]:
    return {services.POSTGRES: services.POSTGRES_MOUNT, subject.name: services.ODOO_MOUNT}


def _has_volumes(subject: Creating) -> bool:
    project = subject.project
    return all(path in project.services[name].mounts for name, path in _mounts(subject).items())


def _create_volumes(subject: Creating) -> None:
    project = subject.project
    for name, path in _mounts(subject).items():
        if path not in project.services[name].mounts:
            subject.hosting.account.create_volume(project, project.services[name], path)


def _has_domain(subject: Creating) -> bool:
    return bool(subject.project.services[subject.name].domain)


def _create_domain(subject: Creating) -> None:
    project = subject.project
    odoo = project.services[subject.name]
    subject.hosting.account.create_domain(project, odoo, services.ODOO_PORT)


def _wanted_variables(subject: Creating, project: Project) -> list[tuple[Service, dict[str, str]]]:
    """For each service, those that it does not have yet."""
    account = subject.hosting.account
    postgres, odoo = _both(subject, project)
    present = {it.id: account.variables(project, it) for it in (postgres, odoo)}
    wanted = [
        (postgres, services.postgres_variables(subject.name, present[postgres.id])),
        (odoo, services.odoo_variables(subject.wishes(project))),
    ]
    return [(service, found) for service, found in wanted if not found.items() <= present[service.id].items()]


def _has_variables(subject: Creating) -> bool:
    return not _wanted_variables(subject, subject.project)


def _set_variables(subject: Creating) -> None:
    """The passwords are in these variables only."""
    project = subject.project
    for service, variables in _wanted_variables(subject, project):
        subject.hosting.account.set_variables(project, service, variables)


def _images(subject: Creating) -> list[str]:
    return [subject.hosting.settings.railway_postgres, subject.hosting.image]


def _is_configured(subject: Creating) -> bool:
    return [it.image for it in _both(subject, subject.project)] == _images(subject)


def _configure(subject: Creating) -> None:
    """Set what the plan allows, and the images, which make the services complete."""
    account, project = subject.hosting.account, subject.project
    postgres, odoo = _both(subject, project)
    if limits := services.railway_limits(subject.spec.limits):
        account.set_limits(project, odoo, limits)
    of_postgres, of_odoo = _images(subject)
    account.update_service(project, postgres, **services.postgres_settings(of_postgres))
    account.update_service(project, odoo, **services.odoo_settings(of_odoo))


def _is_deployed(subject: Creating) -> bool:
    return not _undeployed(subject, subject.project)


def _undeployed(subject: Creating, project: Project) -> list[Service]:
    """The services without a deployment that runs or may come to run."""
    both = _both(subject, project)
    return [it for it in both if not it.deployment or it.deployment.has_failed]


def _deploy(subject: Creating) -> None:
    project = subject.project
    for service in _undeployed(subject, project):
        subject.hosting.account.deploy(project, service)


def _wait(subject: Creating) -> None:
    """Raises RailwayDeploymentFailed; NotYet when it takes longer than the caller's patience."""
    deadline = time.monotonic() + subject.patience_s
    for pause_s in _pauses():
        subject.look_again()
        both = _both(subject, subject.project)
        for service in both:
            if service.deployment and service.deployment.has_failed:
                raise _failed(subject, service)
        if all(service.runs for service in both):
            return
        if time.monotonic() > deadline:
            raise NotYet(f"The creation of {subject.name}", "its deployment on Railway", _AGAIN_AFTER_S)
        time.sleep(pause_s)


def _failed(subject: Creating, service: Service) -> RailwayDeploymentFailed:
    """With the end of its log, which is deleted with the project."""
    assert service.deployment
    try:
        lines = subject.hosting.account.log(service.deployment.id, _LOG_LINES)
    except TenantryError:
        lines = []
    said = " | ".join(line.strip()[:_LINE_LENGTH] for line in lines if line.strip())
    return RailwayDeploymentFailed(service.name, service.deployment.status, said)


def _probe(subject: Creating) -> None:
    """I5: check that the first page answers at its public address. Raises ProbeFailed."""
    url = subject.address(subject.project).url + LOGIN_PATH
    timeout_s = subject.hosting.settings.probe_timeout_s
    deadline = time.monotonic() + timeout_s
    for pause_s in _pauses():
        answer = first_page(url)
        if answer == str(httpx.codes.OK):
            return
        if time.monotonic() > deadline:
            raise ProbeFailed(url, httpx.codes.OK, answer, timeout_s)
        time.sleep(pause_s)


def first_page(url: str, timeout_s: float = 30) -> str:
    """The status of the answer, or why there is none. The page itself is the customer's, and is not read."""
    try:
        with httpx.stream("GET", url, timeout=timeout_s) as answer:
            return str(answer.status_code)
    except (httpx.TransportError, httpx.InvalidURL) as error:
        return str(error) or type(error).__name__


def _pauses() -> Iterator[float]:
    pause_s = _FIRST_LOOK_S
    while True:
        yield pause_s
        pause_s = min(1.5 * pause_s, _MOST_BETWEEN_LOOKS_S)


def _activate(subject: Creating) -> None:
    project = subject.project
    assert project.label
    state = after(subject.name, project.label.state, Action.ACTIVATE)
    domain = project.services[subject.name].domain
    subject.hosting.account.relabel(project.id, project.label.having(state=state, hostnames=(domain,)))


def _surely(
    run: Callable[[Creating], None], is_done: Callable[[Creating], bool]
) -> Callable[[Creating], None]:
    """Try again when nobody knows whether Railway did it, and it is not there."""

    def change(subject: Creating) -> None:
        try:
            run(subject)
        finally:
            subject.look_again()

    def surely(subject: Creating) -> None:
        for _attempt in range(_ATTEMPTS - 1):
            try:
                return change(subject)
            except RailwayUnreachable:
                if is_done(subject):
                    return None
        return change(subject)

    return surely


def _never(_subject: Creating) -> bool:
    return False


def _until_active(
    name: str, run: Callable[[Creating], None], is_done: Callable[[Creating], bool] = _never
) -> Step[Creating]:
    """A step that changes nothing any more when a customer uses the instance."""

    def is_over(subject: Creating) -> bool:
        return subject.is_active or is_done(subject)

    return Step(name, _surely(run, is_done), is_over)


STEPS: tuple[Step[Creating], ...] = (
    Step("project", _surely(_create_project, _has_project), is_done=_has_project, undo=_discard),
    _until_active("postgres", _create_postgres, _has_postgres),
    _until_active("odoo", _create_odoo, _has_odoo),
    _until_active("volumes", _create_volumes, _has_volumes),
    _until_active("domain", _create_domain, _has_domain),
    _until_active("variables", _set_variables, _has_variables),
    _until_active("configure", _configure, _is_configured),
    _until_active("deploy", _deploy, _is_deployed),
    _until_active("wait", _wait),
    Step("probe", _probe),
    _until_active("activate", _activate),
)


# ---------------------------------------------------------------- the operation


class Session(session.Session[Creating]):
    """The parts of a creation on Railway."""

    def clone(self) -> None:
        """Make the project and what it consists of: there is no template to clone there."""
        self._run("project", "postgres", "odoo", "volumes", "domain")

    def sanitize(self) -> None:
        """Nothing is inherited."""

    def customize(self) -> None:
        """The customer's company is among the variables."""

    def create_admin(self) -> None:
        """Say who the administrator is, and everything else that the first start makes."""
        self._run("variables", "configure")

    def publish(self) -> Creation:
        self._run("deploy", "wait", "probe", "activate")
        return self._creation()

    def _creation(self) -> Creation:
        subject = self.subject
        return Creation(
            instance=subject.hosting.describe(subject.project),
            login=subject.spec.email,
            password=subject.password,
            duration_s=self.took_s if subject.is_active else max(self.took_s, subject.project.age_s),
            spare=None,
            steps=self.steps,
        )


@contextlib.contextmanager
def provisioning(
    hosting: Hosting, spec: InstanceSpec, on_step: OnStep = ignore, patience_s: float = _PATIENCE_OF_JOBS_S
) -> Iterator[Session]:
    """Create an instance part by part, or finish a creation that was killed, or that waited.

    Raises NameTaken, Busy, InvalidValue, NotOnRailway, RecipeNotFound, RailwayDeploymentFailed, ProbeFailed,
    and as `railway.client.Client.send`: nothing of the instance is left then. NotYet leaves what there is.
    """
    if spec.hostnames:
        raise NotOnRailway(hosting.settings.name)
    if spec.language and not LANGUAGE.fullmatch(spec.language):
        raise InvalidValue("language", spec.language, "Odoo's code of a language, such as fr_FR")
    recipe = spec.recipe or hosting.recipe(spec.template)
    with hosting.exclusive(spec.name):
        _check_name(hosting, spec)
        subject = Creating(hosting, spec, recipe, patience_s)
        parts = Session(subject, Operation("provision", spec.name, STEPS, on_step))
        with parts.undone_on_error():
            yield parts


def _check_name(hosting: Hosting, spec: InstanceSpec) -> None:
    """Refuse a name that is taken, here or by a project of somebody else's in the workspace."""
    for project in hosting.account.named(spec.name):
        if not _may_continue(hosting, project, spec):
            taken = {it.name for it in hosting.account.projects()}
            raise NameTaken(spec.name, names.alternatives(spec.name, taken))


def _may_continue(hosting: Hosting, project: Project, spec: InstanceSpec) -> bool:
    """Whether it is of this creation, which was interrupted, or whose caller did not get the result."""
    label = project.label
    if label is None or not project.is_of(hosting.owner) or label.template != spec.template:
        return False
    if label.state is State.PROVISIONING:
        return label.reference in ("", spec.reference)
    return label.state is State.ACTIVE and spec.reference != "" and label.reference == spec.reference


def provision(hosting: Hosting, spec: InstanceSpec, on_step: OnStep = ignore) -> Creation:
    """Create an instance from beginning to end; see `provisioning`. It waits up to 15 minutes."""
    with provisioning(hosting, spec, on_step, patience.LONG_S) as parts:
        return parts.all_parts()
