"""Shared fixtures: a real cluster per session, and a real Odoo template for acceptance tests."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tenantry.engine import Engine
from tenantry.model.names import template_database
from tenantry.model.recipe import Recipe
from tenantry.operations.context import Context
from tenantry.operations.template.clone import discard
from tenantry.settings import ServerSettings
from tests.support import docker_engine as docker
from tests.support.back_office import BackOffice
from tests.support.docker_image import write_probe
from tests.support.fake_template import make_template
from tests.support.lanes import DOCKER, Lanes
from tests.support.master import UnusedMaster
from tests.support.odoo_image import Unavailable, odoo_image

pytest.register_assert_rewrite("tests.support.runtime_contract")
_FIRST_PORT, _PORTS_EACH = 18069, 30
_SHARED = pytest.StashKey[Engine]()
# How long an example takes says how busy the machine is, and nothing of the code.
hypothesis.settings.register_profile("tenantry", deadline=None)
hypothesis.settings.load_profile("tenantry")

TINY = Recipe(code="tiny", name="Tiny", modules=("web",))
"""The smallest template that serves a login page."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test's folder is its kind."""
    for item in items:
        kind = item.path.relative_to(Path(__file__).parent).parts[0]
        item.add_marker(kind)


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> Lanes | None:
    return Lanes(config, log) if config.getvalue("dist") == "loadfile" else None


@pytest.fixture(scope="session")
def _docker_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[docker.DockerEngine]:
    try:
        with docker.running() as engine:
            folder = tmp_path_factory.mktemp("probe")
            write_probe(folder)
            engine.load_folder(folder)
            yield engine
    except docker.Unavailable as reason:
        if os.environ.get("TENANTRY_NO_SKIP"):
            raise
        pytest.skip(str(reason))


@pytest.fixture(scope="module")
def docker_engine(
    request: pytest.FixtureRequest, _docker_engine: docker.DockerEngine
) -> Iterator[docker.DockerEngine]:
    """A Docker engine of the tests' own, with the tiny image; what a file leaves in it is removed."""
    assert request.path.name.startswith(DOCKER), f"name the file {DOCKER}….py, so that it waits for no other"
    yield _docker_engine
    _docker_engine.clear()


@pytest.fixture(scope="session")
def _odoo_in_docker(_docker_engine: docker.DockerEngine, settings: ServerSettings) -> None:
    try:
        folder = odoo_image(settings)
    except Unavailable as reason:
        if os.environ.get("TENANTRY_NO_SKIP"):
            raise
        pytest.skip(str(reason))
    _docker_engine.load_folder(folder)


@pytest.fixture(scope="module", name="docker")
def _docker(docker_engine: docker.DockerEngine, _odoo_in_docker: None) -> docker.DockerEngine:
    """The engine with the stand-in for Odoo's image, which is made once on a machine, in minutes."""
    return docker_engine


@pytest.fixture(scope="session")
def first_port() -> Iterator[int]:
    """The first of a row of ports for these tests: whoever runs others meanwhile gets the next row."""
    for first in itertools.count(_FIRST_PORT, _PORTS_EACH):
        with contextlib.ExitStack() as opened:
            try:
                _listener(opened, first + _PORTS_EACH - 1)
                with contextlib.ExitStack() as tried:
                    for port in range(first, first + _PORTS_EACH - 1):
                        _listener(tried, port)
            except OSError:
                continue
            yield first
            return


def _listener(opened: contextlib.ExitStack, port: int) -> None:
    listener = opened.enter_context(socket.socket())
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen()


@pytest.fixture(scope="session")
def settings(first_port: int) -> Iterator[ServerSettings]:
    """An installation of its own, in a folder PostgreSQL's user can reach, gone afterwards."""
    home = Path(tempfile.mkdtemp(prefix="tenantry-test-"))
    home.chmod(0o755)
    yield ServerSettings.from_environment().replaced(
        home=home,
        http_port=first_port,
        master_port=first_port + 1,
        probe_timeout_s=20,
        addons_path=(),
        pool_size=2,
        pg_dsn=None,
        final_backup_days=0,  # of the many that tests terminate; see test_backups.py
    )
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster_engine(settings: ServerSettings) -> Iterator[Engine]:
    """An engine whose PostgreSQL runs; nothing of Odoo is needed."""
    engine = Engine(settings, report=print)
    engine.start_postgres()
    yield engine
    engine.stop()


@pytest.fixture
def context(cluster_engine: Engine) -> Context:
    return cluster_engine.context


@pytest.fixture
def fake_template(context: Context) -> Iterator[str]:
    """A ready template with a few tables and files, made without Odoo; its code."""
    code = "fake"
    make_template(context, code)
    yield code
    with context.maintenance() as connection:
        discard(context, connection, template_database(code))
    for name in context.filestores.names():
        context.filestores.remove(name)


@pytest.fixture(scope="session")
def engine(cluster_engine: Engine, pytestconfig: pytest.Config) -> Engine:
    """An engine with everything: PostgreSQL, Odoo, the tenant server and the Tiny template."""
    cluster_engine.templates.build(TINY)
    cluster_engine.start_tenants()
    pytestconfig.stash[_SHARED] = cluster_engine
    return cluster_engine


@pytest.fixture(scope="module", autouse=True)
def nothing_left_for_other_files(pytestconfig: pytest.Config) -> Iterator[None]:
    """What one file leaves in the shared engine would fail another, in some orders of files only.

    So the file that leaves a template or an instance is the one that fails, and what it left is removed.
    """
    yield
    engine = pytestconfig.stash.get(_SHARED, None)
    if not engine:
        return
    instances = [instance.name for instance in engine.instances.all()]
    codes = sorted({template.code for template in engine.templates.all()} - {TINY.code})
    for name in instances:
        engine.instances.terminate(name)
    for code in codes:
        engine.templates.drop(code)
    assert not instances + codes, "left by this file"


@pytest.fixture(scope="session")
def unused_master(cluster_engine: Engine) -> UnusedMaster:
    """The master as it was installed, and kept so."""
    return UnusedMaster(cluster_engine)


@pytest.fixture(scope="session")
def master(engine: Engine, unused_master: UnusedMaster) -> Engine:
    """The same with the master, too."""
    engine.start_master()
    return engine


@pytest.fixture
def office(master: Engine) -> BackOffice:
    """The operator, newly logged in; the Tiny template is ready there."""
    office = BackOffice(master)
    office.template(TINY.code, " ".join(TINY.modules))
    return office
