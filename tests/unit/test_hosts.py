"""The hosts folder has exactly one marker for each host."""

from __future__ import annotations

import re
import socket
from importlib import resources
from pathlib import Path

import pytest

from tenantry.edge.pages import write_pages
from tenantry.runtimes.tenant_server import HEALTH_PATH
from tenantry.spawner.hosts import MARKERS, SERVED, SOCKET, SUFFIXES, Hosts, known_hosts

HOST = "acme.example.com"


@pytest.fixture
def hosts(tmp_path: Path) -> Hosts:
    return Hosts(tmp_path / "hosts")


def said_of(hosts: Hosts, host: str = HOST) -> set[str]:
    return {file.name.removeprefix(host) for file in hosts.folder.iterdir() if file.name.startswith(host)}


def reaches(hosts: Hosts, listener: socket.socket, host: str = HOST) -> bool:
    with socket.socket(socket.AF_UNIX) as visitor:
        visitor.settimeout(1)
        visitor.connect(str(hosts.folder / (host + SOCKET)))
        listener.setblocking(True)
        served, _address = listener.accept()
        served.close()
    return True


def test_a_served_host_has_a_socket_of_its_listener(hosts: Hosts):
    listener, is_known = hosts.listen(HOST)
    assert (said_of(hosts), is_known) == ({SOCKET, SERVED}, False)
    assert reaches(hosts, listener)
    listener.close()


@pytest.mark.parametrize("marker", [marker for marker in MARKERS if marker != SERVED])
def test_a_host_that_is_blocked_has_no_socket(hosts: Hosts, marker: str):
    listener, _is_known = hosts.listen(HOST)
    hosts.mark(HOST, marker)
    assert said_of(hosts) == {marker}
    listener.close()


def test_a_further_host_leads_to_the_same_listener(hosts: Hosts):
    listener, _is_known = hosts.listen(HOST)
    hosts.link("shop.acme.example", HOST)
    assert reaches(hosts, listener, "shop.acme.example")
    hosts.forget("shop.acme.example")
    assert said_of(hosts, "shop.acme.example") == set()
    assert said_of(hosts) == {SOCKET, SERVED}
    listener.close()


def test_files_of_unknown_hosts_from_a_previous_spawner_are_removed(hosts: Hosts):
    listener, _is_known = hosts.listen(HOST)
    other, _is_known = hosts.listen("gone.example.com")
    hosts.keep_only({HOST})
    assert said_of(hosts) == {SOCKET, SERVED}
    assert said_of(hosts, "gone.example.com") == set()
    for it in (listener, other):
        it.close()


def test_the_front_looks_for_each_marker_and_has_its_page(tmp_path: Path):
    front = (resources.files("tenantry.edge") / "Caddyfile").read_text(encoding="utf-8")
    assert set(re.findall(r"\{re\.host\.1\}(\.\w+)", front)) == {SOCKET, *MARKERS}
    told = re.findall(r"import not_served (\w+)", front)
    assert {f".{marker}" for marker in told} == set(MARKERS) - {SERVED}
    write_pages(tmp_path)
    assert all((tmp_path / f"{marker}.json").is_file() for marker in told)
    assert f"respond {HEALTH_PATH} " in front


def test_all_hosts_that_have_a_file_are_known(hosts: Hosts):
    hosts.listen(HOST)[0].close()
    hosts.link("shop.example", HOST)
    hosts.mark("late.localhost", MARKERS[1])
    (hosts.folder / ".new").touch()
    assert known_hosts(hosts.folder) == {HOST, "shop.example", "late.localhost"}
    assert known_hosts(hosts.folder / "none") == set()
    assert {SOCKET, *MARKERS} == set(SUFFIXES)
