"""wkhtmltopdf fetches a report's styles and pictures from the tenant itself, through the front only.

It opens every address in a report's HTML. This machine may be unable to resolve the tenant's public address,
or may reach it over a long way only. An address that a user wrote into a report may be a private one of this
machine. So the program may connect to the front only, which serves nothing but tenants.
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


def set_proxy(front):
    """front: host and port; empty while there is no front."""
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
        # http: for an address with TLS a proxy gets no request, but is asked for a tunnel.
        return f"http://{urlsplit(own).netloc}"

    return wrapper


class _Programs:
    """Replaces `subprocess` in Odoo's file that runs wkhtmltopdf and wkhtmltoimage."""

    def __getattr__(self, name):
        return getattr(subprocess, name)

    def run(self, arguments, **options):
        wrapper = [sys.executable, str(_PROGRAM), *map(str, _front)] if _front else []
        return subprocess.run([*wrapper, *arguments], check=options.pop("check", False), **options)
