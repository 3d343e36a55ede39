"""The modules on an addons path, and what a wrong name may have meant."""

from __future__ import annotations

from pathlib import Path

from tenantry.errors import ModuleNotFound
from tenantry.model.module import Module
from tenantry.odoo.modules import modules_in, similar


def _addon(parent: Path, name: str, manifest: str) -> Path:
    (parent / name).mkdir(parents=True)
    (parent / name / "__manifest__.py").write_text(manifest)
    return parent


def test_modules_are_described_by_their_manifests(tmp_path: Path) -> None:
    _addon(tmp_path, "crm", '{"name": "CRM", "summary": "Track\\n  leads", "application": True}')
    _addon(tmp_path, "web", "{}")
    found = modules_in([tmp_path])
    assert found == (Module("crm", "CRM", "Track leads", is_application=True), Module("web", "web"))


def test_what_cannot_be_installed_is_left_out(tmp_path: Path) -> None:
    _addon(tmp_path, "old", '{"name": "Old", "installable": False}')
    _addon(tmp_path, "broken", "{")
    _addon(tmp_path, "running", "__import__('os').abort()")
    _addon(tmp_path, "listed", "[1]")
    (tmp_path / "no_addon").mkdir()
    assert modules_in([tmp_path, tmp_path / "missing"]) == ()


def test_the_first_of_two_modules_with_the_same_name_counts(tmp_path: Path) -> None:
    first = _addon(tmp_path / "a", "crm", '{"name": "First"}')
    second = _addon(tmp_path / "b", "crm", '{"name": "Second"}')
    assert [module.title for module in modules_in([first, second])] == ["First"]


def test_a_wrong_name_suggests_what_was_meant(tmp_path: Path) -> None:
    for name in ("crm", "crm_iap", "sale_management", "stock"):
        _addon(tmp_path, name, "{}")
    assert similar(["CRM"], [tmp_path])[0] == "crm"
    assert similar(["sale_managment"], [tmp_path]) == ("sale_management",)
    assert similar(["zzz"], [tmp_path]) == ()


def test_the_refusal_asks_what_was_meant_and_names_no_folder(tmp_path: Path) -> None:
    error = ModuleNotFound(["crmm"], [tmp_path], ["crm"])
    assert "Did you mean crm?" in error.remedy
    assert str(tmp_path) not in f"{error} {error.remedy}"
    assert error.addons_path == (tmp_path,)
