"""The page that the spawner shares with a tenant's process, as a file."""

from __future__ import annotations

import os
from pathlib import Path

from tenantry import agreed


class Board(agreed.Board):
    """A file, so that the next spawner can open the same page."""

    def __init__(self, file: Path, *, anew: bool) -> None:
        if anew:
            file.unlink(missing_ok=True)  # another process may still have the former page
        flags = os.O_RDWR | os.O_CREAT
        self.descriptor = os.open(file, flags, 0o600)
        os.ftruncate(self.descriptor, self.SIZE_BYTES)
        super().__init__(self.descriptor)

    def close(self) -> None:
        super().close()
        os.close(self.descriptor)
