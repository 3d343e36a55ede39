"""The page where customers who came by a link choose their password: the last step of a signup."""

from odoo import http
from odoo.exceptions import UserError
from odoo.http import request

from .headers import page

PASSWORD_PATH = "/saas/password"


class SaasPassword(http.Controller):
    @http.route(
        PASSWORD_PATH, type="http", auth="user", methods=["GET"], website=True, multilang=False, sitemap=False
    )
    def saas_password_page(self, **_parameters):
        if not self._may_choose():
            return request.redirect("/odoo")
        return self._page()

    @http.route(
        PASSWORD_PATH,
        type="http",
        auth="user",
        methods=["POST"],
        website=True,
        multilang=False,
        sitemap=False,
    )
    def saas_password(self, password="", confirmation="", **_parameters):
        if not self._may_choose():
            return request.redirect("/odoo")
        user = request.env.user
        try:
            user._choose_first_password(password, confirmation)
        except UserError as refusal:
            return self._page(str(refusal), status=422)
        # The session goes on: Odoo's token of it depends on the password.
        request.session.session_token = user._compute_session_token(request.session.sid)
        return request.redirect("/odoo")

    def _may_choose(self):
        """Support acts for the customer, but never knows their password."""
        return not request.session.get("saas_support_by") and request.env.user._is_asked_for_password()

    def _page(self, fault=None, status=200):
        user = request.env.user
        values = {
            "fault": fault,
            "login": user.login,
            "minimum": user._minimal_password_length(),
            "words": user._words_on_passwords(request.httprequest.host),
        }
        return page("saas_tenant.password_page", values, status)
