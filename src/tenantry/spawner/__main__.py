"""`python -m tenantry.spawner CONFIG [STORE]`; STORE: the descriptor of the channel to the keeper."""

import sys
from pathlib import Path

from tenantry.spawner.spawner import main

main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else None)
