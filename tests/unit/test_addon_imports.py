"""In the addons, the gateway alone imports the engine."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.pages import ROOT

ADDONS = ROOT / "addons"
GATEWAY = ADDONS / "master" / "saas_manager" / "gateway"
FILES = [file for file in sorted(ADDONS.rglob("*.py")) if "tests" not in file.relative_to(ADDONS).parts]


def test_the_gateway_alone_imports_the_engine() -> None:
    assert len(FILES) > 100
    found = {file.relative_to(ADDONS).as_posix() for file in FILES if "tenantry" in _packages(file)}
    engines = {file.relative_to(ADDONS).as_posix() for file in GATEWAY.glob("*.py")}
    assert found
    assert found - engines == set()


def _packages(file: Path) -> set[str]:
    return {name.partition(".")[0] for name in _imported(ast.parse(file.read_text(encoding="utf-8")))}


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


@pytest.mark.parametrize(
    "line", ["import tenantry.errors", "import tenantry as engine", "from tenantry.model import names"]
)
def test_each_kind_of_import_is_seen(line: str) -> None:
    tree = ast.parse(f"def later():\n    {line}")
    assert {name.partition(".")[0] for name in _imported(tree)} == {"tenantry"}
