"""The form, and the next page, which tells visitors to look into their mailbox."""

from odoo import http
from odoo.http import request
from werkzeug.exceptions import NotFound

from ..faults import SignupFaults
from .pages import is_mine, json, mine, note_mine, page, see_other, signup, too_many, visitor

_TYPED = "saas_signup_typed"


class SignupForm(http.Controller):
    @http.route("/signup", type="http", auth="public", methods=["GET"], sitemap=True)
    def form(self, change=None, **asked):
        typed = request.session.get(_TYPED) or {}
        if change and is_mine(change, "asked"):
            typed = signup()._typed_before(change)
        return self._form({**typed, **asked})

    def _form(self, typed, faults=None):
        model = signup()
        if not model._is_open():
            return page("closed", 503, **model._closed_values())
        values = model._form_values(typed, faults or {})
        return page("form", 422 if faults else 200, **values)

    @http.route("/signup", type="http", auth="public", methods=["POST"])
    def send(self, **typed):
        if not signup()._is_open():
            return self._form(typed)
        try:
            asked = signup()._create_draft(typed, mine("asked"), **visitor())
        except SignupFaults as faults:
            request.session[_TYPED] = signup()._tidy(typed)
            return self._form(typed, faults.by_field)
        request.session.pop(_TYPED, None)
        note_mine(asked.reference, "asked")
        return see_other(f"/signup/sent/{asked.reference}")

    @http.route("/signup/check", type="http", auth="public", methods=["GET"], save_session=False)
    def check(self, subdomain="", company="", **_others):
        model = signup()
        refused = too_many(model)
        if refused:
            return refused
        return json(model._judge(subdomain[:100], company[:200]))

    @http.route("/signup/country", type="http", auth="public", methods=["GET"], save_session=False)
    def country(self, tz="", **_others):
        """The country in which a browser with this time zone is, probably."""
        model = signup()
        return too_many(model) or json({"country": model._guessed_country(tz[:64])})

    @http.route(
        "/signup/picture/<int:template>", type="http", auth="public", methods=["GET"], save_session=False
    )
    def picture(self, template, **_others):
        stream = signup()._picture(template)
        if not stream:
            raise NotFound
        return stream.get_response(max_age=86400)

    @http.route("/signup/sent/<string:reference>", type="http", auth="public", methods=["GET"])
    def sent(self, reference, again=None, **_others):
        asked = signup()._find(reference)
        if not asked:
            return page("gone", 404)
        if asked.state != "draft":
            return see_other(f"/signup/progress/{reference}")
        email = asked.customer_email if is_mine(reference, "asked") else asked._masked_email()
        values = {"asked": asked, "email": email, "mail": asked._link_state(), "again": again}
        return page("sent", mine=is_mine(reference, "asked"), **values)

    @http.route("/signup/again/<string:reference>", type="http", auth="public", methods=["POST"])
    def send_again(self, reference, **_others):
        asked = signup()._find(reference)
        if not asked:
            return page("gone", 404)
        told = "sent" if asked._send_again(**visitor()) else "later"
        return see_other(f"/signup/sent/{reference}?again={told}")
