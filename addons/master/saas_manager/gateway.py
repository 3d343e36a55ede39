"""The only file of the back office that reaches the engine.

Everything here takes and gives Odoo records and plain values. The engine's errors come out of
it as `EngineError`: a sentence and a remedy for people, `retryable` for the queue.
"""

import functools
import logging
import unicodedata
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, time, timedelta

import pytz
from odoo.addons.queue_job.exception import RetryableJobError
from odoo.exceptions import UserError, ValidationError

from tenantry import __version__
from tenantry.agent.client import engine_at
from tenantry.errors import (
    InstanceNotFound,
    InvalidInput,
    NotYet,
    TemplateNotFound,
    TenantryError,
    UnsupportedSeries,
)
from tenantry.model import advice, limits, names
from tenantry.model.entitlements import Entitlements
from tenantry.model.operations import OPERATIONS
from tenantry.model.recipe import Recipe
from tenantry.model.secret import Secret, random_password
from tenantry.model.server import ServerAddress

from .exceptions import CONNECTION_LOST

_logger = logging.getLogger(__name__)

EngineError = TenantryError

_MOST_TO_WAIT_S = 2
"""For a tenant server that is away, while somebody waits for a page."""
_LOG_LINES, _LOG_LINE_LENGTH = 200, 1000
_MOST = 2**31 - 1
"""A process counts its requests itself and could say any number; XML-RPC knows none above this one."""


def sentence(error):
    """What went wrong and what to do about it, for a person."""
    return f"{error} {error.remedy}".strip()


@contextmanager
def translated(error_class=UserError):
    """Tell a person at the screen what the engine refused."""
    try:
        yield
    except TenantryError as error:
        raise error_class(sentence(error)) from error


@contextmanager
def retrying(log=None):
    """Let the queue try again what may work later, such as when PostgreSQL is being restarted."""
    try:
        yield
    except NotYet as error:
        raise RetryableJobError(str(error), seconds=error.after_s, ignore_retry=True) from error
    except TenantryError as error:
        if not error.retryable:
            raise
        if log:
            log.tell("warning", sentence(error))
        raise RetryableJobError(sentence(error)) from error
    except CONNECTION_LOST as error:
        raise RetryableJobError(str(error).strip()) from error


@functools.cache
def _engine_at(address):
    return engine_at(address)


def _engine():
    """The engine of the installation's own server; secrets of columns are sealed with its key."""
    return _engine_at("")


def _engine_of(server):
    """The engine that works for a server; for none, the installation's own."""
    return _engine_at(server.address or "")


# ---------------------------------------------------------------- checks and secrets


def check_slug(text):
    with translated(ValidationError):
        names.template_code(text or "")


def check_server_address(text):
    with translated(ValidationError):
        ServerAddress.of(text or "")


def check_recipe(template):
    """Raise ValidationError unless the engine could build it."""
    with translated(ValidationError):
        _recipe(template)


def subdomain_fault(text, reserved):
    """I3: which `NameFault` speaks against it; None if none does."""
    return names.instance_name_fault(text or "", _engine().facts().reserved_names | reserved)


def malformed(text):
    """As `subdomain_fault`, of a name that was given long ago: what is reserved today does not matter."""
    return names.instance_name_fault(text, frozenset())


def check_hostname(text):
    with translated(ValidationError):
        names.hostname(text or "")


def taken(subdomains):
    """Those of them that the engine has something of, whose ever; none while it does not answer."""
    with suppress(TenantryError):
        return _engine().instances.taken(subdomains)
    return frozenset()


def is_label(text):
    """Whether it could be a subdomain, reserved or not."""
    return names.is_label(text)


def is_email(text):
    return _is_valid(names.email, text)


def is_caption(text):
    """Whether it is a person's or a company's name, as it may stand in a mail to anybody."""
    return _is_valid(names.caption, text)


def _is_valid(rule, text):
    try:
        rule(text or "")
    except InvalidInput:
        return False
    return True


def tidy_email(text):
    """In its one spelling; what is no address stays as it is, for the models to refuse."""
    try:
        return names.email(text)
    except InvalidInput:
        return text


def tidy_hostname(text):
    """As `tidy_email`, of a host name."""
    try:
        return names.hostname(text)
    except InvalidInput:
        return text


