"""`python -m tenantry.agent SOCKET USER`: answer at a socket, until SIGTERM; see `listener`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from tenantry.agent import listener
from tenantry.engine import Engine

logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
file, user = sys.argv[1:]
listener.serve(Engine.of(), Path(file), int(user))
