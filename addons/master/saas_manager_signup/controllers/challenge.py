"""Where the widget gets its work."""

from odoo import http
from werkzeug.exceptions import NotFound

from .pages import json, signup


class Captcha(http.Controller):
    @http.route("/signup/captcha", type="http", auth="public", methods=["GET"], save_session=False)
    def challenge(self):
        """Nothing is stored before it was solved: asking often costs nothing."""
        model = signup()
        if not model._captcha():
            raise NotFound
        return json(model._challenge())