def tidy_caption(text):
    """As `tidy_email`, of a person's or a company's name."""
    try:
        return names.caption(text)
    except InvalidInput:
        return text


def suggest_subdomains(text, reserved, is_taken, count=3):
    """I3: valid, free subdomains made from a company's name, the closest first."""
    reserved = _engine().facts().reserved_names | reserved
    first = names.suggest(text or "", reserved) or "my-company"
    candidates = (first, *names.alternatives(first, reserved, count=100))
    free = (name for name in candidates if not is_taken(name))
    return [name for name, _count in zip(free, range(count), strict=False)]


def seal(text):
    """X5: encrypt a secret for a column; the key is outside the database."""
    return _engine().seal(Secret(text))


def unseal(sealed):
    return _engine().unseal(sealed).reveal()


def new_password():
    """A new administrator's password, sealed."""
    return _engine().seal(random_password())


def address_settings():
    """The base domain and the protocol the running servers know."""
    facts = _engine().facts()
    return {"base_domain": facts.base_domain, "protocol": facts.protocol}


def url_of(subdomain):
    """Where an instance of that name is or would be; without its port while the server never ran."""
    try:
        return _engine().instances.url_of(subdomain)
    except TenantryError:
        facts = _engine().facts()
        return f"{facts.protocol}://{subdomain}.{facts.base_domain}"


def save_address_settings(base_domain, protocol):
    """Keep them for the next start of the servers."""
    _engine().keep_address(base_domain, protocol)


# ---------------------------------------------------------------- templates


def _recipe(template):
    return Recipe.from_mapping(template.code or "", template._recipe())


def _builder_of(template):
    """The engine that builds it. Raises UnsupportedSeries: a server runs one series of Odoo."""
    engine = _engine_of(template.server_id)
    series = engine.facts().series
    if template.series != series:
        raise UnsupportedSeries(template.series, [series])
    return engine


def build_template(template, on_step):
    return _builder_of(template).templates.build(_recipe(template), on_step)


def rebuild_template(template, on_step):
    """Build it anew, unless a run that was not heard of has done so."""
    engine = _builder_of(template)
    done = _newer_version(engine, template)
    if done and not done.stale:
        return done
    return engine.templates.build(_recipe(template), on_step, rebuild=True)


def _newer_version(engine, template):
    """The template there is if it is another version than the record knows of; else None."""
    if not template.template_version:
        return None
    try:
        found = engine.templates.get(_recipe(template))
    except TemplateNotFound:
        return None
    return found if found.version != template.template_version else None


def edit_template(template):
    return _engine_of(template.server_id).templates.edit(template.code)


def finish_editing(template, on_step):
    """Take the edited copy back, unless a run that was not heard of has done so."""
    engine = _engine_of(template.server_id)
    try:
        return engine.templates.finish_editing(template.code, on_step)
    except TemplateNotFound:
        done = _newer_version(engine, template)
        if not done:
            raise
        return done


def clone_template(template, database):
    return _engine_of(template.server_id).templates.clone(template.code, database)


def fill_pool(template):
    """Bring the pool to its size; return how many spares it has then."""
    engine = _engine_of(template.server_id)
    engine.pool.fill(template.code, template.pool_size)
    return _usable_spares(engine).get(template.code, 0)


def pool_status(templates):
    """(template, values for its record, why it is stale or "") for each whose server answers."""
    for server, there in templates.grouped("server_id").items():
        try:
            yield from _pool_status(_engine_of(server), there)
        except TenantryError as error:
            _logger.warning("%s: %s", server.name or "the installation's own server", sentence(error))


def _pool_status(engine, templates):
    spares = _usable_spares(engine)
    for template in templates:
        values = {"spare_count": spares.get(template.code, 0)}
        try:
            found = engine.templates.get(_recipe(template))
        except TemplateNotFound as error:
            yield template, values, str(error)
        else:
            yield template, {**values, **offered(found)}, found.stale


def offered(built):
    """What a built template offers, as values for its record."""
    return {
        "loaded_languages": " ".join(built.languages),
        "chart_country_code": built.chart_country,
        "size_mb": built.size_bytes / 2**20,
    }


def foreign_chart(template, country, templates):
    """See `tenantry.model.advice`; templates: what else there is."""
    charts = {it.code: it.chart_country_code or "" for it in template | templates}
    return advice.foreign_chart(template.code, country.code or "", charts)


