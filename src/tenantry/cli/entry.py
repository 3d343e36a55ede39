"""The program `tenantry`: it handles Ctrl-C before it loads the commands, which takes a moment."""

from __future__ import annotations

import signal

signal.signal(signal.SIGINT, signal.SIG_DFL)  # until our own handler is there: end, without a traceback

from tenantry import interrupts  # noqa: E402


def main() -> None:
    interrupts.install()
    from tenantry.cli.main import app

    app()
