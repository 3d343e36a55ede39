"""Mask the tokens of login links in the log of requests: whoever has a link can log in."""

import logging
import re

from odoo.addons.saas_agreed import LOGIN_PATH

_TOKEN = re.compile(rf"({re.escape(LOGIN_PATH)}\?\S*?token=)[^&\s]+")


def _mask_tokens(record):
    if record.args and LOGIN_PATH in str(record.args):
        record.args = tuple(_TOKEN.sub(r"\1***", arg) if isinstance(arg, str) else arg for arg in record.args)
    return True


logging.getLogger("werkzeug").addFilter(_mask_tokens)
