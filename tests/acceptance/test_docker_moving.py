"""A real Odoo moves from processes into a container and back while its users work: nothing is lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.docker_engine import DockerEngine
from tests.support.inventory import orphans
from tests.support.odoo_image import NAME
from tests.support.tenants import ask, create, log_in, status, swept
from tests.support.ticker import ticking
from tests.support.travelling import content_of
from tests.support.waiting import eventually

from tenantry.engine import Engine
from tenantry.engine.moving import confirm, move

BOXES = "boxes"
_PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

pytestmark = pytest.mark.timeout(1200)  # the first run on a machine makes the image, while other tests run


@pytest.fixture(scope="module")
def beside(docker: DockerEngine, engine: Engine, first_port: int) -> Iterator[Engine]:
    """A server of the same installation whose instances run in containers."""
    file = engine.settings.installation.file
    file.write_text(
        f"[servers.{BOXES}]\nbase_domain = '{BOXES}.localhost'\nhttp_port = {first_port + 20}\n"
        f"runtime = 'docker'\ndocker_host = '{docker.url}'\nimage = '{NAME}'\n"
        f"container_networks = '{docker.pool}'\n"
    )
    found = Engine(engine.settings, report=print).at(BOXES)
    try:
        found.start_postgres()
        found.start_tenants()
        with swept(engine), swept(found):
            yield found
    finally:
        found.stop()
        file.unlink()
        shutil.rmtree(Path(found.settings.home), ignore_errors=True)


def containers(docker: DockerEngine) -> list[str]:
    return [one["Names"][0] for one in docker.ask("GET", "/containers/json", all="true")]


def test_an_instance_moves_into_a_container_and_back_while_its_users_work(
    engine: Engine, beside: Engine, docker: DockerEngine
):
    creation = create(engine)
    user = log_in(engine, creation)
    user.call("res.partner", "create", [{"name": "Zoë", "image_1920": _PICTURE}])
    checksums = "SELECT id, checksum, store_fname FROM ir_attachment ORDER BY id"
    with ticking(engine, creation) as ticker:
        move(engine, beside, "acme")
    assert (ticker.failures, ticker.lost(beside)) == ([], [])
    assert any(name.startswith("/acme-") for name in containers(docker))
    assert set(ask(engine, "acme", checksums)) <= set(ask(beside, "acme", checksums))
    assert content_of(engine).items() <= content_of(beside).items()
    found = user.call("res.partner", "search_read", [["name", "=", "Zoë"]], ["image_1920"])
    assert found[0]["image_1920"] == _PICTURE
    with ticking(engine, creation) as back:
        move(beside, engine, "acme")
    assert (back.failures, back.lost(engine), ticker.lost(engine)) == ([], [], [])
    assert user.call("res.partner", "search_count", [["name", "=", "Zoë"]]) == 1
    confirm(beside, "acme")
    assert eventually(lambda: not any(name.startswith("/acme-") for name in containers(docker)))
    assert status(beside, "acme") == 200
    assert orphans(engine.context) == orphans(beside.context) == []
