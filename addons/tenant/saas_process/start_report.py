"""Run a program that renders a report's HTML, so that it can connect to the front only.

    python start_report.py HOST PORT PROGRAM ARGUMENTS...

The front is its proxy. Connections without a proxy, such as a script's websocket, are refused by Landlock,
from Linux 6.7 on.
"""

import os
import sys

import confinement

if __name__ == "__main__":
    host, port, program, *arguments = sys.argv[1:]
    confinement.connect_only_to(int(port))
    address = f"[{host}]" if ":" in host else host
    environment = {**os.environ, "http_proxy": f"http://{address}:{port}"}
    os.execve(program, [program, *arguments], environment)
