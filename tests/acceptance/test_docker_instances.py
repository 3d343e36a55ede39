"""A server whose instances run in containers of a real Docker engine."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from tests.support.boxes import (
    activity,
    address_of,
    container_of,
    containers,
    jobs_are_far,
    run_in,
    spawner_of,
    starts_of,
)
from tests.support.docker_engine import DockerEngine
from tests.support.mail_server import MailServer
from tests.support.odoo_client import OdooClient
from tests.support.odoo_image import NAME
from tests.support.runtime_contract import ContractWithOdoo, Place, place_of
from tests.support.tenants import ask, create, log_in, status
from tests.support.waiting import eventually, wait_until

from tenantry.engine import Engine
from tenantry.errors import ContainerEngineFailure, TenantryError
from tenantry.model.instance import Creation
from tenantry.model.mail import Security, Smarthost

_HOG = "print(len(bytearray(1 << 30)))"
_CONNECT = """
import socket, sys
try:
    socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=3)
except OSError as error:
    sys.exit(str(error))
"""

pytestmark = pytest.mark.timeout(1200)  # the first run on a machine makes the image, while other tests run


@pytest.fixture(scope="module")
def acme(boxes: Engine) -> Creation:
    return create(boxes)


@pytest.fixture(scope="module")
def beta(boxes: Engine) -> Creation:
    return create(boxes, "beta")


# ---------------------------------------------------------------- one instance


def test_a_customer_logs_in_to_an_odoo_in_a_container(boxes: Engine, docker: DockerEngine, acme: Creation):
    assert boxes.instances.prove_login(acme) < 30
    container = container_of(docker, "acme")
    assert container["Image"] == docker.ask("GET", f"/images/{NAME}/json")["Id"]
    assert container["State"]["Running"]


def test_a_container_has_no_right_that_it_does_not_need(docker: DockerEngine, acme: Creation):
    container = container_of(docker, "acme")
    host = container["HostConfig"]
    assert host["CapDrop"] == ["ALL"]
    assert host["ReadonlyRootfs"]
    assert host["SecurityOpt"] == ["no-new-privileges"]
    assert not host["Privileged"]
    assert host["Memory"] == host["MemorySwap"] > 0
    assert host["PidsLimit"] > 0
    assert host["LogConfig"]["Config"] == {"max-size": "1m", "max-file": "2"}
    assert container["Config"]["Healthcheck"]
    assert int(container["Config"]["User"].partition(":")[0]) > 2**30
    written = [
        mount["Destination"] for mount in container["Mounts"] if mount["RW"] and mount["Type"] == "bind"
    ]
    assert written == ["/var/lib/odoo/files"]


def test_no_secret_is_in_the_settings_of_a_container(boxes: Engine, docker: DockerEngine, acme: Creation):
    shown = json.dumps(container_of(docker, "acme"))
    for secret in (boxes.keys.role_password("acme"), boxes.keys.instances, acme.password):
        assert secret.reveal() not in shown


def test_the_health_check_asks_the_tenants_page(docker: DockerEngine, acme: Creation):
    (test, *command) = container_of(docker, "acme")["Config"]["Healthcheck"]["Test"]
    assert test == "CMD"
    assert docker.execute(container_of(docker, "acme")["Id"], *command).exit_code == 0


def test_files_of_a_customer_are_in_the_filestore_of_the_server(boxes: Engine, acme: Creation):
    admin = OdooClient(boxes, acme)
    before = set(boxes.context.filestores.content("acme"))
    admin.call("ir.attachment", "create", [{"name": "note.txt", "raw": "a note of the customer"}])
    assert len(set(boxes.context.filestores.content("acme")) - before) == 1


def test_modules_are_installed_by_a_container_of_the_same_image(boxes: Engine, acme: Creation):
    assert boxes.instances.install_modules("acme", ["uom"]) == ["uom"]
    assert status(boxes, "acme") == 200


def test_mail_goes_by_the_operators_server(boxes: Engine, acme: Creation):
    server = MailServer()
    server.start()
    boxes.mail.set(Smarthost("127.0.0.1", server.port, "mail@provider.example", Security.NONE))
    try:
        boxes.runtime.end("acme")
        admin = OdooClient(boxes, acme)
        boxes.instances.install_modules("acme", ["mail"])
        values = {"subject": "Your offer", "body_html": "<p>Hello</p>", "email_to": "bob@shop.example"}
        (mail,) = admin.call("mail.mail", "create", [{**values, "email_from": "Ann <ann@acme.example>"}])
        admin.call("mail.mail", "send", [mail])
        assert server.wait_for("Your offer")["To"] == "bob@shop.example"
    finally:
        boxes.mail.unset()
        server.stop()


# ---------------------------------------------------------------- what all runtimes promise


@pytest.fixture(scope="class")
def place(boxes: Engine, acme: Creation, beta: Creation) -> Iterator[Place]:
    boxes.instances.set_limits("acme", {"idle_s": 3600})
    jobs_are_far(boxes, "acme")
    boxes.instances.restart("acme")
    yield place_of(boxes)
    boxes.instances.set_limits("acme", {})
    boxes.instances.restart("acme")


@pytest.fixture
def engine_with(boxes: Engine) -> Callable[..., Engine]:
    return lambda **settings: Engine(boxes.settings.replaced(**settings))


class TestContract(ContractWithOdoo):
    """See `tests.support.runtime_contract`."""


# ---------------------------------------------------------------- its life


def test_a_suspended_instance_has_no_running_container(boxes: Engine, docker: DockerEngine, beta: Creation):
    assert status(boxes, "beta") == 200
    boxes.instances.suspend("beta")
    assert status(boxes, "beta") == 503
    assert eventually(lambda: not container_of(docker, "beta")["State"]["Running"])
    boxes.instances.reactivate("beta")
    assert status(boxes, "beta") == 200


def test_a_renamed_instance_has_one_container_of_its_new_name(
    boxes: Engine, docker: DockerEngine, beta: Creation
):
    boxes.instances.rename("beta", "gamma")
    assert status(boxes, "gamma") == 200
    assert containers(docker, "beta-") == []
    boxes.instances.rename("gamma", "beta")
    assert status(boxes, "beta") == 200
    assert containers(docker, "gamma-") == []


def test_a_killed_container_is_started_for_the_next_visitor(
    boxes: Engine, docker: DockerEngine, beta: Creation
):
    docker.ask("POST", f"/containers/{container_of(docker, 'beta')['Id']}/kill")
    assert status(boxes, "beta") == 200


def test_a_restart_starts_its_container_once(boxes: Engine, docker: DockerEngine, acme: Creation):
    assert status(boxes, "acme") == 200
    began = time.time()
    boxes.instances.restart("acme")
    assert status(boxes, "acme") == 200
    assert starts_of(docker, "acme", began) == 1


def test_a_restarted_spawner_leaves_containers_running(boxes: Engine, docker: DockerEngine, acme: Creation):
    assert status(boxes, "acme") == 200
    before = container_of(docker, "acme")["State"]["StartedAt"]
    os.kill(boxes.runtime.pid, 1)
    assert eventually(lambda: status(boxes, "acme") == 200)
    boxes.context.runtime.follow(["acme"])
    assert container_of(docker, "acme")["State"]["StartedAt"] == before


def test_a_spawner_that_is_killed_while_a_container_starts_loses_no_visitor(
    boxes: Engine, docker: DockerEngine, beta: Creation
):
    docker.ask("POST", f"/containers/{container_of(docker, 'beta')['Id']}/kill")
    with ThreadPoolExecutor(1) as visitor:
        answer = visitor.submit(lambda: eventually(lambda: status(boxes, "beta") == 200))
        spawner_of(boxes).kill()
        assert answer.result()
    assert len(containers(docker, "beta-")) == 1


def test_a_backup_comes_into_a_container_and_a_copy_is_neutralized_in_one(
    boxes: Engine, docker: DockerEngine, acme: Creation
):
    later = [["name", "=", "Later"]]
    backup = boxes.backups.take("acme").backup
    log_in(boxes, acme).call("res.partner", "create", [{"name": "Later"}])
    boxes.backups.restore(backup, "acme")
    assert log_in(boxes, acme).call("res.partner", "search_count", later) == 0
    boxes.backups.put_back("acme")
    assert log_in(boxes, acme).call("res.partner", "search_count", later) == 1
    boxes.backups.confirm("acme")
    assert len(containers(docker, "acme-")) == 1
    boxes.instances.duplicate("acme", "copied")
    servers = "SELECT smtp_host FROM ir_mail_server WHERE active"
    assert ask(boxes, "copied", servers) == [("invalid",)]
    assert log_in(boxes, acme, "copied").call("res.partner", "search_count", later) == 1
    boxes.instances.terminate("copied")


# ---------------------------------------------------------------- another image


def committed(docker: DockerEngine, name: str, change: str) -> str:
    """Make an image that differs from Odoo's by one line of a Dockerfile; return its id."""
    container = docker.create(NAME)
    try:
        docker.ask("POST", "/commit", {}, container=container, repo=name, changes=change)
    finally:
        docker.remove(container)
    return str(docker.ask("GET", f"/images/{name}/json")["Id"])


