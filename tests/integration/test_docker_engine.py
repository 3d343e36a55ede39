"""What the tests' Docker engine really does: it limits containers and separates their networks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import psutil
import pytest
from tests.support.docker_engine import DockerEngine
from tests.support.docker_image import PROBE, write_probe
from tests.support.waiting import eventually, wait_until

MEGABYTE = 2**20
PORT = "8069"


@pytest.fixture
def neighbour(docker_engine: DockerEngine) -> str:
    """A container that serves."""
    container = docker_engine.start(PROBE, "serve", PORT)
    wait_until(lambda: docker_engine.output(container), "it does not listen")
    return container


def _serves(engine: DockerEngine, container: str) -> bool:
    """Asked from the machine itself, where a front would be."""
    return httpx.get(f"http://{engine.address(container)}:{PORT}", timeout=10).status_code == 200


def _reaches(engine: DockerEngine, container: str, other: str) -> bool:
    return engine.execute(container, "/probe", "connect", engine.address(other), PORT).exit_code == 0


def test_the_engine_keeps_its_files_in_its_own_folder_and_separates_layers(docker_engine: DockerEngine):
    facts = docker_engine.ask("GET", "/info")
    assert Path(facts["DockerRootDir"]).is_relative_to(docker_engine.folder)
    assert facts["Driver"] == "overlay2"
    assert facts["MemoryLimit"]
    assert facts["PidsLimit"]


def test_a_container_answers_and_says_how_it_ended(docker_engine: DockerEngine, neighbour: str):
    assert _serves(docker_engine, neighbour)
    docker_engine.ask("POST", f"/containers/{neighbour}/stop")
    ended = docker_engine.wait(neighbour)
    assert (ended.exit_code, ended.output) == (128 + signal.SIGTERM, f"listening on {PORT}\n")


def test_a_published_port_is_open_on_loopback_only(docker_engine: DockerEngine):
    ports = {f"{PORT}/tcp": [{"HostPort": ""}]}
    config = {"ExposedPorts": {f"{PORT}/tcp": {}}}
    container = docker_engine.start(PROBE, "serve", PORT, config=config, PortBindings=ports)
    (binding,) = docker_engine.inspect(container)["NetworkSettings"]["Ports"][f"{PORT}/tcp"]
    assert binding["HostIp"] == "127.0.0.1"
    assert eventually(lambda: docker_engine.output(container))
    assert httpx.get(f"http://127.0.0.1:{binding['HostPort']}").status_code == 200


def test_a_container_over_its_memory_is_killed_and_its_neighbour_answers(
    docker_engine: DockerEngine, neighbour: str
):
    limit = 64 * MEGABYTE
    ended = docker_engine.run(PROBE, "eat", "256", Memory=limit, MemorySwap=limit)
    assert ended.oom_killed
    assert ended.exit_code == 128 + signal.SIGKILL
    assert "48 MB" in ended.output
    assert "64 MB" not in ended.output
    assert _serves(docker_engine, neighbour)
    assert docker_engine.run(PROBE, "eat", "32", Memory=limit, MemorySwap=limit).exit_code == 0


def test_a_container_gets_no_more_processes_than_its_limit(docker_engine: DockerEngine):
    ended = docker_engine.run(PROBE, "fork", "100", PidsLimit=20)
    assert (ended.exit_code, ended.output) == (1, "19\n")
    assert docker_engine.run(PROBE, "fork", "10", PidsLimit=20).exit_code == 0


def test_containers_of_two_networks_do_not_reach_each_other(docker_engine: DockerEngine):
    with docker_engine.network("one", Internal=True), docker_engine.network("two", Internal=True):
        first, beside, other = (
            docker_engine.start(PROBE, "serve", PORT, NetworkMode=name) for name in ("one", "one", "two")
        )
        assert eventually(lambda: _reaches(docker_engine, first, beside))
        assert eventually(lambda: _serves(docker_engine, other))
        assert not _reaches(docker_engine, first, other)
        assert not _reaches(docker_engine, other, first)
        for container in (first, beside, other):
            docker_engine.remove(container)


def test_a_read_only_container_without_capabilities_runs(docker_engine: DockerEngine):
    options = {"ReadonlyRootfs": True, "CapDrop": ["ALL"], "SecurityOpt": ["no-new-privileges"]}
    assert docker_engine.run(PROBE, "eat", "1", **options).exit_code == 0


def test_a_test_leaves_nothing_in_the_engine(docker_engine: DockerEngine):
    with docker_engine.network("kept"):
        pass
    docker_engine.start(PROBE, "sleep", HostConfig={})
    docker_engine.ask("POST", "/volumes/create", {"Name": "kept"})
    docker_engine.clear()
    assert docker_engine.ask("GET", "/containers/json", all="1") == []
    assert not docker_engine.ask("GET", "/volumes")["Volumes"]
    names = {network["Name"] for network in docker_engine.ask("GET", "/networks")}
    assert names == {"bridge", "host", "none"}


KILLED = """
import os, sys
from pathlib import Path
from tests.support.docker_engine import running

with running(Path(sys.argv[1])) as engine:
    if sys.argv[2] == "killed":
        engine.load_folder(Path(sys.argv[3]))
        engine.ask("POST", "/networks/create", {"Name": "left"})
        engine.start("tenantry-test/probe:1", "sleep", NetworkMode="left")
        os.kill(os.getpid(), 9)
    print(engine.folder)
"""


def test_the_next_run_ends_the_engine_of_a_killed_one(tmp_path: Path):
    """In a network of its own, because this file's engine works meanwhile."""
    write_probe(tmp_path)
    state = "ip -brief link; iptables -S; iptables -t nat -S"
    begin = f"ip link set lo up; ({state}) > before"
    run = f"{sys.executable} -c '{KILLED}' {tmp_path / 'lock'}"
    script = f"{begin}; {run} killed {tmp_path}; cat lock; {run} next > next; ({state}) > after"
    done = subprocess.run(
        ["unshare", "--net", "sh", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    killed = Path(done.stdout)
    assert killed.name.startswith("td-"), done
    assert not killed.exists()
    assert Path((tmp_path / "next").read_text()).name.startswith("td-"), done
    assert (tmp_path / "after").read_text() == (tmp_path / "before").read_text()
    assert (tmp_path / "lock").read_text() == ""
    processes = psutil.process_iter(["cmdline"])
    assert not [it for it in processes if str(killed) in " ".join(it.info["cmdline"] or ())]
