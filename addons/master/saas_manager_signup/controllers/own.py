"""For visitors who have an Odoo already: to its login page."""

from odoo import http
from odoo.addons.saas_manager_api.exceptions import TooBusy, TooMany
from odoo.addons.saas_manager_api.networks import network_of
from odoo.http import request

from .pages import HEADERS, page, signup


class SignupOwn(http.Controller):
    @http.route("/signup/login", type="http", auth="public", methods=["GET"], sitemap=False)
    def login(self, subdomain="", **_others):
        return self._page(subdomain)

    @http.route("/signup/login", type="http", auth="public", methods=["POST"])
    def lead(self, subdomain="", **_others):
        model = signup()
        try:
            # As the live check of names: it tells the same.
            model._count_check(network_of(request.httprequest.remote_addr))
        except (TooMany, TooBusy) as error:
            return self._page(subdomain, model.env._("Please wait a moment."), error.problem.status)
        url = model._login_page_of(subdomain[:200])
        if not url:
            sentence = model.env._("There is no Odoo at this address. Please look at it once more.")
            return self._page(subdomain, sentence, 404)
        response = request.redirect(url, code=303, local=False)
        response.headers.update(HEADERS)
        return response

    def _page(self, typed, fault=None, status=200):
        model = signup()
        values = {"typed": typed[:200], "fault": fault, "suffix": model._suffix(model.env["saas.template"])}
        return page("login", status, leads_to=model._tenants_origins(), **values)