def use_image(engine: Engine, image: str) -> None:
    Engine(engine.settings.replaced(image=image), report=print).start_tenants()


def images_of(docker: DockerEngine, name: str) -> set[str]:
    return {container["Image"] for container in containers(docker, f"{name}-")}


def test_another_image_takes_over_and_no_visitor_notices(
    boxes: Engine, docker: DockerEngine, acme: Creation, beta: Creation
):
    boxes.instances.set_limits("beta", {"cpus": 2, "memory_mb": 1024})  # it has several processes
    boxes.instances.restart("beta")
    assert status(boxes, "acme") == status(boxes, "beta") == 200
    before, after = images_of(docker, "acme"), {committed(docker, "next", "LABEL is=next")}
    answers: list[int] = []
    is_over = threading.Event()

    def visit(name: str) -> None:
        while not is_over.is_set():
            answers.append(status(boxes, name))

    with ThreadPoolExecutor(4) as visitors:
        visits = [visitors.submit(visit, name) for name in ("acme", "acme", "beta", "beta")]
        try:
            use_image(boxes, "next")
            for name in ("acme", "beta"):
                wait_until(lambda name=name: images_of(docker, name) == after, f"{name} keeps its image")
            spawner = spawner_of(boxes)
            use_image(boxes, "next")
            assert spawner_of(boxes) == spawner, "it was restarted for an image that it has followed already"
        finally:
            is_over.set()
    assert [visit.exception() for visit in visits] == [None] * 4
    assert set(answers) == {200}
    assert len(answers) > 50
    use_image(boxes, NAME)
    for name in ("acme", "beta"):
        wait_until(lambda name=name: images_of(docker, name) == before, f"{name} does not go back")
    boxes.instances.set_limits("beta", {})
    boxes.instances.restart("beta")