def _usable_spares(engine):
    return {pool.template: pool.usable for pool in engine.pool.status()}


# ---------------------------------------------------------------- instances


def provisioning(instance, on_step):
    """A creation part by part; see `tenantry.operations.instance.provision.Session`."""
    engine = _engine_of(instance.server_id)
    return engine.instances.provisioning(_spec(engine, instance), on_step)


def _spec(engine, instance):
    return engine.instances.spec(
        name=instance.subdomain,
        email=instance.admin_email,
        company=instance.name,
        template=instance.template_id.code,
        language=instance.language_id.code or "",
        country=instance.country_id.code or "",
        timezone=instance.tz or "",
        hostnames=instance.hostname_ids.mapped("name"),
        password=_engine().unseal(instance.admin_password_sealed),
        reference=instance.reference,
        entitlements=_entitlements(instance),
        limits=_limits(instance.plan_id),
    )


def _entitlements(instance):
    """I13: what the instance may use, for the engine to sign."""
    return Entitlements(
        users=instance.plan_id.max_users,
        storage_gb=instance.plan_id.max_storage_gb,
        expires_at=_instant(instance.subscription_id.expiry_to_show(), instance.tz),
        state=instance.subscription_id.state or "",
        plan=instance.plan_id.name,
    )


def _limits(plan):
    """What an instance's process may use; 0 is the server's own limit."""
    return {"idle_s": 60 * plan.sleep_after_minutes, "memory_mb": plan.memory_limit_mb}


def check_limits(plan):
    with translated(ValidationError):
        limits.checked(_limits(plan))


def _instant(day, timezone):
    """When a day begins, as `Entitlements` has it; "" for no day."""
    if not day:
        return ""
    return pytz.timezone(timezone or "UTC").localize(datetime.combine(day, time())).isoformat()


def entitle(instance):
    """Have it, and its process, know its present plan."""
    engine = _engine_of(instance.server_id)
    engine.instances.set_limits(instance.database_name, _limits(instance.plan_id))
    engine.instances.entitle(instance.database_name, _entitlements(instance))


def operate(instance, operation, on_step):
    """Have the engine do what that row of `tenantry.model.operations` says."""
    engine = _engine_of(instance.server_id)
    engine.instances.operate(instance.database_name, OPERATIONS[operation].engine or operation, on_step)


def rename(instance, name, on_step):
    """Its names afterwards; see `tenantry.model.instance.Instance`."""
    return _engine_of(instance.server_id).instances.rename(instance.database_name, name, on_step)


def check_hostnames(instance):
    """Raise EngineError if somebody else has one of its host names."""
    names_wanted = instance.hostname_ids.mapped("name")
    _engine_of(instance.server_id).instances.check_hostnames(instance.database_name, names_wanted)


def set_hostnames(instance):
    names_wanted = instance.hostname_ids.mapped("name")
    _engine_of(instance.server_id).instances.set_hostnames(instance.database_name, names_wanted)


def check_modules(instance, modules):
    """Raise EngineError if one of them is on no addons path."""
    _engine_of(instance[:1].server_id).instances.check_modules(modules)


def install_modules(instance, modules):
    """Return those that were not there yet."""
    return _engine_of(instance.server_id).instances.install_modules(instance.database_name, modules)


def find(instance):
    """What the engine knows of the instance, whatever it is called by now; None when it has none."""
    try:
        return _engine_of(instance.server_id).instances.find_by_reference(instance.reference)
    except TenantryError:
        return None


def terminate(instance, on_step):
    """Drop everything of it; what is gone already is fine, and another's of the same name stays."""
    engine = _engine_of(instance.server_id)
    with suppress(InstanceNotFound):
        engine.instances.terminate(instance.database_name, on_step, instance.reference)


def abandon(instance):
    """Remove what its failed creation may have left; another's of the same name stays."""
    with translated():
        _engine_of(instance.server_id).instances.abandon(instance.database_name, instance.reference)


def login_link(instance, by="", support=False, origin=""):
    """I7: a link that logs in once, as the customer's administrator or, with their consent, as support."""
    engine = _engine_of(instance.server_id)
    return engine.instances.login_link(instance.database_name, by=by, support=support, origin=origin)


