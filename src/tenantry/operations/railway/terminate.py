"""Terminate an instance on Railway: delete its project."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tenantry.errors import InstanceNotFound, NotYet, RailwayRefused, RailwayUnreachable
from tenantry.model.catalog import State
from tenantry.model.progress import OnStep, ignore
from tenantry.model.states import Action, after
from tenantry.operations.railway.hosting import Hosting
from tenantry.operations.steps import Operation, Step

_ATTEMPTS, _PAUSE_S = 4, 0.5
_AGAIN_AFTER_S = 10


@dataclass(frozen=True)
class Terminating:
    hosting: Hosting
    name: str
    project_id: str


def _is_gone(hosting: Hosting, project_id: str) -> bool:
    return all(project.id != project_id for project in hosting.account.projects())


def delete(hosting: Hosting, name: str, project_id: str) -> None:
    """Delete a project, and see that it is gone. Raises NotYet if it is still there."""
    for attempt in range(_ATTEMPTS):
        if _is_gone(hosting, project_id):
            return
        if attempt:
            time.sleep(_PAUSE_S)
        try:
            hosting.account.delete_project(project_id)
        except (RailwayRefused, RailwayUnreachable):
            # It may be done, or be under way since the last attempt.
            if attempt == _ATTEMPTS - 1:
                raise
    if not _is_gone(hosting, project_id):
        raise NotYet(f"The termination of {name}", "Railway, which deletes the project", _AGAIN_AFTER_S)


def _start_terminating(subject: Terminating) -> None:
    project = subject.hosting.account.project(subject.project_id)
    assert project.label
    state = after(subject.name, project.label.state, Action.TERMINATE)
    if project.label.state is not State.TERMINATING:
        subject.hosting.account.relabel(project.id, project.label.having(state=state))


def _delete(subject: Terminating) -> None:
    delete(subject.hosting, subject.name, subject.project_id)


STEPS: tuple[Step[Terminating], ...] = (
    Step("state", _start_terminating),
    Step("project", _delete),
)


def terminate(hosting: Hosting, name: str, on_step: OnStep = ignore, reference: str = "") -> None:
    """Delete an instance's project. Raises InstanceNotFound, Busy, and as `railway.client.Client.send`.

    reference: delete it only if it was created with this reference; else it counts as not found.
    """
    with hosting.exclusive(name):
        project = hosting.find(name)
        assert project.label
        if reference and project.label.reference not in ("", reference):
            raise InstanceNotFound(name)
        Operation("terminate", name, STEPS, on_step).run(Terminating(hosting, name, project.id))


def abandon(hosting: Hosting, name: str, reference: str) -> bool:
    """Terminate what a failed creation left; return whether it left anything."""
    try:
        project = hosting.find(name)
    except InstanceNotFound:
        return False
    if not (reference and project.label and project.label.reference == reference):
        return False
    terminate(hosting, name)
    return True
