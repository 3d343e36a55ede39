"""Defence in depth inside a tenant's Odoo: its users' code stays in Odoo, its fetches on the internet."""

from . import data_files, fetchers, format_strings, generated_code


def install():
    """Install every guard. May be called again."""
    for guard in (format_strings, generated_code, data_files, fetchers):
        guard.install()
