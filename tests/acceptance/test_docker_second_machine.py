"""A server with containers on a second machine, which has its own cluster and engine, reached by ssh."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from tests.support.docker_engine import missing
from tests.support.network import Network, network, told
from tests.support.odoo_image import NAME, odoo_image
from tests.support.sshd import machine

from tenantry.agent.client import RemoteEngine
from tenantry.agent.transports import through_program
from tenantry.errors import InstanceNotFound
from tenantry.model.instance import InstanceSpec
from tenantry.settings import ServerSettings

pytestmark = pytest.mark.timeout(1200)  # the first run on a machine makes the image, while other tests run

_ENGINE = """
import json, sys
from pathlib import Path
from tests.support.docker_engine import running
with running(Path(sys.argv[1])) as engine:
    engine.load_folder(Path(sys.argv[2]))
    print(json.dumps([engine.url, str(engine.pool)]), flush=True)
    sys.stdin.read()
"""
_UP = """
from tenantry.engine import Engine
from tests.conftest import TINY
engine = Engine(report=print)
engine.start_postgres()
engine.start_tenants()
engine.templates.build(TINY)
"""
_STOP = "from tenantry.engine import Engine; Engine().stop()"
_VISIT = """
import sys
from tenantry.engine import Engine
assert Engine().context.route(sys.argv[1]).get("/web/login") == 200
"""
_SLEEP = "import sys; from tenantry.engine import Engine; Engine().runtime.end(sys.argv[1])"


@dataclass(frozen=True)
class Second:
    """The second machine. environment: of its installation. remote: its server as we reach it."""

    network: Network
    environment: dict[str, str]
    remote: RemoteEngine

    def run(self, program: str, *arguments: str) -> None:
        self.network.python(program, *arguments, **self.environment)


@pytest.fixture(scope="module")
def place() -> Iterator[Network]:
    if (lacks := missing()) and not os.environ.get("TENANTRY_NO_SKIP"):
        pytest.skip(lacks)
    with network("tenantry2") as found:
        yield found


@pytest.fixture(scope="module")
def docker_there(
    place: Network, settings: ServerSettings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """An engine of its own there; the settings that name it."""
    command = place.command(_ENGINE, tmp_path_factory.mktemp("engine") / "lock", odoo_image(settings))
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, env=told({}), text=True, **streams) as engine:
        url, pool = json.loads(engine.stdout.readline())
        yield {"docker_host": url, "container_networks": pool}
        engine.stdin.close()
        assert engine.wait(60) == 0


@pytest.fixture(scope="module")
def second(
    place: Network,
    docker_there: dict[str, str],
    settings: ServerSettings,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Second]:
    home = Path(tempfile.mkdtemp(prefix="tenantry-test-"))
    home.chmod(0o755)
    chosen = settings.replaced(home=home, runtime="docker", image=NAME, pool_size=0, **docker_there)
    environment = {name: value for name, value in chosen.to_environment().items() if value}
    program = str(Path(sys.executable).with_name("tenantry"))
    folder = tmp_path_factory.mktemp("ssh")
    with machine(folder, program, environment, host=place.address, enter=place.enter) as reached:
        found = Second(place, environment, RemoteEngine(partial(through_program, reached.command)))
        try:
            found.run(_UP)
            yield found
        finally:
            found.run(_STOP)
            shutil.rmtree(home, ignore_errors=True)


def test_an_instance_is_created_woken_and_terminated_in_a_container_of_the_second_machine(second: Second):
    remote = second.remote
    spec = InstanceSpec.checked(name="acme", email="admin@acme.example", template="tiny")
    creation = remote.instances.provision(spec)
    assert creation.instance.name == "acme"
    assert remote.instances.is_serving("acme")
    remote.instances.set_limits("acme", {"idle_s": 3600})
    remote.instances.restart("acme")
    second.run(_SLEEP, "acme")
    assert not remote.instances.activities(["acme"])[0].is_awake
    second.run(_VISIT, "acme")
    (awake,) = remote.instances.activities(["acme"])
    assert awake.is_awake
    assert awake.sent_bytes is not None
    assert remote.instances.logs("acme")
    with pytest.raises(AttributeError, match="follow_logs"):
        remote.instances.follow_logs("acme")
    remote.instances.terminate("acme")
    with pytest.raises(InstanceNotFound):
        remote.instances.get("acme")
