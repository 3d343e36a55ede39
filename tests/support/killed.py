"""Run an operation in a process that is killed (-9) right after one of its steps."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path

from tenantry.engine import Engine
from tenantry.model.progress import OnStep, StepEvent, StepStatus
from tenantry.model.recipe import Recipe
from tenantry.operations.template.clone import clone_template
from tenantry.settings import ServerSettings
from tests.support.waiting import wait_until

_LONGEST_S = 300
_FINISHED = (StepStatus.DONE, StepStatus.SKIPPED)


def _provision(engine: Engine, on_step: OnStep, name: str, template: str, reference: str = "") -> None:
    wishes = {"name": name, "email": "admin@acme.example", "template": template, "reference": reference}
    engine.instances.provision(engine.instances.spec(**wishes), on_step)


def _clone(engine: Engine, on_step: OnStep, code: str, name: str) -> None:
    with engine.context.maintenance() as connection:
        clone_template(engine.context, connection, code, name, on_step)


def _build(engine: Engine, on_step: OnStep, code: str, *modules: str) -> None:
    engine.templates.build(Recipe(code, code, modules), on_step)


OPERATIONS: dict[str, Callable[..., None]] = {
    "build": _build,
    "clone": _clone,
    "provision": _provision,
    "ready": lambda engine, on_step, code: engine.templates.finish_editing(code, on_step),
    "suspend": lambda engine, on_step, name: engine.instances.suspend(name, on_step),
    "reactivate": lambda engine, on_step, name: engine.instances.reactivate(name, on_step),
    "stop": lambda engine, on_step, name: engine.instances.stop(name, on_step),
    "restart": lambda engine, on_step, name: engine.instances.restart(name, on_step),
    "rename": lambda engine, on_step, old, new: engine.instances.rename(old, new, on_step),
    "master": lambda engine, on_step: engine.start_master(on_step),
    "terminate": lambda engine, on_step, name: engine.instances.terminate(name, on_step),
    "terminate with a backup": lambda engine, on_step, name: engine.instances.terminate(name, on_step),
    "dump": lambda engine, on_step, name, store: engine.archives.dump(name, store, on_step),
    "backup": lambda engine, on_step, name: engine.backups.take(name, on_step),
    "load": lambda engine, on_step, *what: engine.archives.load(*what, on_step),
    "import": lambda engine, on_step, file, name: engine.archives.load_upload(Path(file), name, on_step),
    "export": lambda engine, on_step, name, file: engine.archives.export(name, Path(file), on_step),
    "duplicate": lambda engine, on_step, *names: engine.instances.duplicate(*names, on_step),
}
_THREADED = {"dump", "load", "backup", "terminate with a backup", "duplicate"}
"""After the use of a store, the threads of its library are missing in forked processes."""


def run_and_kill(settings: ServerSettings, operation: str, step: str, *arguments: str) -> None:
    """Run the operation in another process, and see it die of SIGKILL after that step."""
    # Forked: a new interpreter would need longer than most operations.
    context = multiprocessing.get_context("spawn" if operation in _THREADED else "fork")
    process = context.Process(target=_run, args=(settings, operation, step, *arguments), daemon=True)
    process.start()
    process.join(_LONGEST_S)
    assert process.exitcode == -signal.SIGKILL, f"{operation} did not come to {step}"
    _wait_until_it_is_forgotten(Engine(settings))


def _run(settings: ServerSettings, operation: str, step: str, *arguments: str) -> None:
    def on_step(event: StepEvent) -> None:
        if event.step == step and event.status in _FINISHED:
            os.kill(os.getpid(), signal.SIGKILL)

    OPERATIONS[operation](Engine(settings), on_step, *arguments)


def interrupt_drop(engine: Engine, name: str) -> None:
    """Leave a database in the state of a DROP DATABASE that was cancelled or killed."""
    assert engine._embedded
    with engine._embedded._as("postgres").connect() as connection:
        connection.execute("UPDATE pg_database SET datconnlimit = -2 WHERE datname = %s", [name])


def _wait_until_it_is_forgotten(engine: Engine) -> None:
    """PostgreSQL notices a moment later that the process is gone, and gives its locks up."""
    query = """
        SELECT count(*) FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
         WHERE locktype = 'advisory' AND datname = current_database()
    """
    with engine.context.maintenance() as connection:
        wait_until(lambda: connection.execute(query).fetchone() == (0,), "its locks are still held")
