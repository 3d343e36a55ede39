"""A PDF's styles and pictures are fetched from the tenant itself, through the front, and from nowhere else.

wkhtmltopdf opens what a report's HTML names. Its own address may be one that this machine cannot resolve, or
leads around the world to come back; and an address that a user wrote into a report may be one of this
machine's. So it may ask the front alone, which knows tenants and nothing else.
"""

import functools
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from odoo.addons.base.models import ir_actions_report
from odoo.addons.base.models.ir_actions_report import IrActionsReport

_PROGRAM = Path(__file__).with_name("start_report.py")
_front = []


def reach_through(front):
    """front: its host and port; none while there is no front."""
    _front[:] = front


@functools.cache
def install():
    IrActionsReport._get_report_url = _at_the_front(IrActionsReport._get_report_url)
    ir_actions_report.subprocess = _Programs()


def _at_the_front(report_url):
    @functools.wraps(report_url)
    def wrapper(self, layout=None):
        if not _front:
            return report_url(self, layout)
        own = (layout or self._get_layout() or self).get_base_url()
        # To a proxy, an address with TLS would be no request but a tunnel.
        return f"http://{urlsplit(own).netloc}"

    return wrapper


class _Programs:
    """`subprocess`, as the file sees it that runs wkhtmltopdf and wkhtmltoimage."""

    def __getattr__(self, name):
        return getattr(subprocess, name)

    def run(self, arguments, **options):
        held = [sys.executable, str(_PROGRAM), *map(str, _front)] if _front else []
        return subprocess.run([*held, *arguments], check=options.pop("check", False), **options)
