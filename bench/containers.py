"""Instances in containers: created, woken, and given another image while visitors come.

They have an installation of their own, for a Docker engine that is there for this only.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.support.docker_engine import DockerEngine, Unavailable, running
from tests.support.odoo_image import NAME, odoo_image
from tests.support.odoo_image import Unavailable as NoImage

from bench.figures import Figure, MeasurementFailed
from bench.installation import TEMPLATE, Installation, settings_at
from bench.load import route_to, seconds_for_page
from tenantry.engine import Engine
from tenantry.model.instance import Creation
from tenantry.settings import DOCKER

_ENGINES = ("prepare", "database", "files", "sanitize", "customize", "admin", "publish", "activate")
_VISITORS = 4
_WITHIN_S = 180


def containers(installation: Installation) -> list[Figure]:
    """Raises MeasurementFailed where no Docker engine can run."""
    plan = installation.plan
    try:
        with running() as docker, _server(installation, docker) as engine:
            _create(engine, "warm-up")
            made = [_create(engine, f"box-{number:02d}") for number in range(plan.cold)]
            return [
                *_creations(made),
                *_wakes(engine, made, plan.wakes),
                *_many_wakes(installation, engine, made),
                *_switch(engine, docker, made[0]),
            ]
    except (Unavailable, NoImage) as error:
        raise MeasurementFailed(str(error)) from error


@contextmanager
def _server(installation: Installation, docker: DockerEngine) -> Iterator[Engine]:
    home = Path(tempfile.mkdtemp(prefix="tenantry-bench-"))
    home.chmod(0o755)
    settings = settings_at(
        home, runtime=DOCKER, docker_host=docker.url, image=NAME, container_networks=str(docker.pool)
    )
    engine = Engine(settings, installation.report)
    try:
        docker.load_folder(odoo_image(settings))
        engine.start_postgres()
        engine.start_tenants()
        engine.templates.build(engine.templates.recipe(TEMPLATE))
        yield engine
    finally:
        engine.stop()
        shutil.rmtree(home, ignore_errors=True)


def _create(engine: Engine, name: str) -> Creation:
    wanted = engine.instances.spec(name=name, email=f"admin@{name}.example", template=TEMPLATE)
    return engine.instances.provision(wanted)


def _creations(made: list[Creation]) -> list[Figure]:
    """The whole, and the engine's part of it: all but waiting for the container's first page."""
    whole = tuple(creation.duration_s for creation in made)
    own = tuple(sum(took for step, took in creation.steps if step in _ENGINES) for creation in made)
    note = (
        f"of it the engine's part {statistics.median(own):.2f} s, the container's and Odoo's start the rest"
    )
    return [
        Figure("container_create", "Create in a container, no spare", "s", whole, note),
        Figure("container_engine", "Create in a container: the engine's part", "s", own),
    ]


def _wakes(engine: Engine, made: list[Creation], count: int) -> list[Figure]:
    """A container that stopped is started for one request of the login page, one after the other."""
    names = [creation.instance.name for creation in made]
    for name in names:
        engine.instances.set_limits(name, {"idle_s": 3600})
        engine.instances.restart(name)
    seconds = []
    for number in range(count):
        name = names[number % len(names)]
        engine.runtime.end(name)
        seconds.append(seconds_for_page(route_to(engine, name)))
    return [Figure("container_wake", "Wake of a sleeping container", "s", tuple(seconds))]


def _many_wakes(installation: Installation, engine: Engine, made: list[Creation]) -> list[Figure]:
    """A few at the same time, each of another instance: how many of the requests that woke them failed."""
    names = [creation.instance.name for creation in made]
    of_each = installation.plan.container_wakes // len(names)

    def failures(name: str) -> int:
        failed = 0
        for _ in range(of_each):
            engine.runtime.end(name)
            try:
                seconds_for_page(route_to(engine, name))
            except MeasurementFailed as error:
                failed += 1
                installation.report(str(error))
        return failed

    with ThreadPoolExecutor(_VISITORS) as visitors:
        failed = sum(visitors.map(failures, names))
    title = f"Wakes of containers, {_VISITORS} at once: failed of {of_each * len(names)}"
    return [Figure("container_wakes_failed", title, "", (float(failed),))]


def _switch(engine: Engine, docker: DockerEngine, creation: Creation) -> list[Figure]:
    """Visitors ask without a pause while one instance gets another image, and goes back."""
    name = creation.instance.name
    container = docker.create(NAME)
    docker.ask("POST", "/commit", {}, container=container, repo="next", changes="LABEL is=next")
    docker.remove(container)
    route, is_over = route_to(engine, name), threading.Event()
    answers: list[bool] = []

    def visit(_number: int) -> None:
        while not is_over.is_set():
            try:
                seconds_for_page(route)
            except MeasurementFailed:
                answers.append(False)
            else:
                answers.append(True)

    with ThreadPoolExecutor(_VISITORS) as visitors:
        visits = visitors.map(visit, range(_VISITORS))
        try:
            took = [_use(engine, docker, name, image) for image in ("next", NAME)]
        finally:
            is_over.set()
        list(visits)
    failed = sum(not is_good for is_good in answers)
    title = f"Another image: failed of {len(answers)} requests meanwhile"
    return [
        Figure("container_switch", "Another image: until it serves", "s", tuple(took)),
        Figure("container_switch_failed", title, "", (float(failed),)),
    ]


def _use(engine: Engine, docker: DockerEngine, name: str, image: str) -> float:
    """The seconds until the instance runs on that image only."""
    began, wanted = time.monotonic(), docker.ask("GET", f"/images/{image}/json")["Id"]
    Engine(engine.settings.replaced(image=image)).start_tenants()
    while _images(docker, name) != {wanted}:
        if time.monotonic() - began > _WITHIN_S:
            raise MeasurementFailed(f"{name} does not get the image {image}")
        time.sleep(0.05)
    return time.monotonic() - began


def _images(docker: DockerEngine, name: str) -> set[str]:
    found = docker.ask("GET", "/containers/json", all="true")
    return {one["ImageID"] for one in found if one["Names"][0].startswith(f"/{name}-")}
