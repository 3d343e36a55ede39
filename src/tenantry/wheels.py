"""Install Python packages from a lock file: pip checks the hash of each file before it installs any."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

from tenantry.errors import DamagedDownload, ProgramFailed
from tenantry.process import run

_OPTIONS = ("--quiet", "--no-input", "--disable-pip-version-check", "--require-hashes")
_MISMATCH = re.compile(r"DO NOT MATCH THE HASHES[^\n]*\n\S*\s+(\S+) from ")


def install(python: Path, lock: str, *options: object, timeout_s: float) -> None:
    """Install the packages of a lock. lock: its text, with hashes. options: of pip, such as --target.

    Raises DamagedDownload when the hash of a file is wrong, ProgramFailed, ProgramTimeout.
    """
    with tempfile.TemporaryDirectory(prefix="tenantry-wheels-") as folder:
        requirements, log = Path(folder, "requirements.lock"), Path(folder, "pip.log")
        requirements.write_text(lock, encoding="utf-8")
        command = [python, "-m", "pip", "install", *_OPTIONS, "--log", log, *options, "-r", requirements]
        try:
            run(command, timeout_s=timeout_s)
        except ProgramFailed as error:
            refused = _MISMATCH.search(log.read_text(encoding="utf-8")) if log.exists() else None
            if refused:
                raise DamagedDownload(refused[1]) from error
            raise
