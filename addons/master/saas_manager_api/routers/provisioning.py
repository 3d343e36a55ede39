"""`/api/provisioning`: A1 to A3, in the form that S3's clients use."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query
from odoo import fields
from odoo.addons.saas_manager import gateway

from .. import schemas
from ..dependencies import REPEATABLE, AnyCaller, Env, SecretCaller, SigningEnv
from ..errors import problem
from ..openapi import OPEN
from .common import Name, fields_named, refusals, utc

router = APIRouter(prefix="/provisioning", tags=["provisioning"])

_LEVELS = ("debug", "info", "warning", "error", "critical")
RequestId = Annotated[schemas.Reference, Path()]


@router.post("/create_instance", status_code=202, responses=refusals(409), dependencies=REPEATABLE)
async def create_instance(
    asked: schemas.CreateInstance, env: SigningEnv, caller: AnyCaller
) -> schemas.Accepted:
    """Ask for an instance. Poll `request_status` until it is completed or failed."""
    requests = env["saas.instance.request"]
    told = asked.model_dump(
        include={"customer_email", "customer_name", "company_name", "subdomain", "admin_email", "admin_name"}
    )
    admin_email = asked.admin_email or asked.customer_email
    if gateway.tidy_email(admin_email) == gateway.tidy_email(asked.customer_email):
        told["admin_name"] = asked.admin_name or asked.customer_name
    with fields_named(plan="plan_id"):
        choices = requests._values_by_api(
            caller, asked.plan_id, asked.template, None, asked.language, asked.country, asked.timezone
        )
        request = requests._ask_by_api(caller, {**told, **choices})
    data = schemas.AcceptedRequest(
        request_id=request.reference,
        state=request._long_state(),
        subdomain=request.subdomain,
        warnings=request._public_warnings(caller),
    )
    return schemas.Accepted(request_id=request.reference, message=request._public_message(), data=data)


@router.get("/request_status/{request_id}", responses=refusals(404))
async def request_status(
    request_id: RequestId, env: SigningEnv, caller: AnyCaller
) -> schemas.RequestStatusAnswer:
    """How far a request is. It is completed only when the instance answers at its address."""
    # sudo: callers who see a request may read its whole status
    request = env["saas.instance.request"]._find_by_api(caller, request_id).sudo()
    data = status_of(request, request._public_error(caller))
    return schemas.RequestStatusAnswer(message=request._public_message(), data=data)


def status_of(request, error):
    instance = request.instance_id
    return schemas.RequestStatus(
        state=request._long_state(),
        progress=int(request.progress),
        step=request.progress_step or None,
        instance=_brief(instance) if instance else None,
        error=error,
    )


@router.get("/instance_info/{subdomain}", responses=refusals(404))
async def instance_info(subdomain: Name, env: Env, _caller: SecretCaller) -> schemas.InstanceInfoAnswer:
    """An instance: its state, its plan, what it uses."""
    instance = env["saas.instance"]._find_by_api(subdomain)
    of_one = {"mails": _mails_of(instance), "backups": _backups_of(instance)}
    return schemas.InstanceInfoAnswer(data=info_of(instance).model_copy(update=of_one))


def _backups_of(instance):
    # sudo: customers may know the backups of their own instance
    return [
        schemas.Backup(
            name=backup.reference,
            made_at=utc(backup.made_at),
            reason=backup.reason,
            size_mb=backup.size_mb,
            proof=backup.proof_state,
            proved_at=utc(backup.proved_at),
            restore_s=backup.restore_s or None,
        )
        for backup in instance.sudo().backup_ids
    ]


def _mails_of(instance):
    if instance.env.user.share or not instance.mail_per_hour:
        return None
    return schemas.Mails(
        sent=instance.mail_sent,
        per_hour=instance.mail_per_hour,
        refused=instance.mail_refused,
        last_refusal=instance.mail_refusal or None,
        last_refused_at=utc(instance.mail_refused_at),
    )


def info_of(instance):
    # sudo: customers may know the names of their own instance's plan and template
    plan, template = instance.sudo().plan_id, instance.sudo().template_id
    # sudo: callers may know the running operation and the host names; only operators may know why it failed
    under_way = instance.sudo()
    return schemas.InstanceInfo(
        **_brief(instance).model_dump(),
        name=instance.name,
        plan=schemas.PlanBrief(id=plan.id, code=plan.code, name=plan.name),
        template=template.code,
        series=instance.series or None,
        run_state=instance.run_state,
        operation=under_way.operation or None,
        progress=int(under_way.progress),
        step=under_way.progress_step or None,
        **_reasons_of(instance),
        health=instance.health,
        admin_email=instance.admin_email,
        users=instance.user_count,
        max_users=instance.max_users,
        storage_mb=instance.storage_mb,
        max_storage_gb=instance.max_storage_gb,
        created_at=utc(instance.create_date),
        activated_at=utc(instance.activated_at),
        last_activity_at=utc(instance.last_activity_at),
        expires_on=fields.Date.to_string(instance.expires_on) or None,
        domains=[_domain(hostname, instance.env.user) for hostname in under_way.hostname_ids],
    )


def _reasons_of(instance):
    if instance.env.user.share:
        return {"reason": None, "failure": None}
    failure = instance.failure_text or None
    return {"reason": failure or instance.state_reason_text or None, "failure": failure}


def _domain(hostname, user):
    return schemas.Domain(
        name=hostname.name,
        state=hostname.state,
        reason=None if user.share else hostname.reason_text or None,
        since=utc(hostname.state_at),
    )


@router.post(
    "/manage_instance/{subdomain}", status_code=202, responses=refusals(404, 409), dependencies=REPEATABLE
)
async def manage_instance(
    subdomain: Name, asked: schemas.ManageInstance, env: Env, _caller: SecretCaller
) -> schemas.ManagedAnswer:
    """Start an operation on an instance. Its state shows when the operation has ended."""
    instance = env["saas.instance"]._find_by_api(subdomain)
    instance._manage_by_api(**asked.model_dump())
    data = schemas.Managed(
        id=instance.sudo().reference,  # sudo: as for `_brief`
        subdomain=instance.subdomain,
        action=asked.action,
        state=instance.state,
    )
    return schemas.ManagedAnswer(data=data, message=env._("It is under way."))


@router.get("/validate_subdomain", responses=refusals())
async def validate_subdomain(
    subdomain: Annotated[str, Query(examples=["mycompany"])],
    env: SigningEnv,
    _caller: AnyCaller,
) -> schemas.SubdomainAnswer:
    """Whether a subdomain is available, with suggestions if it is not."""
    return _judge(env, subdomain)


@router.post("/validate_subdomain", responses=refusals(), dependencies=REPEATABLE)
async def validate_subdomain_sent(
    asked: schemas.Subdomain, env: SigningEnv, _caller: AnyCaller
) -> schemas.SubdomainAnswer:
    """The same, by POST."""
    return _judge(env, asked.subdomain)


def _judge(env, subdomain):
    objection = env["saas.instance"]._objection(subdomain)
    refusal = objection and problem(objection)
    details = refusal.told_details(env.lang) if refusal else {}
    data = schemas.SubdomainJudgement(
        subdomain=subdomain,
        available=not refusal,
        error_code=refusal and refusal.code,
        error=refusal and refusal.told(env.lang),
        details=details,
        suggestions=details.get("suggestions", []),
    )
    return schemas.SubdomainAnswer(message=data.error or env._("%s is free.", subdomain), data=data)


@router.get("/plans", responses=refusals())
async def plans(env: SigningEnv, caller: AnyCaller) -> schemas.PlansAnswer:
    """The plans that this key may order; with a publishable key, those that are shown at the signup."""
    # sudo: prices are public
    found = env["saas.plan"].sudo().search(env["saas.instance.request"]._offered_to(caller))
    return schemas.PlansAnswer(data=[_plan(plan) for plan in found])


def _plan(plan):
    return schemas.Plan(
        id=plan.id,
        code=plan.code,
        name=plan.name,
        price_monthly=plan.price_monthly,
        price_yearly=plan.price_yearly,
        currency=plan.currency_id.name,
        trial_days=plan.trial_days,
        max_users=plan.max_users,
        max_storage_gb=plan.max_storage_gb,
        popular=plan.is_popular,
        shown=plan.is_shown,
        runtime=plan.runtime,
        features=str(plan.features) if plan.features else None,
        templates=plan.template_ids.mapped("code"),
    )


@router.get("/templates", responses=refusals())
async def templates(env: SigningEnv, caller: AnyCaller) -> schemas.TemplatesAnswer:
    """The templates that this key may order and that are ready; else as for plans."""
    # sudo: offers are public
    domain = [*env["saas.instance.request"]._offered_to(caller), ("is_template_ready", "=", True)]
    found = env["saas.template"].sudo().search(domain)
    return schemas.TemplatesAnswer(data=[_template(template) for template in found])


def _template(template):
    return schemas.Template(
        code=template.code,
        name=template.name,
        description=str(template.description) if template.description else None,
        series=template.series,
        languages=sorted(template._languages()),
        country=template.chart_country_code or template.country_id.code or None,
        domain=gateway.base_domain_of(template.server_id),
        shown=template.is_shown,
    )


@router.get("/countries", responses=refusals())
async def countries(
    env: SigningEnv,
    _caller: AnyCaller,
    timezone: Annotated[
        schemas.TimeZone | None, Query(description="A browser's, to guess its country.")
    ] = None,
) -> schemas.CountriesAnswer:
    """The countries to choose from."""
    choices = env["res.country"]._saas_choices()
    guessed = env["res.country"]._saas_of_time_zone(timezone or "")
    return schemas.CountriesAnswer(
        data=[schemas.CountryChoice(code=code, name=name) for code, name in choices],
        guess=guessed.code or None,
    )


@router.get("/instance_logs/{subdomain}", responses=refusals(404))
async def instance_logs(
    subdomain: Name,
    env: Env,
    _caller: SecretCaller,
    hours: Annotated[int, Query(ge=1, le=8760, description="How far back.")] = 24,
    level: Annotated[schemas.Level, Query(description="This level and more severe ones.")] = "debug",
    limit: Annotated[int, Query(ge=1, le=500, description="The maximum number of lines.")] = 100,
    before: Annotated[int | None, Query(ge=1, le=2**31 - 1, description="`next` of the page before.")] = None,
) -> schemas.LogsAnswer:
    """What happened to an instance, the newest first, page by page."""
    instance = env["saas.instance"]._find_by_api(subdomain)
    domain = [
        ("instance_id", "=", instance.id),
        ("level", "in", _LEVELS[_LEVELS.index(level) :]),
        ("create_date", ">=", fields.Datetime.now() - timedelta(hours=hours)),
        *([("id", "<", before)] if before else []),
    ]
    lines = env["saas.instance.log"].search(domain, limit=limit + 1)
    page = lines[:limit]
    return schemas.LogsAnswer(
        data=[_log_line(line) for line in page], next=page[-1].id if len(lines) > limit else None
    )


def _log_line(line):
    return schemas.LogLine(
        id=line.id,
        at=utc(line.create_date),
        level=line.level,
        operation=line.operation or None,
        step=line.step or None,
        duration_s=line.duration_s,
        message=line.message_text,
    )


@router.get(
    "/health",
    responses={status: refusals()[status] for status in (422, 429, 500, 503)},
    openapi_extra=OPEN,
)
async def health(env: Env) -> schemas.HealthAnswer:
    """Whether the service works. Open to everybody."""
    # sudo: called without a key
    can_take = env["saas.server"].sudo()._can_take_any()
    return schemas.HealthAnswer(data=schemas.Health(status="healthy" if can_take else "degraded"))


def _brief(instance):
    # sudo: whoever sees an instance may know its id
    return schemas.InstanceBrief(
        id=instance.sudo().reference,
        subdomain=instance.subdomain,
        state=instance.state,
        url=instance.url or None,
    )
