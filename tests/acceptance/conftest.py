"""A user of the command on a machine that has only the command and a connection to a real master."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.api_client import make_keys, set_hourly_limit
from tests.support.back_office import BackOffice
from tests.support.remote_cli import RemoteCli

from tenantry.engine import Engine


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
