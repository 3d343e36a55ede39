"""What the routes ask for: the caller, and Odoo as they see it."""

from typing import Annotated

from fastapi import Depends, Header, Security
from fastapi.security import APIKeyHeader, HTTPBearer
from odoo.addons.fastapi.context import odoo_env_ctx
from odoo.api import Environment
from odoo.tools.translate import LazyTranslate

from .callers import Caller, caller_ctx, unauthorized
from .errors import ApiError

_lt = LazyTranslate(__name__)

_BEARER = HTTPBearer(
    auto_error=False,
    scheme_name="Bearer",
    description="One of Odoo's API keys, or a publishable key.",
)
_API_KEY = APIKeyHeader(
    name="X-API-Key", auto_error=False, scheme_name="ApiKey", description="The same, in a header of its own."
)


async def current_env() -> Environment:
    """Odoo as the caller sees it; the dispatcher has seen to that."""
    return odoo_env_ctx.get()


async def any_caller(
    _bearer: Annotated[object, Security(_BEARER)], _api_key: Annotated[object, Security(_API_KEY)]
) -> Caller:
    """Whoever has a key, a publishable one, too."""
    caller = caller_ctx.get()
    if caller is None:
        raise unauthorized()
    return caller


async def secret_caller(caller: Annotated[Caller, Depends(any_caller)]) -> Caller:
    """Whoever has a key of their own: nothing else is open to a key that everybody can read."""
    if caller.is_publishable:
        raise ApiError(403, "FORBIDDEN", _lt("A publishable key may only sign up."))
    return caller


async def signing_env(
    env: Annotated[Environment, Depends(current_env)], caller: Annotated[Caller, Depends(any_caller)]
) -> Environment:
    """The same; a publishable key acts for its company, in what a key of that kind may do."""
    if caller.is_publishable:
        return env(context={**env.context, "allowed_company_ids": [caller.company_id]})
    return env


async def idempotency_key(
    _key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            pattern=r"^[\x21-\x7e]{1,255}$",
            description="With the same key the same request acts once in 24 hours.",
            examples=["6f1c2a54-signup-acme"],
        ),
    ] = None,
) -> None:
    """The dispatcher honours it; here it is described."""


async def accept_language(
    _language: Annotated[
        str | None, Header(alias="Accept-Language", description="For the sentences.", examples=["fr"])
    ] = None,
) -> None:
    """The dispatcher honours it; here it is described."""


Env = Annotated[Environment, Depends(current_env)]
SigningEnv = Annotated[Environment, Depends(signing_env)]
AnyCaller = Annotated[Caller, Depends(any_caller)]
SecretCaller = Annotated[Caller, Depends(secret_caller)]
REPEATABLE = [Depends(idempotency_key)]
