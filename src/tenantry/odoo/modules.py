"""The modules on an addons path: what there is, and what a wrong name may have meant."""

from __future__ import annotations

import ast
import logging
from collections.abc import Collection, Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from tenantry.model.module import Module

_logger = logging.getLogger(__name__)

_MANIFEST = "__manifest__.py"
_LONGEST = 200
_SUGGESTIONS = 3
_ALIKE = 0.6


def modules_in(folders: Iterable[Path]) -> tuple[Module, ...]:
    """The installable modules, by name; of two with the same name the first folder's, as Odoo takes it.

    A manifest that cannot be read is left out: Odoo could not install that module either.
    """
    found: dict[str, Module] = {}
    for folder in _folders(folders):
        manifest = _manifest(folder) if folder.name not in found else None
        if manifest is not None:
            found[folder.name] = _module(folder.name, manifest)
    return tuple(found[name] for name in sorted(found))


def similar(names: Collection[str], folders: Sequence[Path]) -> tuple[str, ...]:
    """Names of existing modules that these may have meant, such as crm for CRM."""
    there = sorted({folder.name for folder in _folders(folders)})
    close = (get_close_matches(name.lower(), there, _SUGGESTIONS, _ALIKE) for name in names)
    return tuple(dict.fromkeys(match for matches in close for match in matches))[:_SUGGESTIONS]


def _folders(parents: Iterable[Path]) -> Iterator[Path]:
    for parent in parents:
        if parent.is_dir():
            yield from (manifest.parent for manifest in sorted(parent.glob(f"*/{_MANIFEST}")))


def _manifest(folder: Path) -> dict[str, Any] | None:
    """The manifest of an installable module; None for any other."""
    try:
        manifest = ast.literal_eval((folder / _MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError) as error:
        _logger.warning("%s has no readable manifest: %s", folder, error)
        return None
    is_whole = isinstance(manifest, dict) and manifest.get("installable", True)
    return manifest if is_whole else None


def _module(name: str, manifest: dict[str, Any]) -> Module:
    return Module(
        name=name,
        title=_line(manifest.get("name")) or name,
        summary=_line(manifest.get("summary")),
        is_application=bool(manifest.get("application")),
    )


def _line(text: object) -> str:
    return " ".join(text.split())[:_LONGEST] if isinstance(text, str) else ""
