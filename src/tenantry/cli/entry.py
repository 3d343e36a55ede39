"""The program `tenantry`: it handles Ctrl-C before it loads the commands, which takes a moment."""

from __future__ import annotations

from tenantry import interrupts


def main() -> None:
    interrupts.install()
    from tenantry.cli.main import app

    app()
