"""Each role sees its own addons of ours, and no other's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import tenantry
from tenantry.odoo.own_addons import master_addons, tenant_addons
from tenantry.settings import ServerSettings


@pytest.fixture
def settings(tmp_path: Path) -> ServerSettings:
    return ServerSettings.at(tmp_path, tmp_path)


def seen(folder: Path) -> set[str]:
    return {addon.name for addon in folder.iterdir() if (addon / "__manifest__.py").is_file()}


def test_tenants_see_the_addons_of_their_own_process_only(settings: ServerSettings):
    assert seen(tenant_addons(settings)) == {"saas_process", "saas_tenant"}


def test_the_master_sees_the_back_office_only(settings: ServerSettings):
    addons = seen(master_addons(settings))
    assert "saas_manager" in addons
    assert all(name.startswith("saas_manager") for name in addons)


def test_an_addon_that_is_gone_or_moved_is_put_right_at_the_next_start(
    settings: ServerSettings, tmp_path: Path
):
    folder = tenant_addons(settings)
    (folder / "saas_gone").symlink_to(tmp_path / "gone")
    (folder / "saas_process").unlink()
    (folder / "saas_process").symlink_to(tmp_path / "where it was before")
    assert seen(tenant_addons(settings)) == {"saas_process", "saas_tenant"}
    assert {link.name for link in folder.iterdir()} == {"saas_process", "saas_tenant", "saas_agreed.py"}


def test_what_python_compiles_beside_the_links_stands_in_nobodys_way(settings: ServerSettings):
    """Without a view a zygote can write there."""
    folder = tenant_addons(settings)
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "saas_agreed.cpython-311.pyc").touch()
    assert tenant_addons(settings) == folder


def test_the_links_lead_to_the_files_themselves_also_from_the_master_which_has_the_package_by_a_link(
    tmp_path: Path,
):
    """A tenant sees the files, and not the master's links."""
    package = Path(tenantry.__file__).parent
    (tmp_path / "python").mkdir()
    (tmp_path / "python" / "tenantry").symlink_to(package)
    program = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1] + "/python")
from tenantry.odoo.own_addons import tenant_addons
from tenantry.settings import ServerSettings
home = Path(sys.argv[1])
print((tenant_addons(ServerSettings.at(home, home)) / "saas_agreed.py").readlink())
"""
    done = subprocess.run(
        [sys.executable, "-c", program, tmp_path], capture_output=True, text=True, check=True
    )
    assert Path(done.stdout.strip()) == (package / "agreed.py").resolve()
