"""Gives the captcha's widget its challenge."""

from odoo import http
from werkzeug.exceptions import NotFound

from .pages import json, signup


class Captcha(http.Controller):
    @http.route("/signup/captcha", type="http", auth="public", methods=["GET"], save_session=False)
    def challenge(self):
        """Challenges are stored only once they are solved, so that requesting many costs nothing."""
        model = signup()
        if not model._captcha():
            raise NotFound
        return json(model._challenge())
