"""An engine at a network address of this machine, with certificates; and one that is elsewhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.boxes import containers
from tests.support.certificates import make_certificates
from tests.support.docker_engine import DockerEngine
from tests.support.tenants import create, status
from tests.support.waiting import wait_until

from tenantry.engine import Engine
from tenantry.errors import ContainerEngineFailure
from tenantry.ports import free_port
from tenantry.settings import ServerSettings

pytestmark = pytest.mark.timeout(1200)  # the first run on a machine makes the image, while other tests run


@dataclass(frozen=True)
class ByTls:
    """The way to the engine by TCP. certificates: the folder for clients."""

    address: str
    certificates: Path


@pytest.fixture(scope="module")
def by_tls(docker: DockerEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ByTls]:
    """The engine listens at its socket, as always, and at a port."""
    folder = tmp_path_factory.mktemp("certificates")
    make_certificates(folder)
    address, mine = f"tcp://127.0.0.1:{free_port()}", folder / "engine"
    docker.end()
    docker.boot(
        *("--tlsverify", f"--tlscacert={mine / 'ca.pem'}", f"--tlscert={mine / 'cert.pem'}"),
        *(f"--tlskey={mine / 'key.pem'}", f"--host={address}"),
    )
    yield ByTls(address, folder / "client")
    docker.end()
    docker.boot()


@pytest.fixture
def far(boxes: Engine, by_tls: ByTls) -> Iterator[Engine]:
    """The same server, whose settings name the engine's other address."""
    engine = Engine(reaching(boxes, by_tls), report=print)
    engine.start_tenants()
    yield engine
    boxes.start_tenants()


def reaching(boxes: Engine, by_tls: ByTls) -> ServerSettings:
    return boxes.settings.replaced(docker_host=by_tls.address, docker_certs=by_tls.certificates)


def test_an_instance_lives_in_an_engine_that_is_reached_by_tls(far: Engine, docker: DockerEngine):
    create(far, "far")
    assert status(far, "far") == 200
    assert far.instances.install_modules("far", ["uom"]) == ["uom"]
    before = containers(docker, "far-")[0]["State"]["StartedAt"]
    far.instances.restart("far")
    assert status(far, "far") == 200
    assert containers(docker, "far-")[0]["State"]["StartedAt"] != before
    far.instances.terminate("far")
    assert containers(docker, "far-") == []


def test_containers_go_on_when_only_the_way_to_their_engine_changes(
    boxes: Engine, by_tls: ByTls, docker: DockerEngine
):
    create(boxes, "near")
    before = containers(docker, "near-")[0]["State"]["StartedAt"]
    spawner_log = boxes.runtime.log_file.stat().st_size
    Engine(reaching(boxes, by_tls)).start_tenants()
    wait_until(boxes.runtime.is_answering)
    assert status(boxes, "near") == 200
    boxes.start_tenants()
    boxes.context.runtime.follow(["near"])
    assert [it["State"]["StartedAt"] for it in containers(docker, "near-")] == [before]
    assert "image" not in boxes.runtime.log_file.read_text()[spawner_log:]


def without_certificates(by_tls: ByTls, folder: Path) -> ByTls:
    return ByTls(by_tls.address, folder / "none")


def of_another_authority(by_tls: ByTls, folder: Path) -> ByTls:
    make_certificates(folder / "others")
    return ByTls(by_tls.address, folder / "others" / "client")


def with_a_key_for_all(by_tls: ByTls, folder: Path) -> ByTls:
    shutil.copytree(by_tls.certificates, folder / "open")
    (folder / "open" / "key.pem").chmod(0o644)
    return ByTls(by_tls.address, folder / "open")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (without_certificates, "there is no file"),
        (of_another_authority, "certificate"),
        (with_a_key_for_all, "chmod go="),
    ],
)
def test_wrong_certificates_are_refused_with_the_reason(
    boxes: Engine, by_tls: ByTls, tmp_path: Path, wrong, reason: str
):
    with pytest.raises(ContainerEngineFailure, match=reason):
        Engine(reaching(boxes, wrong(by_tls, tmp_path))).start_tenants()


def test_an_address_without_certificates_is_refused(boxes: Engine, by_tls: ByTls):
    settings = boxes.settings.replaced(docker_host=by_tls.address)
    with pytest.raises(ContainerEngineFailure, match="TENANTRY_DOCKER_CERTS"):
        Engine(settings).start_tenants()


def test_an_engine_that_does_not_see_this_machines_files_is_refused(boxes: Engine, docker: DockerEngine):
    """As one on another machine: its containers could not get their sockets."""
    hide = 'mount -t tmpfs tmpfs "$0" && exec "$@"'
    start = [sys.executable, "-c", "from tenantry.engine import Engine; Engine().start_tenants()"]
    told = {name: value for name, value in boxes.settings.to_environment().items() if value}
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", hide, boxes.settings.run_dir, *start],
        env={**os.environ, **told},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "it is not on this machine" in done.stderr
    assert not [it for it in containers(docker) if it["State"]["Status"] == "created"]
    assert boxes.runtime.is_answering()
