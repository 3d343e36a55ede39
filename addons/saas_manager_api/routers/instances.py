"""`/api/instances`: A5, as S4's clients call it."""

import re
from typing import Annotated

from fastapi import APIRouter, Path

from .. import schemas
from ..dependencies import REPEATABLE, AnyCaller, SigningEnv
from .common import refusals

router = APIRouter(prefix="/instances", tags=["instances"])

_DASHES = re.compile(r"-+")
InstanceId = Annotated[str, Path(max_length=64, pattern=r"^[A-Za-z0-9-]+$")]


@router.post("", status_code=202, responses=refusals(409), dependencies=REPEATABLE)
async def new_instance(
    asked: schemas.NewInstance, env: SigningEnv, caller: AnyCaller
) -> schemas.InstanceAsked:
    """Ask for an instance. Poll `/instances/{instanceId}` until it is ready or failed."""
    requests = env["saas.instance.request"]
    company = asked.companyName or asked.clientName.replace("-", " ").strip().title()
    values = {
        "customer_name": company,
        "company_name": company,
        "customer_email": asked.adminEmail,
        "admin_email": asked.adminEmail,
        "subdomain": _DASHES.sub("-", asked.clientName).strip("-"),
        **requests._values_by_api(asked.plan, asked.template, asked.runtime, asked.language, asked.country),
    }
    request = requests._ask_by_api(caller, values)
    return schemas.InstanceAsked(instanceId=request.reference, status="creating", message=_message(request))


@router.get("/{instance_id}", responses=refusals(404))
async def instance_status(
    instance_id: InstanceId, env: SigningEnv, caller: AnyCaller
) -> schemas.InstanceStatus:
    """How far it is; once ready, where it is and how to get in."""
    # sudo: who finds a request may know all its status tells.
    request = env["saas.instance.request"]._find_by_api(caller, instance_id).sudo()
    instance = request.instance_id
    return schemas.InstanceStatus(
        status=request._short_state(),
        progress=request.progress,
        message=_message(request),
        instanceUrl=instance.url or None,
        adminEmail=request.admin_email or request.customer_email,
        adminPassword=request._take_password(caller),
        databaseName=instance.database_name or None,
        projectId=None,
        error=request._told_error(caller),
    )


def _message(request):
    return {
        "unconfirmed": request.env._(
            "Waiting until the email address is confirmed; see the mail we have sent."
        ),
        "creating": request.env._("The instance is being created."),
        "delayed": request.env._("It cannot begin at this moment; it goes on by itself."),
        "ready": request.env._("The instance is ready."),
        "failed": request.env._("The instance could not be created."),
        "gone": request.env._("The instance is gone, or was given up."),
    }[request._told_state()]
