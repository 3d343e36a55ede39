"""The program `tenantry`, for any Python that can import it, whether it is installed there or not."""

from __future__ import annotations

import sys
from pathlib import Path

_SCRIPT = "import sys\nfrom tenantry.cli.entry import main\nsys.exit(main())\n"


def tenantry_program(folder: Path) -> list[str]:
    """Its command. It is written to the folder, for the shell's completion asks by the program's name."""
    folder.mkdir(exist_ok=True)
    file = folder / "tenantry"
    file.write_text(_SCRIPT)
    return [sys.executable, str(file)]
