"""The mutants: each is a line broken on purpose, with the tests that must fail then."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
_FOLDER = Path(__file__).parent / "table"
_FAST = "tests/unit/"


@dataclass(frozen=True)
class Mutant:
    """One change. old: occurs exactly once in the file; tests: pytest's ids, of which one must fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def is_fast(self) -> bool:
        """Whether all its tests are unit tests, which need only Python."""
        return all(test.startswith(_FAST) for test in self.tests)

    def objection(self, root: Path = ROOT) -> str:
        """The reason why it does not fit this tree any more; "" if it fits."""
        file = root / self.file
        found = file.read_text(encoding="utf-8").count(self.old) if file.is_file() else 0
        if found != 1:
            return f"{self.name}: {self.old!r} is {found} times in {self.file}"
        missing = [test for test in self.tests if not _is_there(root, test)]
        return f"{self.name}: there is no {', '.join(missing)}" if missing else ""

    def apply(self, root: Path) -> None:
        file = root / self.file
        file.write_text(file.read_text(encoding="utf-8").replace(self.old, self.new), encoding="utf-8")


def mutants() -> list[Mutant]:
    """The mutants of every file in the folder `table`, sorted by file."""
    return list(_read())


def _read() -> Iterator[Mutant]:
    for file in sorted(_FOLDER.glob("*.toml")):
        for row in tomllib.loads(file.read_text(encoding="utf-8"))["mutant"]:
            yield Mutant(**{**row, "tests": tuple(row["tests"])})


def _is_there(root: Path, test: str) -> bool:
    file, _, name = test.partition("::")
    path, function = root / file, name.partition("[")[0]
    return path.is_file() and (not name or f"def {function}(" in path.read_text(encoding="utf-8"))
