"""`/api/instances`: A5, in the form that S4's clients use."""

import re
from typing import Annotated

from fastapi import APIRouter, Path
from odoo.addons.saas_manager import gateway

from .. import schemas
from ..dependencies import REPEATABLE, AnyCaller, SigningEnv
from .common import fields_named, refusals

router = APIRouter(prefix="/instances", tags=["instances"])

_DASHES = re.compile(r"-+")
InstanceId = Annotated[schemas.Reference, Path()]


@router.post("", status_code=202, responses=refusals(409), dependencies=REPEATABLE)
async def new_instance(
    asked: schemas.NewInstance, env: SigningEnv, caller: AnyCaller
) -> schemas.InstanceAsked:
    """Ask for an instance. Poll `/instances/{instanceId}` until it is ready or failed."""
    requests = env["saas.instance.request"]
    with fields_named(
        subdomain="clientName",
        customer_email="adminEmail",
        admin_email="adminEmail",
        customer_name="customerName",
        admin_name="customerName",
    ):
        choices = requests._values_by_api(
            caller, asked.plan, asked.template, asked.runtime, asked.language, asked.country, asked.timezone
        )
        request = requests._ask_by_api(caller, {**_wishes(asked), **choices})
    return schemas.InstanceAsked(
        instanceId=request.reference,
        status="creating",
        message=request._public_message(),
        warnings=request._public_warnings(caller),
    )


def _wishes(asked):
    name = asked.clientName
    company = asked.companyName or name.replace("-", " ").strip().title()
    is_too_long = gateway.malformed(name) == "too_long"
    return {
        "customer_name": asked.customerName or company,
        "admin_name": asked.customerName,
        "company_name": company,
        "customer_email": asked.adminEmail,
        "admin_email": asked.adminEmail,
        "subdomain": name if is_too_long else _DASHES.sub("-", name).strip("-"),
    }


@router.get("/{instance_id}", responses=refusals(404))
async def instance_status(
    instance_id: InstanceId, env: SigningEnv, caller: AnyCaller
) -> schemas.InstanceStatus:
    """How far it is; once ready, where it is and how to get in."""
    # sudo: callers who see a request may read its whole status
    request = env["saas.instance.request"]._find_by_api(caller, instance_id).sudo()
    instance = request.instance_id
    return schemas.InstanceStatus(
        status=request._short_state(),
        progress=int(request.progress),
        message=request._public_message(),
        instanceUrl=instance.url or None,
        adminEmail=request.admin_email or request.customer_email,
        adminPassword=request._take_password(caller),
        databaseName=instance.database_name or None,
        projectId=instance.project or None,
        error=request._public_error(caller),
    )
