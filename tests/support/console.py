"""Run the commands of a page of the documentation as printed, in one shell for each page.

The rules are in `docs/README.md`: a command stands after `$ `; below it, some of what it prints, in its
order. Where the page has `...` anything may be printed, and figures may differ.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from tests.support.pages import Fence

_MARK = "@@ ended with "
_COMMENT = re.compile(r"\s+#\s.*$")
_FIGURE = re.compile(r"\d+(?:\.\d+)?")
_TAKEN = {
    "REQUEST": r"([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})",
    "INSTANCE_ID": r'"instanceId": ?"([^"]+)"',
}
"""Placeholders in pages for names that an earlier command prints, with patterns to find them."""


@dataclass
class Shell:
    """One bash. replaced: texts of a page that a test must replace, in both directions."""

    folder: Path
    environment: Mapping[str, str]
    replaced: Mapping[str, str]
    printed: list[str] = field(default_factory=list)
    bash: subprocess.Popen[str] = field(init=False)

    def __enter__(self) -> Self:
        self.bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=self.folder,
            env=dict(self.environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        return self

    def __exit__(self, *_: object) -> None:
        with self.bash:
            self.bash.kill()

    def do(self, fence: Fence) -> None:
        """Run a whole block. Raises AssertionError when the output is not as printed."""
        if fence.language == "python":
            (self.folder / "block.py").write_text(self._as_here(fence.text))
            self._do(f"{sys.executable} block.py", [], "", str(fence))
        else:
            for command, shown in fence.commands:
                here = self._as_here(f"$ {_COMMENT.sub('', command)}").removeprefix("$ ")
                self._do(here, shown, fence.notes.get("typed", ""), str(fence))

    def _do(self, command: str, shown: Sequence[str], typed: str, where: str) -> None:
        status, printed = self._run(command, typed)
        assert status == 0, f"{where}: {command} ended with {status}: {printed}"
        missing = missing_line([self._as_here(line) for line in shown], printed)
        assert missing is None, f"{where}: {command} did not print {missing!r} but {printed}"
        self.printed.append(printed)

    def _run(self, command: str, typed: str) -> tuple[int, str]:
        (self.folder / "typed").write_text(f"{typed}\n" if typed else "")
        assert self.bash.stdin
        assert self.bash.stdout
        self.bash.stdin.write(f"{{ {command}\n}} < {self.folder}/typed\nprintf '\\n%s%s\\n' '{_MARK}' $?\n")
        self.bash.stdin.flush()
        lines = []
        for line in self.bash.stdout:
            if line.startswith(_MARK):
                return int(line.removeprefix(_MARK)), "".join(lines)
            lines.append(line)
        raise AssertionError(f"the shell ended at {command}: {''.join(lines)}")

    def _as_here(self, text: str) -> str:
        for theirs, ours in self.replaced.items():
            text = text.replace(theirs, ours)
        for name, pattern in _TAKEN.items():
            found = next(filter(None, (re.search(pattern, told) for told in self.printed[::-1])), None)
            text = re.sub(rf"\b{name}\b", found[1], text) if found else text
        return text


def missing_line(shown: Sequence[str], printed: str) -> str | None:
    """The first line of the page that was not printed after the one before it."""
    lines = iter(printed.splitlines())
    for line in shown:
        wanted = ".*".join(map(re.escape, _even(line).split("...")))
        if not any(re.fullmatch(wanted, _even(one)) for one in lines):
            return line
    return None


def _even(line: str) -> str:
    return " ".join(_FIGURE.sub("0", line).split())
