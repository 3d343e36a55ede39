"""The program `tenantry`: it handles Ctrl-C before it loads the commands, which takes a moment."""

from __future__ import annotations

import signal

if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # until our own handler is there: end, without a traceback

from tenantry import interrupts


def main() -> None:
    interrupts.install()
    from tenantry.cli.main import app

    app()
