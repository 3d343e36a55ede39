"""What our addon has in each tenant's database. New versions do not change existing databases, only code."""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterator
from pathlib import Path

ADDON = Path(__file__).parents[2] / "addons" / "tenant" / "saas_tenant"

IN_EVERY_DATABASE = {
    "SaasTenantAccess.address",
    "SaasTenantAccess.date",
    "SaasTenantAccess.ends_at",
    "SaasTenantAccess.kind",
    "SaasTenantAccess.operator",
    "SaasTenantAccess.serial",
    "SaasTenantAccess.user_id",
    "login_page",
    "res_config_settings_view_form",
    "saas_tenant_access_action",
    "saas_tenant_access_menu",
    "saas_tenant_access_menu_technical",
    "saas_tenant_access_system",
    "saas_tenant_access_view_list",
    "saas_tenant_access_view_search",
}
MISSING_IN_OLDER_ONES = {"login_layout", "password_page"}
"""The code looks whether they are there, or only views that are as new use them."""

_ID = re.compile(r'<(?:record|template|menuitem)\s[^>]*?\bid="([^"]+)"')


def columns() -> Iterator[str]:
    """The stored fields of the models, but for those of dialogues."""
    models = [it for file in ADDON.glob("models/*.py") for it in ast.parse(file.read_text()).body]
    for model in models:
        if isinstance(model, ast.ClassDef) and "TransientModel" not in map(_last_name, model.bases):
            values = {ast.unparse(it.targets[0]): it.value for it in model.body if isinstance(it, ast.Assign)}
            for name, value in values.items():
                how = ast.unparse(value)
                if how.startswith("fields.") and "compute=" not in how:
                    yield f"{model.name}.{name}"


def _last_name(base: ast.expr) -> str:
    return ast.unparse(base).rpartition(".")[2]


def records() -> Iterator[str]:
    for name in ast.literal_eval((ADDON / "__manifest__.py").read_text())["data"]:
        text = (ADDON / name).read_text()
        if name.endswith(".csv"):
            yield from (row["id"] for row in csv.DictReader(text.splitlines()))
        else:
            yield from _ID.findall(text)


def test_code_needs_nothing_that_older_databases_lack() -> None:
    found = {*columns(), *records()}
    new = found - IN_EVERY_DATABASE - MISSING_IN_OLDER_ONES
    assert not new, f"Existing instances do not get {new}: the code must do without (docs/howto/upgrading.md)"
    assert found == IN_EVERY_DATABASE | MISSING_IN_OLDER_ONES