def measure(instance):
    """H1: what an instance uses and whether it answers, as values for its record."""
    name = instance.database_name
    try:
        engine = _engine_of(instance.server_id)
        usage, answering, url = (
            engine.instances.usage(name),
            engine.instances.is_serving(name),
            engine.instances.url_of(name),
        )
    except TenantryError as error:
        return {"health": "critical", "health_message": sentence(error)}
    is_stopped = instance.run_state == "stopped"
    missing = ("unknown", False) if is_stopped else ("critical", "It does not answer at its address.")
    health, message = ("healthy", False) if answering else missing
    return {
        "health": health,
        "health_message": message,
        "url": url,
        "user_count": usage.users,
        "storage_mb": usage.storage_bytes / 2**20,
        "last_activity_at": _utc(usage.last_activity),
    }


def activities(instances):
    """What their processes are doing, as values for their records; it wakes none.

    By instance; without those whose server does not answer soon, or knows nothing of them.
    """
    found = {}
    for server, there in instances.grouped("server_id").items():
        with suppress(TenantryError):
            names_there = there.mapped("database_name")
            told = _engine_of(server).instances.activities(names_there, timeout_s=_MOST_TO_WAIT_S)
            known = {activity.name: activity for activity in told}
            found |= {it: _process(known[it.database_name]) for it in there if it.database_name in known}
    return found


def _process(activity):
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    since, next_job_s = activity.since, activity.next_job_s
    state = "awake" if activity.is_awake else "asleep"
    return {
        "process_state": "broken" if activity.is_broken else state,
        "awake_since": datetime.fromtimestamp(int(since), UTC).replace(tzinfo=None) if since else False,
        "process_memory_mb": activity.memory_bytes / 2**20,
        "process_cpu_s": activity.cpu_s,
        "process_requests": min(activity.requests, _MOST),
        "process_websockets": min(activity.websockets, _MOST),
        "next_job_at": False if next_job_s is None else now + timedelta(seconds=max(next_job_s, 0)),
    }


BROKEN = {
    "health": "critical",
    "health_message": "Its Odoo cannot be loaded; the log of its process tells why.",
}


def broken_databases(server):
    """Whose process says that its Odoo cannot be loaded; none while the server does not answer soon."""
    with suppress(TenantryError):
        told = _engine_of(server).instances.activities(timeout_s=_MOST_TO_WAIT_S)
        return [activity.name for activity in told if activity.is_broken]
    return []


def process_log(instance):
    """The last lines its processes logged. They are its customer's: whatever they want stands in them."""
    with translated():
        lines = _engine_of(instance.server_id).instances.logs(instance.database_name, _LOG_LINES)
    return "\n".join(_printable(line[:_LOG_LINE_LENGTH]) for line in lines)


def _printable(line):
    """Without what would move the cursor, or turn the direction of the text round."""
    is_control = {char: unicodedata.category(char)[0] == "C" and char != "\t" for char in set(line)}
    return "".join("\N{REPLACEMENT CHARACTER}" if is_control[char] else char for char in line)


def _utc(moment):
    """An ISO moment as Odoo stores it, without its offset."""
    if not moment:
        return False
    return datetime.fromisoformat(moment).astimezone(UTC).replace(tzinfo=None)


# ---------------------------------------------------------------- servers


def server_status(server):
    """How a server is: `health` and `health_message`."""
    if server.runtime != "shared":
        return {"health": "unknown", "health_message": "This runtime is not supported yet."}
    if server.sudo().dsn_sealed or server.filestore_root:
        # Unknown health keeps instances away: they would go somewhere else.
        return {"health": "unknown", "health_message": "Set its cluster and its files in settings.toml."}
    try:
        fault = _fault_of(server)
    except TenantryError as error:
        fault = sentence(error)
    return {"health": "critical" if fault else "healthy", "health_message": fault}


def _fault_of(server):
    """Why no instance can be there, in a sentence; False when they can."""
    engine = _engine_of(server)
    facts = engine.facts()
    if facts.version != __version__:
        return f"It runs Tenantry {facts.version}, and this is {__version__}: upgrade the older one."
    wanted = ServerAddress.of(server.address or "").name
    if facts.name != wanted:
        return (
            f"The server {facts.name} answers there, not {wanted}: its address or its ssh command is wrong."
        )
    if facts.series != server.series:
        return f"It runs Odoo {facts.series}."
    return False if engine.is_up() else "The tenant server does not answer."
