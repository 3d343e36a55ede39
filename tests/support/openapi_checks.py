"""Check an OpenAPI document with public tools: two linters, and a validator in JavaScript."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support import npm

_FOLDER = Path(__file__).with_name("openapi")


@dataclass(frozen=True)
class Checks:
    """packages: the folder of the locked npm packages. document: the file."""

    packages: Path
    document: Path

    def redocly(self) -> str:
        """Redocly's complaints, "" for none."""
        return self._complaints("redocly", "lint", "--config", _FOLDER / "redocly.yaml", self.document)

    def spectral(self) -> str:
        """Spectral's complaints, down to its hints; "" for none."""
        ruleset = ["--ruleset", _FOLDER / "spectral.yaml"]
        return self._complaints("spectral", "lint", "--fail-severity=hint", *ruleset, self.document)

    def ajv(self, schema: str, body: Any) -> list[dict[str, Any]]:
        """AJV's errors for a body. schema: its name in the document."""
        script = self.packages / "validate.mjs"
        done = self._run("node", script, self.document, schema, stdin=json.dumps(body))
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout) or []

    def _complaints(self, program: str, *arguments: str | Path) -> str:
        done = self._run(self.packages / "node_modules" / ".bin" / program, *arguments)
        return f"{done.stdout}\n{done.stderr}" if done.returncode else ""

    def _run(self, *command: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(part) for part in command],
            cwd=self.packages,
            env={**npm.environment(), "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


def checks(document: dict[str, Any], folder: Path, cache: Path) -> Checks:
    """Write the document into the folder; return its checks. cache: the folder of npm's packages."""
    file = folder / "openapi.json"
    file.write_text(json.dumps(document))
    packages = npm.installed(_FOLDER, cache / "test-npm")
    (packages / "validate.mjs").write_bytes((_FOLDER / "validate.mjs").read_bytes())
    return Checks(packages, file)
