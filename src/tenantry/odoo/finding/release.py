"""Read Odoo's version from its `odoo/release.py` without importing Odoo."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tenantry.odoo.finding.candidate import Passed

_LEVEL_SUFFIX = {"alpha": "a", "beta": "b", "candidate": "rc", "final": ""}


@dataclass(frozen=True)
class Release:
    """`series` is "19.0" or "saas~18.4"; `version` adds the level or the nightly's date."""

    series: str
    version: str


def read_release(source: Path) -> Release:
    """Read the release of the Odoo in `source`. Raises Passed if it cannot be read."""
    file = source / "odoo" / "release.py"
    try:
        constants = _constants(file.read_text(encoding="utf-8"))
        major, minor, _, level, serial, extra = constants["version_info"]
    except OSError as error:
        raise Passed(f"{file} cannot be read") from error
    except (SyntaxError, KeyError, TypeError, ValueError) as error:
        raise Passed(f"{file} names no version_info") from error
    series = f"{major}.{minor}"
    computed = f"{series}{_LEVEL_SUFFIX.get(level, '')}{serial or ''}{extra}"
    # Nightly packages replace `version` by a string with their date.
    return Release(series, constants.get("version") or computed)


def _constants(text: str) -> dict[str, Any]:
    known: dict[str, Any] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign):
            value = _value(node.value, known)
            for target in node.targets:
                _bind(target, value, known)
    return known


def _value(node: ast.expr, known: dict[str, Any]) -> Any:
    """The value of a constant, a known name or a sequence of these; None for any other expression."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(_value(element, known) for element in node.elts)
    return None


def _bind(target: ast.expr, value: Any, known: dict[str, Any]) -> None:
    if isinstance(target, ast.Name):
        known[target.id] = value
    elif isinstance(target, ast.Tuple | ast.List) and isinstance(value, tuple):
        for element, part in zip(target.elts, value, strict=False):
            _bind(element, part, known)
