"""A copy of the source tree that can be broken, with a Python that runs it and what it starts."""

from __future__ import annotations

import shutil
import subprocess
import sysconfig
import tempfile
import venv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.table import ROOT, Mutant

_COMMAND = "#!{python}\nfrom tenantry.cli.entry import main\n\nmain()\n"


@dataclass(frozen=True)
class Copy:
    """A Python with the tree at `folder`; all other packages come from this environment."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / ".venv" / "bin" / "python"

    @contextmanager
    def broken_by(self, mutant: Mutant) -> Iterator[None]:
        whole = (self.folder / mutant.file).read_bytes()
        mutant.apply(self.folder)
        self._forget_compiled(mutant)
        try:
            yield
        finally:
            (self.folder / mutant.file).write_bytes(whole)
            self._forget_compiled(mutant)

    def pytest(self, tests: Sequence[str], timeout_s: int) -> subprocess.CompletedProcess[str]:
        """Run tests up to the first one that fails or exceeds the timeout: a mutant may run for ever."""
        options = ["-q", "-x", "-p", "no:cacheprovider", f"--timeout={timeout_s}"]
        command = [str(self.python), "-m", "pytest", *options, *tests]
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)

    def _forget_compiled(self, mutant: Mutant) -> None:
        """Python detects a changed file by its size and second, which may stay the same."""
        shutil.rmtree((self.folder / mutant.file).parent / "__pycache__", ignore_errors=True)


@contextmanager
def copied_tree() -> Iterator[Copy]:
    """A copy of all files that git would commit, as they are now; removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="tenantry-mutants-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL runs as a user of its own
        for file in _files():
            target = folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / file, target, follow_symlinks=False)
        copy = Copy(folder)
        _make_python(copy)
        yield copy


def _files() -> list[str]:
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True)
    return [file for file in found.stdout.splitlines() if (ROOT / file).is_file()]


def _make_python(copy: Copy) -> None:
    """The environment finds the copy first from any folder; programs of the engine inherit no PYTHONPATH."""
    venv.create(copy.folder / ".venv", symlinks=True)
    (site,) = (copy.folder / ".venv").glob("lib/python*/site-packages")
    ours = sysconfig.get_path("purelib")
    (site / "mutants.pth").write_text(f"{copy.folder / 'src'}\n{ours}\n")
    command = copy.python.with_name("tenantry")
    command.write_text(_COMMAND.format(python=copy.python))
    command.chmod(0o755)
