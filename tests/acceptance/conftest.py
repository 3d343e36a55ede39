"""Servers with containers; and a user who has only the command and a connection to a real master."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.conftest import TINY
from tests.support.api_client import make_keys, set_hourly_limit
from tests.support.back_office import BackOffice
from tests.support.boxes import containers, networks, volumes
from tests.support.docker_engine import DockerEngine
from tests.support.odoo_image import NAME
from tests.support.remote_cli import RemoteCli
from tests.support.tenants import swept

from tenantry.engine import Engine
from tenantry.settings import DOCKER, ServerSettings


@pytest.fixture(scope="session")
def _boxes(
    _docker_engine: DockerEngine, _odoo_in_docker: None, settings: ServerSettings, first_port: int
) -> Iterator[Engine]:
    home = Path(tempfile.mkdtemp(prefix="tenantry-test-"))
    home.chmod(0o755)
    engine = Engine(
        settings.replaced(
            home=home,
            runtime=DOCKER,
            docker_host=_docker_engine.url,
            image=NAME,
            container_networks=str(_docker_engine.pool),
            http_port=first_port + 10,
            pool_size=0,
        ),
        report=print,
    )
    yield engine
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="module")
def boxes(docker: DockerEngine, _boxes: Engine) -> Iterator[Engine]:
    """The engine of a server with containers and the Tiny template; a file's instances are removed.

    It runs for one file: other files look at containers without its firewall.
    """
    try:
        _boxes.start_postgres()
        _boxes.start_tenants()
        _boxes.templates.build(TINY)
        with swept(_boxes):
            yield _boxes
    finally:
        _boxes.stop()
    assert (containers(docker), networks(docker), volumes(docker)) == ([], [], [])


@pytest.fixture(scope="module")
def api_keys(master: Engine) -> dict:
    return make_keys(master)


@pytest.fixture
def stranger(office: BackOffice, tmp_path: Path) -> Iterator[RemoteCli]:
    """A user who is not logged in. The hourly limit is off; no instance exists before or afterwards."""
    set_hourly_limit(office, 0)
    _terminate_all(office)
    yield RemoteCli(tmp_path, office.engine.master.url)
    _terminate_all(office)


@pytest.fixture
def remote(stranger: RemoteCli, api_keys: dict) -> RemoteCli:
    """The user, logged in as an administrator."""
    assert stranger.login(api_keys["api-admin"]).returncode == 0
    return stranger


def _terminate_all(office: BackOffice) -> None:
    office.call("saas.instance", "unlink", office.call("saas.instance", "search", [["state", "=", "draft"]]))
    office.terminate(*office.call("saas.instance", "search", [["state", "not in", ["draft", "terminated"]]]))
    for stray in office.engine.instances.all():
        office.engine.instances.terminate(stray.name)
