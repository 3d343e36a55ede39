"""Shared by the pages of the signup: the language, the layout, and security headers."""

import secrets
from urllib.parse import urlencode

from odoo.addons.saas_manager_api.exceptions import TooBusy, TooMany
from odoo.addons.saas_manager_api.networks import network_of
from odoo.http import request

COOKIE = "frontend_lang"
_BUSY_S = 1
HEADERS = {
    "Cache-Control": "no-store",
    # Addresses of these pages contain references, and one a token: other sites see the origin only, by which
    # the new Odoo recognizes that we sent the visitor.
    "Referrer-Policy": "strict-origin",
    "X-Content-Type-Options": "nosniff",
}


def signup():
    """The signup's model, in the visitor's language."""
    _set_language(request.httprequest.args.get("lang"))
    # sudo: visitors have no rights; the model decides what they may see
    return request.env["saas.signup"].sudo()


def _set_language(wanted):
    if not request.env.context.get("saas_signup_lang"):
        accepted = [*request.httprequest.accept_languages.values()]
        code = request.env["saas.signup"]._language(wanted, request.cookies.get(COOKIE), *accepted)
        request.update_context(lang=code, saas_signup_lang=code, saas_signup_accepted=accepted[:10])
        if wanted:
            request.future_response.set_cookie(COOKIE, code, max_age=31536000, samesite="Lax")


def page(template, status=200, leads_to=(), **values):
    """Render a page. leads_to: origins to which its forms may lead, besides this site and its tenants."""
    model, nonce = signup(), secrets.token_urlsafe(12)
    common = {
        "in_language": _in_language,
        "csrf": request.csrf_token,
        "nonce": nonce,
        **model._layout_values(),
    }
    html = model.env["ir.qweb"]._render(f"saas_manager_signup.{template}", {**common, **values})
    response = request.make_response(
        f"<!DOCTYPE html>\n{html}", {**HEADERS, "Content-Type": "text/html; charset=utf-8"}
    )
    policy = model._content_policy(nonce)
    policy["form-action"].extend(leads_to)
    if "asked" in values:  # its server may have another base domain than this installation's own
        policy["form-action"].append(values["asked"]._instance_origin())
    response.headers["Content-Security-Policy"] = "; ".join(
        f"{directive} {' '.join(sources)}" for directive, sources in policy.items()
    )
    response.status_code = status
    return response


def _in_language(code):
    """The address of this page in another language; choices made by the address are kept."""
    asked = {**request.httprequest.args.to_dict(), "lang": code}
    return f"{request.httprequest.path}?{urlencode(asked)}"


def see_other(path):
    """Redirect after a POST, so that reloading and going back do not repeat it."""
    response = request.redirect(path, code=303, local=True)
    response.headers.update(HEADERS)
    return response


def json(values, status=200):
    return request.make_json_response(values, headers=HEADERS.items(), status=status)


def too_many(model):
    """The answer to who has asked too often in this hour, or while too many ask at once; else None."""
    try:
        model._count_check(network_of(request.httprequest.remote_addr))
    except (TooMany, TooBusy) as error:
        wait = {"sentence": model.env._("Please wait a moment."), "suggestions": []}
        answer = json(wait, error.problem.status)
        answer.headers["Retry-After"] = str(error.problem.details.get("retry_after", _BUSY_S))
        return answer
    return None


def visitor():
    """For the limits: the network address, and whether they count; managers may try their own page."""
    is_manager = request.env.user.has_group("saas_manager.group_saas_manager")
    return {"address": network_of(request.httprequest.remote_addr), "is_limited": not is_manager}


# ---------------------------------------------------------------- requests of this browser


def note_mine(reference, role):
    """Remember what this browser did with a request: `asked` for it, or `confirmed` it."""
    known = dict(request.session.get("saas_signup") or {})
    known[role] = [*known.get(role, [])[-9:], reference]
    request.session["saas_signup"] = known


def mine(role):
    """The references of the requests with which this browser did that, the latest at the end."""
    return (request.session.get("saas_signup") or {}).get(role, [])


def is_mine(reference, role):
    return reference in mine(role)
