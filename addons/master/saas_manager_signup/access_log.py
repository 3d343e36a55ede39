"""Masks tokens in the server's log of requests: the link of a mail confirms an address."""

import logging
import re

_TOKEN = re.compile(r"(/signup/confirm\?\S*?token=)[^&\s]+")


def _mask_tokens(record):
    if record.args and "/signup/confirm" in str(record.args):
        record.args = tuple(_TOKEN.sub(r"\1***", arg) if isinstance(arg, str) else arg for arg in record.args)
    return True


logging.getLogger("werkzeug").addFilter(_mask_tokens)
