"""Pages that a process draws for itself, before any visitor asks."""

import logging

import odoo.http
from werkzeug.test import Client

_logger = logging.getLogger(__name__)


def draw(host, path, language, cookie=""):
    """Request a page, which fills the caches; return its status."""
    headers = {"Host": host, "Accept-Language": language, "Cookie": cookie}
    answer = Client(odoo.http.root, use_cookies=False).get(path, headers=headers)
    if answer.status_code != 200:
        _logger.warning("the page %s is answered with %s to %s", path, answer.status, language)
    return answer.status_code
