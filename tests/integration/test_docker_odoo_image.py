"""The stand-in for Odoo's image: the official one's interface is there, and Odoo works in it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.docker_engine import DockerEngine
from tests.support.odoo_image import GID, NAME, UID
from tests.support.waiting import wait_until

from tenantry.model.secret import Secret
from tenantry.postgres.binaries import find_binaries
from tenantry.postgres.embedded import EmbeddedCluster
from tenantry.process import run
from tenantry.settings import ServerSettings

pytestmark = pytest.mark.timeout(1200)  # the first run on a machine makes the image, while other tests run


def test_the_image_has_the_interface_of_the_official_one(docker: DockerEngine):
    config = docker.ask("GET", f"/images/{NAME}/json")["Config"]
    assert config["User"] == "odoo"
    assert (config["Entrypoint"], config["Cmd"]) == (["/entrypoint.sh"], ["odoo"])
    assert set(config["ExposedPorts"]) == {"8069/tcp", "8071/tcp", "8072/tcp"}
    assert set(config["Volumes"]) == {"/mnt/extra-addons", "/var/lib/odoo"}
    assert "ODOO_RC=/etc/odoo/odoo.conf" in config["Env"]


def test_its_user_may_write_where_the_official_ones_may(docker: DockerEngine):
    script = "id -u; id -g; touch /var/lib/odoo/a /mnt/extra-addons/a && cat /etc/odoo/odoo.conf; touch /a"
    ended = docker.run(NAME, "sh", "-c", script)
    assert ended.output.startswith(f"{UID}\n{GID}\n[options]\n"), ended.output
    assert "data_dir = /var/lib/odoo" in ended.output
    assert "cannot touch '/a'" in ended.output


@pytest.fixture
def sockets(settings: ServerSettings) -> Iterator[Path]:
    """The folder of the socket of a PostgreSQL that trusts whoever reaches it; no network leads to it."""
    cluster = EmbeddedCluster.of(settings, find_binaries(settings, print), Secret(""))
    folder = Path(tempfile.mkdtemp(prefix="tp-", dir="/tmp"))
    shutil.chown(folder, cluster.user)
    folder.chmod(0o755)
    pg_ctl = [cluster.binaries.program("pg_ctl"), "-D", folder / "data"]
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    initdb = [cluster.binaries.program("initdb"), "-D", folder / "data", "-U", "odoo", "--auth=trust"]
    run([*initdb, "--encoding=UTF8", "--locale=C", "--no-sync"], user=cluster.user)
    try:
        run([*pg_ctl, "-w", "-l", folder / "log", "-o", options, "start"], user=cluster.user)
        yield folder
    finally:
        run([*pg_ctl, "-m", "immediate", "-w", "stop"], user=cluster.user)
        shutil.rmtree(folder)


def test_odoo_answers_in_a_container_that_has_only_the_socket_of_its_postgresql(
    docker: DockerEngine, sockets: Path
):
    """Started as the official image is; with a read-only root and without capabilities."""
    with docker.network("closed", Internal=True):
        container = docker.start(
            NAME,
            *("odoo", "-d", "acme", "-i", "web", "--max-cron-threads=0"),
            config={"Env": ["HOST=/run/postgresql"]},
            Binds=[f"{sockets}:/run/postgresql:ro"],
            NetworkMode="closed",
            ReadonlyRootfs=True,
            Tmpfs={"/tmp": ""},
            CapDrop=["ALL"],
            SecurityOpt=["no-new-privileges"],
        )
        address = docker.address(container)
        wait_until(lambda: _status(address) == 200 or not _runs(docker, container), "Odoo does not answer")
        said = docker.output(container)
        assert _runs(docker, container), said[-4000:]
        assert "database: odoo@/run/postgresql:5432" in said
        docker.remove(container)


def _runs(docker: DockerEngine, container: str) -> bool:
    return bool(docker.inspect(container)["State"]["Running"])


def _status(address: str) -> int:
    try:
        return httpx.get(f"http://{address}:8069/web/login", timeout=60).status_code
    except httpx.TransportError:
        return 0
