"""Dispatches requests to the API: finds the caller, checks limits and idempotency keys, calls FastAPI.

OCA's dispatcher raises errors to Odoo, which retries the transaction or rolls it back. This one gives errors
the API's own form, and all answers the same headers.
"""

import hashlib
import logging
from contextlib import contextmanager

from odoo.addons.fastapi.context import odoo_env_ctx
from odoo.addons.fastapi.fastapi_dispatcher import FastApiDispatcher
from odoo.addons.fastapi.pools import fastapi_app_pool
from odoo.tools.translate import LazyTranslate

from . import application
from .callers import caller_ctx, identify, unauthorized
from .errors import REFUSED_TYPE, TOO_LARGE, ApiError, problem
from .exchange import Exchange
from .networks import network_of
from .routers import methods_of

_logger = logging.getLogger(__name__)
_lt = LazyTranslate(__name__)

_LARGEST_BODY_KB = 64


class SaasApiDispatcher(FastApiDispatcher):
    routing_type = "saas_api"

    def __init__(self, request):
        super().__init__(request)
        self.exchange = Exchange(request.httprequest)
        self.caller = None
        self.largest_body = 0
        self.root_path = ""
        self.language = "en_US"

    def pre_dispatch(self, rule, args):
        result = super().pre_dispatch(rule, args)
        self.largest_body = 1024 * int(self._parameter("saas_api.max_body_kb", _LARGEST_BODY_KB))
        # One byte more: for a chunked body werkzeug returns this much and does not report the rest.
        self.request.httprequest.max_content_length = self.largest_body + 1
        return result

    def dispatch(self, endpoint, args):
        self.root_path = endpoint.routing["routes"][0].rstrip("/")
        self._check_origin()
        self._choose_language()
        if self.exchange.is_preflight:
            return self.request.make_response("", status=204)
        if self.request.httprequest.path.rstrip("/") == self.root_path:
            return self.request.redirect(f"{self.root_path}/docs")
        body = self._body()
        self._identify()
        self._count()
        return self._answer_once(body)

    # ------------------------------------------------------------ before the application

    def _parameter(self, name, default):
        # sudo: settings are read for any caller
        return self.request.env["ir.config_parameter"].sudo().get_param(name) or default

    def _check_origin(self):
        """CORS: allow the operator's list, and the web sites of their publishable keys."""
        if self.exchange.origin:
            keys = self.request.env["saas.api.key.publishable"].sudo()
            self.exchange.origin_is_allowed = self.exchange.origin in keys._all_origins()

    def _choose_language(self):
        """Use the requested language if it is installed; without a request, the user's."""
        accepted = self.request.httprequest.accept_languages
        wanted = accepted and self._best_language(accepted)
        if wanted:
            self.language = wanted
        elif self.caller:
            self.language = self.request.env["res.users"].context_get().get("lang") or self.language
        self.request.update_context(lang=self.language)

    def _best_language(self, accepted):
        # sudo: everybody may read languages
        installed = self.request.env["res.lang"].sudo().get_installed()
        codes = {code.replace("_", "-"): code for code, _name in installed}
        return codes.get(accepted.best_match(codes))

    def _body(self):
        """Read the whole body. Raises ApiError if it is too large, or is not JSON."""
        environ = self.request.httprequest.environ
        try:
            environ["PATH_INFO"].encode("latin-1").decode()
            environ["QUERY_STRING"].encode("ascii")
        except UnicodeError as error:
            raise ApiError(400, "INVALID_FORMAT", _lt("The address is not readable.")) from error
        body = self.request.httprequest.get_data(cache=True)
        if len(body) > self.largest_body:
            raise ApiError(413, *TOO_LARGE)
        mimetype = self.request.httprequest.mimetype
        if body and mimetype != "application/json" and not mimetype.endswith("+json"):
            raise ApiError(415, *REFUSED_TYPE)
        return body

    def _identify(self):
        """Identify the caller; from here on `env` has the caller's rights."""
        try:
            self.caller = identify(self.request.env, self.request.httprequest)
            if not self.caller and not self._is_public():
                raise unauthorized()
        except ApiError:
            self._count()
            raise
        if self.caller:
            self.request.update_env(user=self.caller.uid)
            self._choose_language()
        else:
            # Users who are logged in to Odoo may read the documentation; others are Odoo's public user.
            self.request.update_env(user=self.request.session.uid)
            self.request.env["ir.http"]._auth_method_public()

    def _is_public(self):
        path = self.request.httprequest.path.removeprefix(self.root_path)
        public_paths = self.request.env["fastapi.endpoint"]._saas_public_paths()
        return any(path == public or path.startswith(f"{public}/") for public in public_paths)

    def _count(self):
        """A7: count each request once, however often its transaction is retried.

        Requests without a key, or with a wrong one, are counted by their address.
        """
        if self.exchange.allowance:
            return
        name, default = ("requests_per_hour", 100) if self.caller else ("keyless_per_hour", 600)
        limit = int(self._parameter(f"saas_api.{name}", default))
        if limit > 0:
            counts = self.request.env["saas.api.count"].sudo()
            self.exchange.allowance = counts._hit(self._owner(), limit)
            self.exchange.allowance.check()

    def _owner(self):
        if self.caller:
            return self.caller.owner
        return f"nobody {network_of(self.request.httprequest.remote_addr)}"

    # ------------------------------------------------------------ the application

    def _answer_once(self, body):
        """Run a POST with an Idempotency-Key only once; its answer is committed together with its effects."""
        key = self.request.httprequest.headers.get("Idempotency-Key")
        if key is None or self.request.httprequest.method != "POST":
            return self._run(body)
        answers = self.request.env["saas.api.answer"].sudo()
        asked = f"{self.request.httprequest.full_path}\n".encode() + body
        answer = answers._claim(self._owner(), key, hashlib.sha256(asked).hexdigest())
        if answer.status:
            headers = [("Content-Type", answer.content_type), ("Idempotent-Replayed", "true")]
            return self.request.make_response(answer.body, headers, status=answer.status)
        response = self._run(body)
        answer._keep(response.status_code, response.content_type, response.get_data(as_text=True))
        return response

    def _run(self, body):
        """As OCA's `dispatch`, but in this thread, with one pool of applications for all paths."""
        environ = dict(self.request.httprequest.environ)
        if environ["REQUEST_METHOD"] == "HEAD":
            environ["REQUEST_METHOD"] = "GET"  # the server sends no body
        with (
            fastapi_app_pool.get_app(env=self.request.env, root_path=self.root_path) as app,
            self._manage_odoo_env(),
        ):
            status, headers, content = application.run(app.app, environ, body)
        return self.request.make_response(content, headers=headers, status=status)

    @contextmanager
    def _manage_odoo_env(self, uid=None):
        """Pass the caller's `env` to the application."""
        env = self.request.env
        env_token, caller_token = odoo_env_ctx.set(env), caller_ctx.set(self.caller)
        try:
            yield
            env.flush_all()
        finally:
            odoo_env_ctx.reset(env_token)
            caller_ctx.reset(caller_token)

    # ------------------------------------------------------------ the answer

    def post_dispatch(self, response):
        result = super().post_dispatch(response)
        self.exchange.finish(response, self.caller)
        return result

    def handle_error(self, exc):
        """Convert errors into answers; no other place does."""
        told = problem(exc)
        if told.status >= 500 and told.code == "INTERNAL_ERROR":
            told.details["request_id"] = self.exchange.request_id
            _logger.error("request %s failed", self.exchange.request_id)
        if told.status < 500:
            exc.loglevel = logging.DEBUG  # Odoo would log it as its own failure, with the request's content
        if told.status == 405:
            path = self.request.httprequest.path.removeprefix(self.root_path)
            routers = self.request.env["fastapi.endpoint"]._saas_routers()
            told.headers["Allow"] = ", ".join(sorted(methods_of(path, routers)))
        if "retry_after" in told.details:
            told.headers["Retry-After"] = str(told.details["retry_after"])
        body, headers = told.body(self.language), list(told.headers.items())
        response = self.request.make_json_response(body, headers=headers, status=told.status)
        return self.exchange.finish(response, self.caller)
