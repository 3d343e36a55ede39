"""Becomes a program that draws what a report's HTML says, and reaches the front and nothing else.

    python start_report.py HOST PORT PROGRAM ARGUMENTS...

Its proxy is the front. What asks no proxy, as a script's web socket, is refused by Landlock of Linux 6.7.
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
