import time
from urllib.parse import urlsplit

from odoo import http
from odoo.addons.saas_agreed import LOGIN_PATH, SUPPORT
from odoo.http import request

from ..models.saas_tenant_access import LinkRefused
from .headers import page
from .password import PASSWORD_PATH


class SaasLogin(http.Controller):
    """Login links, valid once. Mail scanners open links, so a link is used up only by pressing the button."""

    @http.route(
        LOGIN_PATH,
        type="http",
        auth="public",
        methods=["GET"],
        website=True,
        multilang=False,
        sitemap=False,
    )
    def saas_login_page(self, token="", **_parameters):
        try:
            facts = request.env["saas.tenant.access"]._read_link(token)
        except LinkRefused as refusal:
            # sudo: a setting. Who never chose a password has no other way in: their mail's link is too old.
            parameters = request.env["ir.config_parameter"].sudo()
            return _refuse(refusal, resets=parameters.get_param("auth_signup.reset_password") == "True")
        if request.session.should_rotate:
            # Odoo has just ended an old session: the form's CSRF token must be of the next one.
            http.root.session_store.rotate(request.session, request.env)
        return _page({"token": token, "is_support": facts["purpose"] == SUPPORT})

    @http.route(
        LOGIN_PATH,
        type="http",
        auth="public",
        methods=["POST"],
        website=True,
        multilang=False,
        sitemap=False,
        # `_is_trusted_sender` checks instead: the provider's signup page may post here, too.
        csrf=False,
    )
    def saas_login(self, token="", csrf_token="", **_parameters):
        address = request.httprequest.remote_addr
        try:
            if not self._is_trusted_sender(token, csrf_token):
                return self._ask_for_confirmation(token)
            access = request.env["saas.tenant.access"]._use_link(token, address)
        except LinkRefused as refusal:
            return _refuse(refusal)
        user = access.user_id
        session = request.session
        session.logout(keep_db=True)
        session["pre_login"], session["pre_uid"] = user.login, user.id
        if access.kind == "support":
            session["saas_support_by"] = access.operator or "?"
            session["saas_support_ends_at"] = session["deletion_time"] = access.ends_at.timestamp()
        elif user._mfa_url():
            # The link replaces the password, but not the second factor.
            return request.redirect(user._mfa_url())
        else:
            # The user may not know their password: for ten minutes they can set a new one without the old
            # one; as long as nobody ever used it, for the whole session (see `ir.http`).
            session["identity-check-last"] = time.time()
            session["saas_by_link"] = True
        session.finalize(request.env)
        user.with_user(user)._update_last_login()
        is_asked = access.kind == "login" and user._is_asked_for_password()
        return request.redirect(PASSWORD_PATH if is_asked else "/odoo")

    def _is_trusted_sender(self, token, csrf_token):
        """Whether the button of our page sent the form, or a page of the origin that the link was made for.

        Any other site could log visitors in without their knowledge. A site can hide its `Referer`, but
        cannot forge it. `Origin` is of no use: it is null after a redirect.
        """
        origin = request.env["saas.tenant.access"]._read_link(token).get("origin")
        sender = urlsplit(request.httprequest.headers.get("Referer", ""))
        is_known = bool(origin) and f"{sender.scheme}://{sender.netloc}" == origin
        return is_known or request.validate_csrf(csrf_token)

    def _ask_for_confirmation(self, token):
        page = self.saas_login_page(token)
        page.status_code = 400
        return page


def _refuse(refusal, resets=False):
    """resets: whether to lead to the page that mails a link to a new password."""
    values = {"title": refusal.title, "message": refusal.message, "resets": resets}
    return _page(values, status=refusal.status)


def _page(values, status=200):
    return page("saas_tenant.login_page", values, status)
