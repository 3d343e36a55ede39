"""A server's condition: each check with its remedy, and what its machine has."""

from __future__ import annotations

from collections import namedtuple
from contextlib import nullcontext
from pathlib import Path
from unittest.mock import MagicMock, Mock, patch

import pytest

from tenantry.agent.wire import from_line, to_line
from tenantry.engine.condition import condition_of
from tenantry.errors import (
    ContainerEngineFailure,
    DiskNearlyFull,
    ImageOfOtherSeries,
    PostgresUnreachable,
    TenantryError,
)
from tenantry.model.server import Capacity, Check, Condition, Health
from tenantry.runtimes import machine
from tenantry.runtimes.docker import DockerRuntime
from tenantry.runtimes.docker_host import DockerHost
from tenantry.settings import ServerSettings

_Disk = namedtuple("_Disk", "used free percent")
GB = 2**30


def runtime(**answers: object) -> Mock:
    """A runtime in order, but for these answers."""
    usual = {"is_answering": True, "protections": {"a wall": ""}, "checks": [], "capacity": Capacity()}
    made = Mock(**{f"{name}.return_value": value for name, value in (usual | answers).items()})
    made.configure_mock(port=8069)
    return made


def version() -> str:
    return "PostgreSQL 15.8"


def unreachable() -> str:
    raise PostgresUnreachable("here", "refused")


def faults(condition: Condition) -> dict[str, TenantryError | None]:
    return {check.subject: check.fault for check in condition.checks}


def test_a_server_in_order_has_no_fault() -> None:
    found = condition_of(
        "local", runtime(capacity=Capacity(disk_bytes=100 * GB, disk_used_bytes=GB)), version
    )
    assert faults(found) == dict.fromkeys(("PostgreSQL", "Tenant server", "Isolation", "Disk"))
    assert [check.detail for check in found.checks] == ["PostgreSQL 15.8", "8069", "a wall", "1 / 100 GB"]


def test_what_needs_postgresql_is_not_asked_without_it() -> None:
    without = runtime()
    found = faults(condition_of("local", without, unreachable))
    assert list(found) == ["PostgreSQL"]
    assert isinstance(found["PostgreSQL"], PostgresUnreachable)
    without.is_answering.assert_not_called()


def test_a_silent_tenant_server_is_told_with_the_command_that_starts_it() -> None:
    found = faults(condition_of("boxes", runtime(is_answering=False), version))
    assert list(found) == ["PostgreSQL", "Tenant server"]
    assert "tenantry --server boxes up" in getattr(found["Tenant server"], "remedy", "")


def test_what_the_runtime_needs_is_told_even_when_postgresql_is_down() -> None:
    engine = Check("Container engine", fault=ContainerEngineFailure("unix:///x", "odoo:19.0", "no socket"))
    assert "Container engine" in faults(condition_of("local", runtime(checks=[engine]), unreachable))


def test_missing_protections_are_told_and_do_not_make_a_server_unhealthy() -> None:
    found = condition_of("local", runtime(protections={"a wall": "", "a moat": "no water"}), version)
    (isolation,) = (check for check in found.checks if check.subject == "Isolation")
    assert "a moat: no water" in str(isolation.fault)
    assert "a wall" not in str(isolation.fault)
    assert isolation.gravity is Health.HEALTHY


@pytest.mark.parametrize(("used_percent", "is_full"), [(90, False), (90.5, True), (100, True)])
def test_a_disk_is_nearly_full_when_less_than_a_tenth_is_free(used_percent: float, is_full: bool) -> None:
    capacity = Capacity(disk_bytes=1000, disk_used_bytes=int(10 * used_percent), disk_folder="/srv")
    (disk,) = (
        it for it in condition_of("x", runtime(capacity=capacity), version).checks if it.subject == "Disk"
    )
    assert isinstance(disk.fault, DiskNearlyFull) is is_full
    assert disk.gravity is Health.WARNING


def test_the_fullest_disk_counts() -> None:
    disks = {"/home": _Disk(1 * GB, 9 * GB, 10.0), "/docker": _Disk(9 * GB, 1 * GB, 90.0)}
    with patch("psutil.disk_usage", disks.__getitem__):
        found = machine.machine_capacity([Path("/home"), Path("/docker")], awake=2)
    assert (found.disk_folder, found.disk_used_bytes, found.disk_bytes) == ("/docker", 9 * GB, 10 * GB)
    assert found.awake == 2
    assert 0 < found.memory_used_bytes < found.memory_bytes
    assert found.cpus >= 1


def test_a_condition_arrives_with_its_faults() -> None:
    fault = ContainerEngineFailure("unix:///x", "odoo:19.0", "no socket")
    told = Condition((Check("Image", fault=fault), Check("Disk", gravity=Health.WARNING)), Capacity(awake=2))
    found = from_line(to_line({"result": told}))["result"]
    assert (found.capacity, found.checks[1]) == (told.capacity, told.checks[1])
    assert found.checks[0].fault.remedy == fault.remedy


@pytest.fixture
def boxes(tmp_path: Path) -> DockerRuntime:
    nowhere = f"unix://{tmp_path}/none.sock"
    return DockerRuntime(ServerSettings.at(tmp_path, tmp_path, docker_host=nowhere), Mock(), Mock())


def fault_of_image(boxes: DockerRuntime, variables: list[str] | None) -> TenantryError | None:
    engine = MagicMock()
    engine.inspect_image.return_value = {"Config": {"Env": variables}}
    with (
        patch.object(DockerHost, "opened", lambda *_: nullcontext(engine)),
        patch.object(DockerRuntime, "_firewall", Mock(obstacle="there is no iptables")),
    ):
        return {check.subject: check for check in boxes.checks()}["Image"].fault


def test_an_image_that_says_that_it_is_of_another_series_is_told(boxes: DockerRuntime) -> None:
    assert isinstance(fault_of_image(boxes, ["PATH=/bin", "ODOO_VERSION=18.0"]), ImageOfOtherSeries)
    for variables in (["ODOO_VERSION=19.0"], ["PATH=/bin", "BARE"], None):
        assert fault_of_image(boxes, variables) is None


def test_a_missing_firewall_is_told_with_the_command_that_sets_it(boxes: DockerRuntime) -> None:
    with patch.object(DockerRuntime, "_firewall", Mock(obstacle="there is no iptables")):
        found = {check.subject: check.fault for check in boxes.checks()}
    assert "there is no iptables" in str(found["Firewall"])
    assert isinstance(found["Container engine"], ContainerEngineFailure)
