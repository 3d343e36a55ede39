"""Where the widget gets its work."""

from odoo import http
from odoo.addons.saas_manager_portal.controllers.pages import json, signup
from werkzeug.exceptions import NotFound


class Captcha(http.Controller):
    @http.route("/signup/captcha", type="http", auth="public", methods=["GET"], save_session=False)
    def challenge(self):
        """Nothing is stored before it was solved: asking often costs nothing."""
        model = signup()
        if not model._captcha():
            raise NotFound
        return json(model._challenge())
