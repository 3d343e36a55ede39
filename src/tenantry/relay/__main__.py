"""`python -m tenantry.relay FILE PORT`; FILE: see `relay.settings`."""

import sys
from pathlib import Path

from tenantry.relay.server import main

main(Path(sys.argv[1]), int(sys.argv[2]))
