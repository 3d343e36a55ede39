"""Write Odoo's own backup, which every Odoo of the same version can restore: a `.zip`, not encrypted."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO

from tenantry.archive.dump import LOCK_WAIT, STALL_TIMEOUT_S
from tenantry.archive.upload import DUMP, FILES
from tenantry.postgres.programs import CONNECT
from tenantry.process import piped

_PIECE = 2**20


class OdooZip:
    """A backup that is being written, in constant memory."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive, self._has = archive, set[str]()

    def put_manifest(self, facts: Mapping[str, Any]) -> None:
        self._archive.writestr("manifest.json", json.dumps(facts, indent=4))

    def put_dump(self, pg_dump: Path, environment: Mapping[str, str]) -> None:
        """environment: from `programs.service`. Raises ProgramFailed, ProgramTimeout."""
        command = [pg_dump, CONNECT, "--no-owner", "--no-privileges", "--no-password", LOCK_WAIT]
        with (
            piped(command, environment=environment, silent_s=STALL_TIMEOUT_S) as program,
            self._archive.open(DUMP, "w", force_zip64=True) as member,
        ):
            while data := program.read(_PIECE):
                member.write(data)

    def has_file(self, path: str) -> bool:
        return path in self._has

    def put_file(self, path: str, file: BufferedReader) -> None:
        with self._archive.open(FILES + path, "w", force_zip64=True) as member:
            while data := file.read(_PIECE):
                member.write(data)
        self._has.add(path)


@contextmanager
def writing(sink: BinaryIO) -> Iterator[OdooZip]:
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        yield OdooZip(archive)
