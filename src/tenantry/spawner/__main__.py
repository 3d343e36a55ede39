"""`python -m tenantry.spawner CONFIG`."""

import sys
from pathlib import Path

from tenantry.spawner.loop import main

main(Path(sys.argv[1]))
