"""A PDF's styles and pictures are fetched from the tenant itself, through the front, and from nowhere else.

wkhtmltopdf opens what a report's HTML names. Its own address may be one that this machine cannot resolve, or
leads around the world to come back; and an address that a user wrote into a report may be one of this
machine's. So all it asks for goes to the front, which knows tenants and nothing else.
"""

import functools
from urllib.parse import urlsplit

from odoo.addons.base.models.ir_actions_report import IrActionsReport

_front = []


def reach_through(front):
    """front: its host and port, such as `127.0.0.1:8069`; "" while there is none."""
    _front[:] = [front] if front else []


@functools.cache
def install():
    IrActionsReport._get_report_url = _at_the_front(IrActionsReport._get_report_url)
    IrActionsReport._build_wkhtmltopdf_args = _with_proxy(IrActionsReport._build_wkhtmltopdf_args)


def _at_the_front(report_url):
    @functools.wraps(report_url)
    def wrapper(self, *args, **kwargs):
        url = report_url(self, *args, **kwargs)
        # To a proxy, an address with TLS would be no request but a tunnel.
        return f"http://{urlsplit(url).netloc}" if _front else url

    return wrapper


def _with_proxy(build_arguments):
    @functools.wraps(build_arguments)
    def wrapper(self, *args, **kwargs):
        arguments = build_arguments(self, *args, **kwargs)
        if not _front:
            return arguments
        return [*arguments, "--proxy", f"http://{_front[0]}", "--proxy-hostname-lookup"]

    return wrapper