def test_an_image_that_does_not_start_takes_over_nobody(
    boxes: Engine, docker: DockerEngine, acme: Creation, beta: Creation
):
    assert status(boxes, "acme") == status(boxes, "beta") == 200
    before = images_of(docker, "acme")
    committed(docker, "broken", "ENV PYTHONHOME=/nowhere")
    use_image(boxes, "broken")
    wait_until(lambda: "the new one failed" in activity(boxes, "acme").outdated, "it does not say so")
    wait_until(lambda: images_of(docker, "acme") == before, "the new one stays beside it")
    assert status(boxes, "acme") == 200
    boxes.instances.restart("beta")
    assert eventually(lambda: status(boxes, "beta") == 200)
    assert images_of(docker, "beta") == before
    assert activity(boxes, "beta").outdated
    spawner = spawner_of(boxes)
    use_image(boxes, "broken")
    wait_until(lambda: spawner_of(boxes) != spawner, "what failed is not tried again")
    wait_until(lambda: "the new one failed" in activity(boxes, "acme").outdated, "it says so no more")
    wait_until(lambda: images_of(docker, "acme") == before, "the new one stays beside it")
    use_image(boxes, NAME)
    wait_until(lambda: not activity(boxes, "acme").outdated, "it still says so")


# ---------------------------------------------------------------- sleep


def test_a_plan_lets_an_instance_sleep_and_many_visitors_wake_it_once(
    boxes: Engine, docker: DockerEngine, beta: Creation
):
    boxes.instances.set_limits("beta", {"idle_s": 2})
    jobs_are_far(boxes, "beta")
    boxes.instances.restart("beta")
    assert status(boxes, "beta") == 200
    wait_until(lambda: not container_of(docker, "beta")["State"]["Running"], "it does not sleep")
    with ThreadPoolExecutor(20) as visitors:
        answers = list(visitors.map(lambda _n: status(boxes, "beta"), range(20)))
    assert answers == [200] * 20
    assert len(containers(docker, "beta-")) == 1
    boxes.instances.set_limits("beta", {})
    boxes.instances.restart("beta")


# ---------------------------------------------------------------- several processor cores


def test_a_plan_with_two_cores_gets_two_workers_and_those_that_end_are_replaced(
    boxes: Engine, docker: DockerEngine, beta: Creation
):
    boxes.instances.set_limits("beta", {"cpus": 2, "memory_mb": 1024})
    boxes.instances.restart("beta")
    assert status(boxes, "beta") == 200
    first = psutil.Process(container_of(docker, "beta")["State"]["Pid"])
    wait_until(lambda: len(first.children()) == 3, "it has not two workers and a process for jobs")
    sized = "2 workers with 4 threads, 12 connections and 384 MB each; 1 processes for jobs"
    assert any(sized in line for line in boxes.runtime.logs("beta", 200))
    wait_until(lambda: activity(boxes, "beta").requests, "their requests are not counted")
    alone = first.memory_full_info().uss
    wait_until(lambda: activity(boxes, "beta").memory_bytes > alone, "the memory of one only is told")
    _cmd, *health = container_of(docker, "beta")["Config"]["Healthcheck"]["Test"]
    assert docker.execute(container_of(docker, "beta")["Id"], *health).exit_code == 0
    before = first.children()
    for child in before:
        child.kill()
    assert status(boxes, "beta") == 200
    wait_until(lambda: len(first.children()) == 3, "they are not replaced")
    assert not set(before) & set(first.children())
    boxes.instances.set_limits("beta", {})
    boxes.instances.restart("beta")


