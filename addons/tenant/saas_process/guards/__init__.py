"""Defence in depth inside a tenant's Odoo: its users' code stays in Odoo, its fetches on the internet."""

from . import data_files, fetchers, format_strings, generated_code, methods


def install():
    """Install every guard. May be called again; before the addons are loaded whose models it looks through.

    `generated_code` comes after `format_strings`, whose code it judges, too.
    """
    for guard in (format_strings, methods, generated_code, data_files, fetchers):
        guard.install()
