"""Dependencies of the routes: the caller, and Odoo's environment with the caller's rights."""

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
    """Odoo's environment with the caller's rights, which the dispatcher has set."""
    return odoo_env_ctx.get()


async def any_caller(
    _bearer: Annotated[object, Security(_BEARER)], _api_key: Annotated[object, Security(_API_KEY)]
) -> Caller:
    """Any caller, also with a publishable key."""
    caller = caller_ctx.get()
    if caller is None:
        raise unauthorized()
    return caller


async def secret_caller(caller: Annotated[Caller, Depends(any_caller)]) -> Caller:
    """Callers with a key of their own. Publishable keys, which everybody can read, are refused."""
    if caller.is_publishable:
        raise ApiError(403, "FORBIDDEN", _lt("A publishable key may only sign up."))
    return caller


async def signing_env(
    env: Annotated[Environment, Depends(current_env)], caller: Annotated[Caller, Depends(any_caller)]
) -> Environment:
    """As above. A publishable key acts for its company, limited to what such keys may do."""
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
    """The dispatcher implements it; here it is described."""


async def accept_language(
    _language: Annotated[
        str | None, Header(alias="Accept-Language", description="For the sentences.", examples=["fr"])
    ] = None,
) -> None:
    """The dispatcher implements it; here it is described."""


Env = Annotated[Environment, Depends(current_env)]
SigningEnv = Annotated[Environment, Depends(signing_env)]
AnyCaller = Annotated[Caller, Depends(any_caller)]
SecretCaller = Annotated[Caller, Depends(secret_caller)]
REPEATABLE = [Depends(idempotency_key)]
