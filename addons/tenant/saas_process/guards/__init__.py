"""Defence in depth inside a tenant's Odoo: users' code stays in Odoo, and fetches go to public addresses."""

from . import data_files, fetchers, format_strings, generated_code, methods


def install():
    """Install every guard, once. Call it before the addons are loaded, whose models the guards check.

    `generated_code` comes after `format_strings`, because it also checks the code that this one compiles.
    """
    for guard in (format_strings, methods, generated_code, data_files, fetchers):
        guard.install()
