"""`/api/instances/{subdomain}/…`: let a customer in who cannot log in. Answers with a secret are not kept."""

from fastapi import APIRouter, Request
from odoo.tools.translate import LazyTranslate

from .. import schemas
from ..dependencies import REPEATABLE, Env, SecretCaller
from ..exceptions import WrongForm
from .common import Name, refusals

router = APIRouter(prefix="/instances", tags=["instances"])

_lt = LazyTranslate(__name__)


@router.post("/{subdomain}/login_link", responses=refusals(404, 409), dependencies=REPEATABLE)
async def login_link(
    subdomain: Name, env: Env, _caller: SecretCaller, http: Request, asked: schemas.GiveAccess | None = None
) -> schemas.LoginLinkAnswer:
    """A link that logs in as the instance's administrator, once. They are informed by mail."""
    instance = env["saas.instance"]._find_by_api(subdomain)
    if asked and asked.send:
        instance._send_login_link()
        data = schemas.LoginLink(**_sent(instance), url=None)
        return schemas.LoginLinkAnswer(data=data, message=_on_its_way(env, instance))
    _refuse_to_keep(http)
    data = schemas.LoginLink(subdomain=instance.subdomain, sent_to=None, url=instance._make_login_link())
    return schemas.LoginLinkAnswer(data=data, message=env._("The link works once, within a day."))


@router.post("/{subdomain}/reset_password", responses=refusals(404, 409), dependencies=REPEATABLE)
async def reset_password(
    subdomain: Name, env: Env, _caller: SecretCaller, http: Request, asked: schemas.GiveAccess | None = None
) -> schemas.NewPasswordAnswer:
    """End the administrator's password: tell a new one, or mail a link to choose another."""
    instance = env["saas.instance"]._find_by_api(subdomain)
    if asked and asked.send:
        instance._send_password_link()
        data = schemas.NewPassword(**_sent(instance), login=None, password=None)
        return schemas.NewPasswordAnswer(data=data, message=_on_its_way(env, instance))
    _refuse_to_keep(http)
    login, password = instance._reset_password()
    data = schemas.NewPassword(subdomain=instance.subdomain, sent_to=None, login=login, password=password)
    return schemas.NewPasswordAnswer(data=data, message=env._("The old password does not work any more."))


@router.post("/{subdomain}/welcome", responses=refusals(404, 409), dependencies=REPEATABLE)
async def send_welcome(subdomain: Name, env: Env, _caller: SecretCaller) -> schemas.AccessSentAnswer:
    """Send the mail of a new instance again, with a new login link."""
    instance = env["saas.instance"]._find_by_api(subdomain)
    instance._send_welcome_again()
    data = schemas.AccessSent(**_sent(instance))
    return schemas.AccessSentAnswer(data=data, message=_on_its_way(env, instance))


def _sent(instance):
    return {"subdomain": instance.subdomain, "sent_to": instance.admin_email}


def _on_its_way(env, instance):
    return env._("A mail to %s is on its way.", instance.admin_email)


def _refuse_to_keep(http):
    """Raise WrongForm for an Idempotency-Key: its answer would be kept for a day, with the secret."""
    if "Idempotency-Key" in http.headers:
        raise WrongForm(_lt("This answer holds a secret and is not kept: send no Idempotency-Key."))
