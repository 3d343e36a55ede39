"""Which of our addons a tenant server or a build can load."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tenantry.odoo.own_addons import source, tenant_addons
from tenantry.settings import Settings


def test_a_tenant_server_sees_the_router_and_the_tenants_module_and_not_the_back_office(tmp_path: Path):
    folder = tenant_addons(settings(tmp_path))
    assert sorted(entry.name for entry in folder.iterdir()) == ["saas_router", "saas_tenant"]
    for entry in folder.iterdir():
        assert (entry / "__manifest__.py").samefile(source(entry.name) / "__manifest__.py")


def test_a_link_that_leads_elsewhere_is_mended_and_a_right_one_stays(tmp_path: Path):
    folder = tenant_addons(settings(tmp_path))
    (folder / "saas_router").unlink()
    (folder / "saas_router").symlink_to(tmp_path / "an-older-place")
    kept = (folder / "saas_tenant").lstat()
    tenant_addons(settings(tmp_path))
    assert (folder / "saas_router" / "__manifest__.py").exists()
    assert (folder / "saas_tenant").lstat() == kept


def settings(home: Path) -> Settings:
    return replace(Settings.from_environment({}), home=home)
