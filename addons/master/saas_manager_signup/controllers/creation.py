"""The pages from the link in the mail to the new Odoo."""

from odoo import http
from odoo.addons.saas_manager_api.exceptions import DeadLink
from odoo.http import request

from ..faults import SignupFaults
from .pages import HEADERS, is_mine, json, mine, note_mine, page, see_other, signup, too_many

_TOKEN = "saas_signup_token"


class SignupCreation(http.Controller):
    @http.route("/signup/confirm", type="http", auth="public", methods=["GET"])
    def confirmation(self, token=None, **_others):
        """Show a button: if the link itself confirmed the address, mail scanners would confirm it."""
        if token:
            # the token must not stay in the address bar
            request.session[_TOKEN] = token
            return see_other("/signup/confirm")
        asked = self._asked()
        if not asked:
            return self._expired()
        if asked.state != "draft":
            return see_other(f"/signup/progress/{asked.reference}")
        return self._confirmation(asked)

    @http.route("/signup/confirm", type="http", auth="public", methods=["POST"])
    def confirm(self, subdomain=None, instead=None, **_others):
        asked = self._asked()
        if not asked:
            return self._expired()
        try:
            asked._confirm_on_page(instead or subdomain)
        except SignupFaults as refused:
            return self._confirmation(asked, instead or subdomain, refused)
        note_mine(asked.reference, "confirmed")
        return see_other(f"/signup/progress/{asked.reference}")

    def _expired(self):
        """The link is not valid; what this browser asked for may still be, or is an Odoo already."""
        latest = (signup()._find(reference) for reference in reversed([*mine("confirmed"), *mine("asked")]))
        asked = next((it for it in latest if it and it._public_state() != "gone"), None)
        if asked and asked.state != "draft":
            return see_other(f"/signup/progress/{asked.reference}")
        return page("expired", 410, draft=asked)

    def _asked(self):
        try:
            return signup()._find_by_token(request.session.get(_TOKEN) or "")
        except DeadLink:
            return None

    def _confirmation(self, asked, subdomain=None, refused=None):
        values = asked._confirmation_values(subdomain, refused)
        return page("confirm", 409 if values["faults"] else 200, **values)

    @http.route("/signup/progress/<string:reference>", type="http", auth="public", methods=["GET"])
    def progress(self, reference, stay=None, **_others):
        asked = signup()._find(reference)
        if not asked:
            return page("gone", 404)
        if asked.state == "draft":
            return see_other(f"/signup/sent/{reference}")
        values = {"now": asked._signup_state(), "mine": self._may_enter(asked), "stay": bool(stay)}
        return page("progress", asked=asked, **values)

    @http.route(
        "/signup/state/<string:reference>", type="http", auth="public", methods=["GET"], save_session=False
    )
    def state(self, reference, **_others):
        model = signup()
        asked = model._find(reference)
        if asked:
            # Not counted: counting would cost more than the answer, and references cannot be guessed.
            return json(asked._signup_state())
        return too_many(model) or json({"state": "gone"}, 404)

    @http.route(
        "/signup/enter/<string:reference>", type="http", auth="public", methods=["GET", "POST"], csrf=False
    )
    def enter(self, reference, **_others):
        """Log the browser that confirmed in to the new Odoo; it repeats the form's POST there.

        No CSRF token: a forged request only leads users to their own Odoo.
        """
        asked = signup()._find(reference)
        origin = request.httprequest.host_url.rstrip("/")
        link = asked and self._may_enter(asked) and asked._login_link(origin)
        if not link:
            # the page's script opens Odoo at once, and would come back to here in an endless loop
            return see_other(f"/signup/progress/{reference}?stay=1")
        code = 307 if request.httprequest.method == "POST" else 303
        response = request.redirect(link, code=code, local=False)
        response.headers.update(HEADERS)
        return response

    def _may_enter(self, asked):
        return is_mine(asked.reference, "confirmed") and asked._may_be_entered()
