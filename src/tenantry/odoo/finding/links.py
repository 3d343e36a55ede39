"""Repair symbolic links whose target files were moved."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

from tenantry.errors import DanglingLinks

_FilesByName = Mapping[str, list[Path]]


def repair_links(root: Path) -> list[Path]:
    """Point each broken link at the file that replaces its target; return the repaired links.

    The replacement is a file with the same name elsewhere in `root`, or with the name
    `<stem>-Regular<suffix>` (fonts that were split by weight). Raises DanglingLinks for links without one.
    """
    broken = sorted(link for link in _links(root) if _is_broken(link))
    files = _files_by_name(root) if broken else {}
    replacements = {link: _replacement(link, files) for link in broken}
    lost = [link for link, target in replacements.items() if target is None]
    if lost:
        raise DanglingLinks(root, lost)
    for link, target in replacements.items():
        link.unlink()
        link.symlink_to(os.path.relpath(str(target), link.parent))
    return broken


def _is_broken(link: Path) -> bool:
    """Whether the target is missing, or absolute: that is a file of the machine, not of the package."""
    return link.readlink().is_absolute() or not link.exists()


def _replacement(link: Path, files: _FilesByName) -> Path | None:
    target = link.readlink()
    choices = files.get(target.name) or files.get(f"{target.stem}-Regular{target.suffix}") or []
    return max(choices, key=lambda file: len({*file.parts} & {*target.parts}), default=None)


def _files_by_name(root: Path) -> _FilesByName:
    found = defaultdict(list)
    for path in sorted(_walk(root)):
        if not path.is_symlink():
            found[path.name].append(path)
    return found


def _links(root: Path) -> Iterator[Path]:
    return (path for path in _walk(root) if path.is_symlink())


def _walk(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        yield from (Path(folder, name) for name in (*folders, *files))
