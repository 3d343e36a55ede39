"""How the addons are laid out: who imports the engine, and what a file may hold."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.pages import ROOT

ADDONS = ROOT / "addons"
GATEWAY = ADDONS / "master" / "saas_manager" / "gateway"
FILES = [file for file in sorted(ADDONS.rglob("*.py")) if "tests" not in file.relative_to(ADDONS).parts]
HTTP_ERRORS = {"ApiError", "HTTPException"}
HTTP_MODULES = {"fastapi.exceptions", "starlette.exceptions", "werkzeug.exceptions"}


def test_the_gateway_alone_imports_the_engine() -> None:
    assert len(FILES) > 100
    found = {file.relative_to(ADDONS).as_posix() for file in FILES if "tenantry" in _packages(_tree(file))}
    engines = {file.relative_to(ADDONS).as_posix() for file in GATEWAY.glob("*.py")}
    assert found
    assert found - engines == set()


@pytest.mark.parametrize(
    "line", ["import tenantry.errors", "import tenantry as engine", "from tenantry.model import names"]
)
def test_each_kind_of_import_is_seen(line: str) -> None:
    assert _packages(ast.parse(f"def later():\n    {line}")) == {"tenantry"}


def test_no_two_files_of_an_addon_have_the_same_method_of_a_model() -> None:
    methods = Counter(
        (addon.name, model, method.name)
        for addon in ADDONS.glob("*/*")
        for file in addon.glob("models/*.py")
        for model, body in _models(_tree(file))
        for method in body
        if isinstance(method, ast.FunctionDef)
    )
    assert len(methods) > 500
    assert [method for method, count in methods.items() if count > 1] == []


def test_models_raise_no_errors_of_http() -> None:
    models = [file for file in FILES if file.parent.name == "models"]
    assert len(models) > 50
    assert not [file for file in models if HTTP_ERRORS & set(_raised(_tree(file)))]
    assert not [file for file in models if HTTP_MODULES & set(_imported(_tree(file)))]


def _raised(tree: ast.Module) -> Iterator[str]:
    """The names of what is raised."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) and node.exc:
            error = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
            yield error.attr if isinstance(error, ast.Attribute) else getattr(error, "id", "")


def _tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def _packages(tree: ast.AST) -> set[str]:
    return {name.partition(".")[0] for name in _imported(tree)}


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module or ""


def _models(tree: ast.Module) -> Iterator[tuple[str, list[ast.stmt]]]:
    """The name of the model that each class makes or extends, and what the class has."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            found = {
                target.id: ast.literal_eval(line.value)
                for line in node.body
                if isinstance(line, ast.Assign)
                for target in line.targets
                if isinstance(target, ast.Name) and target.id in {"_name", "_inherit"}
            }
            if found:
                yield found.get("_name") or found["_inherit"], node.body
