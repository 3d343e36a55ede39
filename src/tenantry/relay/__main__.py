"""`python -m tenantry.relay FILE DESCRIPTOR`: the settings, and the socket to listen at."""

import socket
import sys
from pathlib import Path

from tenantry.relay.server import main

main(Path(sys.argv[1]), socket.socket(fileno=int(sys.argv[2])))