# ---------------------------------------------------------------- neighbours


def test_who_uses_too_much_memory_ends_and_the_neighbour_serves_on(
    boxes: Engine, docker: DockerEngine, acme: Creation, beta: Creation
):
    boxes.instances.set_limits("beta", {"memory_mb": 512})
    boxes.instances.restart("beta")
    assert status(boxes, "beta") == 200
    assert container_of(docker, "beta")["HostConfig"]["Memory"] == 512 * 2**20
    assert run_in(docker, "beta", _HOG).exit_code != 0
    assert status(boxes, "acme") == 200
    assert eventually(lambda: status(boxes, "beta") == 200)
    boxes.instances.set_limits("beta", {})


def test_a_container_reaches_nothing_of_the_machine_or_of_its_neighbour(
    boxes: Engine, docker: DockerEngine, acme: Creation, beta: Creation
):
    assert status(boxes, "acme") == status(boxes, "beta") == 200
    mine, theirs = address_of(docker, "acme"), address_of(docker, "beta")
    port, database = str(boxes.runtime.port), str(boxes.context.cluster.port)
    refused = [
        *((theirs["IPAddress"], "8069"), (theirs["Gateway"], port), (theirs["Gateway"], database)),
        *((mine["Gateway"], port), (mine["Gateway"], database), (mine["Gateway"], "22")),
        *(("127.0.0.1", port), ("127.0.0.1", database), ("169.254.169.254", "80")),
        *(("10.0.0.1", "80"), ("192.168.0.1", "80"), ("172.16.0.1", "80"), ("100.64.0.1", "80")),
    ]
    for host, number in refused:
        ended = run_in(docker, "acme", _CONNECT, host, number)
        assert ended.exit_code == 1, (host, number)
        assert "timed out" not in ended.output, (host, number)


def test_a_container_sees_no_file_of_the_engine_or_of_its_neighbour(
    boxes: Engine, docker: DockerEngine, acme: Creation, beta: Creation
):
    program = "import os, sys; sys.exit(any(map(os.path.exists, sys.argv[1:])))"
    hidden = [
        *("/var/run/docker.sock", str(docker.socket), str(boxes.settings.home), "/root"),
        str(boxes.context.filestores.folder("beta")),
    ]
    assert run_in(docker, "acme", program, *hidden[:3], hidden[4]).exit_code == 0
    assert run_in(docker, "acme", "import os; os.listdir('/root')").exit_code == 1


def test_a_container_reaches_its_own_database_only(boxes: Engine, docker: DockerEngine, acme: Creation):
    program = (
        "import psycopg2, sys; "
        "psycopg2.connect(host='/run/postgresql', port=sys.argv[1], user='acme', dbname=sys.argv[2],"
        " password=sys.argv[3])"
    )
    password, port = boxes.keys.role_password("acme").reveal(), str(boxes.context.cluster.port)
    assert run_in(docker, "acme", program, port, "acme", password).exit_code == 0
    for other in ("beta", "postgres", "tenantry_template_tiny", "template1"):
        ended = run_in(docker, "acme", program, port, other, password)
        assert ended.exit_code == 1
        assert "no pg_hba.conf entry" in ended.output


def test_its_condition_tells_of_engine_image_firewall_and_machine(boxes: Engine, acme: Creation):
    assert status(boxes, "acme") == 200
    found = faults(boxes)
    assert {it for it, fault in found.items() if fault} <= {"Isolation", "Disk"}
    assert {"PostgreSQL", "Tenant server", "Container engine", "Image", "Firewall"} <= set(found)
    capacity = boxes.condition().capacity
    assert capacity.awake >= 1
    assert 0 < capacity.disk_used_bytes < capacity.disk_bytes
    unknown = Engine(boxes.settings.replaced(image="no-such-image:1"))
    assert "no-such-image:1" in str(faults(unknown)["Image"])


def faults(engine: Engine) -> dict[str, TenantryError | None]:
    return {check.subject: check.fault for check in engine.condition().checks}


# ---------------------------------------------------------------- bad input


def test_an_engine_that_does_not_answer_is_said_with_a_remedy(boxes: Engine, tmp_path: Path):
    nowhere = Engine(boxes.settings.replaced(docker_host=f"unix://{tmp_path}/none.sock"))
    with pytest.raises(ContainerEngineFailure, match=r"none\.sock") as caught:
        nowhere.start_tenants()
    assert "TENANTRY_DOCKER_HOST" in caught.value.remedy
    assert isinstance(faults(nowhere)["Container engine"], ContainerEngineFailure)
    assert status(boxes, "acme") == 200
    assert ask(boxes, "acme", "SELECT 1") == [(1,)]
