"""A server with containers, for tests: what its Docker engine shows, and its programs."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import psutil

from tenantry.engine import Engine
from tenantry.model.activity import Activity
from tests.support.docker_engine import DockerEngine, Ended, Refused


def containers(docker: DockerEngine, name: str = "") -> list[dict[str, Any]]:
    """What the engine shows of all containers, or of an instance's."""
    shown = []
    for one in docker.ask("GET", "/containers/json", all="true"):
        if one["Names"][0].startswith(f"/{name}"):
            with suppress(Refused):  # it was removed meanwhile
                shown.append(docker.inspect(one["Id"]))
    return shown


def networks(docker: DockerEngine) -> list[str]:
    found = docker.ask("GET", "/networks", filters=json.dumps({"label": ["tenantry.server"]}))
    return [network["Name"] for network in found]


def volumes(docker: DockerEngine) -> list[str]:
    return [volume["Name"] for volume in docker.ask("GET", "/volumes")["Volumes"] or ()]


def container_of(docker: DockerEngine, name: str) -> dict[str, Any]:
    (found,) = containers(docker, f"{name}-")
    return found


def is_running(docker: DockerEngine, name: str) -> bool:
    return any(found["State"]["Running"] for found in containers(docker, f"{name}-"))


def starts_of(docker: DockerEngine, name: str, since: float) -> int:
    """How often a container of an instance was started since a moment ago: Docker keeps 256 events."""
    label = f"tenantry.oid={container_of(docker, name)['Config']['Labels']['tenantry.oid']}"
    return len(docker.events(since, type="container", event="start", label=label))


def run_in(docker: DockerEngine, name: str, program: str, *arguments: str) -> Ended:
    """Run a program in an instance's container, as its administrator could with native code."""
    return docker.execute(container_of(docker, name)["Id"], "python3", "-c", program, *arguments)


def address_of(docker: DockerEngine, name: str) -> dict[str, str]:
    (network,) = container_of(docker, name)["NetworkSettings"]["Networks"].values()
    return network


def spawner_of(engine: Engine) -> psutil.Process:
    (spawner,) = [
        child
        for child in psutil.Process(engine.runtime.pid).children()
        if "tenantry.spawner" in child.cmdline()
    ]
    return spawner


def activity(engine: Engine, name: str) -> Activity:
    (found,) = engine.instances.activities([name])
    return found


def jobs_are_far(engine: Engine, name: str) -> None:
    with engine.context.cluster.connect(name) as inside:
        inside.execute("UPDATE ir_cron SET nextcall = now() AT TIME ZONE 'UTC' + interval '1 day'")
        inside.execute("DELETE FROM ir_cron_trigger")
