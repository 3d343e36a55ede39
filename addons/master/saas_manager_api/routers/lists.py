"""`/api/provisioning`, for operators' programs: the key's user, lists; retry or cancel requests."""

from typing import Annotated

from fastapi import APIRouter, Path, Query
from odoo.tools.sql import escape_psql

from .. import schemas_lists as schemas
from ..dependencies import REPEATABLE, Env, SecretCaller
from ..faults import LINE
from ..schemas import Reference
from .common import refusals, utc
from .provisioning import info_of, status_of

router = APIRouter(prefix="/provisioning", tags=["operators"])

RequestId = Annotated[Reference, Path()]
Limit = Annotated[int, Query(ge=1, le=500, description="How many at most.")]
Before = Annotated[int | None, Query(ge=1, le=2**31 - 1, description="`next` of the page before.")]
Search = Annotated[
    str | None,
    Query(
        min_length=1,
        max_length=100,
        pattern=LINE,
        description="A part of the subdomain or of the company's name.",
    ),
]


@router.get("/me", responses=refusals())
async def me(env: Env, _caller: SecretCaller) -> schemas.MeAnswer:
    """The user of this key, and the rights they have."""
    user = env.user
    data = schemas.Me(name=user.name, login=user.login, company=user.company_id.name, may=_may(env))
    return schemas.MeAnswer(data=data)


def _may(env):
    instances, requests = env["saas.instance"], env["saas.instance.request"]
    rights = {
        "read": instances.has_access("read"),
        "create": instances.has_access("create") and requests.has_access("create"),
        "manage": instances.has_access("write"),
        "terminate": env.user.has_group("saas_manager.group_saas_administrator"),
    }
    return [right for right, is_his in rights.items() if is_his]


@router.get("/instances", responses=refusals())
async def instances(
    env: Env,
    _caller: SecretCaller,
    state: Annotated[
        schemas.InstanceState | None, Query(description="All but the terminated ones if left out.")
    ] = None,
    search: Search = None,
    limit: Limit = 100,
    before: Before = None,
) -> schemas.InstancesAnswer:
    """The instances this key's user may see, the newest first, page by page."""
    domain = [("state", "=", state) if state else ("state", "!=", "terminated")]
    if search:
        part = escape_psql(search)
        domain += ["|", ("subdomain", "ilike", part), ("name", "ilike", part)]
    page, following = _page(env["saas.instance"], domain, limit, before)
    return schemas.InstancesAnswer(data=[info_of(instance) for instance in page], next=following)


@router.get("/requests", responses=refusals())
async def requests(
    env: Env,
    _caller: SecretCaller,
    state: Annotated[schemas.RequestState | None, Query(description="All if left out.")] = None,
    limit: Limit = 100,
    before: Before = None,
) -> schemas.RequestsAnswer:
    """What was asked for, the newest first, page by page."""
    domain = [("state", "=", state)] if state else []
    page, following = _page(env["saas.instance.request"], domain, limit, before)
    # sudo: callers who see a request may know the name and the address of its instance; read all at once
    page = page.sudo()
    page.instance_id.fetch(("subdomain", "state", "url"))
    return schemas.RequestsAnswer(data=[_row(request) for request in page], next=following)


def _page(records, domain, limit, before):
    """One page, and the start of the next one."""
    if before:
        domain = [*domain, ("id", "<", before)]
    found = records.search(domain, order="id desc", limit=limit + 1)
    page = found[:limit]
    return page, page[-1].id if len(found) > limit else None


def _row(request):
    return schemas.RequestRow(
        **status_of(request, request.error or None).model_dump() | {"state": request.state},
        request_id=request.reference,
        number=request.name,
        source=request.source,
        subdomain=request.subdomain,
        company_name=request.company_name,
        attempts=request.attempt_count,
        created_at=utc(request.create_date),
        completed_at=utc(request.completed_at),
    )


@router.post(
    "/manage_request/{request_id}", status_code=202, responses=refusals(404, 409), dependencies=REPEATABLE
)
async def manage_request(
    request_id: RequestId, asked: schemas.ManageRequest, env: Env, caller: SecretCaller
) -> schemas.RequestManagedAnswer:
    """Retry a failed request, or cancel one that is not being processed."""
    request = env["saas.instance.request"]._find_by_api(caller, request_id)
    request._manage_by_api(asked.action)
    data = schemas.RequestManaged(request_id=request_id, action=asked.action, state=request.state)
    return schemas.RequestManagedAnswer(data=data)
