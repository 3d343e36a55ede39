"""The servers: their addresses and their health."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple

from odoo.exceptions import ValidationError

from tenantry import __version__
from tenantry.errors import MailServerNotSet, RailwayTokenMissing, ServerNotFound, TenantryError
from tenantry.model.mail import Security, Smarthost, checked
from tenantry.model.secret import Secret
from tenantry.model.server import WIRE, ServerAddress

from . import sentences
from .engines import _engine, _engine_of, _keeper_of
from .errors import translated
from .sentences import retold, sentence, word

_MOST_TO_WAIT_S = 2
"""For a mail relay that does not answer, while a user waits for a page."""


def in_one_installation(one, other):
    """Whether two servers are of one installation, and are not the same place."""
    here, there = (ServerAddress.of(server.address or "") for server in (one, other))
    return (here.destination, here.port) == (there.destination, there.port) and here != there


def check_server_address(env, text):
    with translated(env, ValidationError):
        ServerAddress.of(text or "")


def address_settings():
    """The base domain and the protocol that the running servers use."""
    facts = _engine().facts()
    return {"base_domain": facts.base_domain, "protocol": facts.protocol}


def url_of(subdomain, server=None):
    """Where an instance of that name is or would be; without its port where the server does not say it.

    server: as of `taken`. One on another machine is not asked: pages anybody may open say addresses.
    """
    if not (server and ServerAddress.of(server.address or "").destination):
        with suppress(TenantryError):
            engine = _engine_of(server) if server else _engine()
            return engine.instances.url_of(subdomain)
    return f"{_engine().facts().protocol}://{subdomain}.{base_domain_of(server)}"


def base_domain_of(server=None):
    """The base domain of a server's instances, as it said when it was last asked."""
    known = server.base_domain if server and server.address else ""
    return known or _engine().facts().base_domain


def save_address_settings(base_domain, protocol):
    """Save the address settings. The servers read them at their next start."""
    _engine().keep_address(base_domain, protocol)


def show_provider(server, name, email, url, notice):
    """Show whom visitors ask on the server's pages of addresses that are not served."""
    _engine_of(server).keep_provider(name, email, url, notice)


def set_mail_server(server, values):
    """Let the server's instances send mail.

    values: the fields of a `Smarthost`, the password as text; None: instances cannot send.
    """
    mail = _engine_of(server).mail
    if values is None:
        mail.unset()
    else:
        mail.set(_smarthost(values))


def mail_traffic(server, names=()):
    """What instances sent in the last hour, and what was refused: by database, values for their records.

    names: of databases; without any, all. None: the server has no mail server. {}: it did not say.
    """
    try:
        told = _engine_of(server).mail.traffic(names, timeout_s=_MOST_TO_WAIT_S)
    except MailServerNotSet:
        return None
    except TenantryError:
        return {}
    return {
        row.name: {
            "mail_sent": row.sent,
            "mail_per_hour": row.per_hour,
            "mail_refused": row.refused,
            "mail_refusal": row.last_refusal or False,
            "mail_refused_at": _utc(row.last_refused_at),
        }
        for row in told
    }


def _utc(seconds):
    """seconds: since 1970; 0: never."""
    return datetime.fromtimestamp(int(seconds), UTC).replace(tzinfo=None) if seconds else False


def check_mail_server(env, values):
    """Refuse a mail server that instances cannot use. values: as of `set_mail_server`."""
    with translated(env, ValidationError):
        checked(_smarthost(values))


def _smarthost(values):
    security, password = Security(values["security"]), Secret(values["password"])
    return Smarthost(**{**values, "security": security, "password": password})


def keep_railway(server, token, workspace):
    """Let a server have its instances on Railway. token, workspace: as text; None: as they are kept.

    The engine keeps the token in a file of its own, and nobody is told it again. Raises UserError, with
    nothing kept, unless the token opens the workspace.
    """
    name, secret = ServerAddress.of(server.address or "").name, None if token is None else Secret(token)
    with translated(server.env):
        _keeper_of(server).keep_railway(name, secret, workspace)


RUNTIMES = ("shared", "docker", "railway")
"""How instances can run; a server says in its settings which of them it has."""


class _Check(NamedTuple):
    """One check of a server, ours or the engine's. fault: kept as errors are; "": it passed.

    gravity: the health of a server with this fault.
    """

    subject: str
    detail: str = ""
    fault: str = ""
    gravity: str = "critical"


_GRAVITIES = ("healthy", "unknown", "warning", "critical")
_FACTS = {"PostgreSQL": "postgres", "Container engine": "container_engine", "Image": "image"}
"""The fields of a server's record that are the details of checks."""


def server_status(server):
    """What a server says of itself, as values for its record: health, address, programs, capacity."""
    return _examined(server)[0]


def test_connection(server):
    """Make every check of a server: the values of `server_status`, and a row for each check.

    A row has its `subject`, its `health`, and a `text`: what was found, or what is wrong and the remedy. Both
    texts are in the language of the server's environment.
    """
    values, checks = _examined(server)
    lang = server.env.lang or "en_US"
    return values, [
        {
            "subject": word(check.subject, lang),
            "health": _health_of(check),
            "text": retold(check.fault, "en_US", lang) or check.fault or check.detail,
        }
        for check in checks
    ]


def _health_of(check):
    """A fault with which a server can live is a warning, too, for whoever looks."""
    if not check.fault:
        return "healthy"
    return "warning" if check.gravity == "healthy" else check.gravity


def _examined(server):
    values, checks = {}, []
    if server.runtime not in RUNTIMES:
        checks.append(_Check("Runtime", fault=sentences.NO_RUNTIME, gravity="unknown"))
    else:
        try:
            _examine(server, values, checks)
        except TenantryError as error:
            checks.append(_Check("Connection", fault=sentence(_cause(server, error))))
    faults = [check for check in checks if check.fault]
    worst = max(
        faults,
        key=lambda check: _GRAVITIES.index(check.gravity),
        default=_Check("Connection", gravity="healthy"),
    )
    message = False if worst.gravity == "healthy" else worst.fault
    return {**values, "health": worst.gravity, "health_message": message}, checks


def _cause(server, error):
    """What is wrong: the engine knows a server on Railway from its first token on."""
    is_new = isinstance(error, ServerNotFound) and server.runtime == "railway"
    return RailwayTokenMissing(server.address) if is_new else error


def _examine(server, values, checks):
    """Add to values and checks what the server says, until it cannot say any more."""
    engine = _engine_of(server)
    facts = engine.facts()
    values["base_domain"] = facts.base_domain
    if facts.runtime in RUNTIMES:
        values["runtime"] = facts.runtime
    checks.append(_Check("Connection", server.address or "local"))
    checks.extend(_agreements(server, facts))
    if any(check.fault and check.gravity == "critical" for check in checks):
        return
    condition = engine.condition()
    told = [
        _Check(it.subject, it.detail, sentence(it.fault) if it.fault else "", str(it.gravity))
        for it in condition.checks
    ]
    checks.extend(told)
    values |= {_FACTS[it.subject]: it.detail or False for it in told if it.subject in _FACTS}
    values |= _measured(condition.capacity)


def _agreements(server, facts):
    """What both sides must have in common."""
    there, wanted = facts.version, ServerAddress.of(server.address or "").name
    version = name = series = ""
    if there != __version__:
        version = sentences.OTHER_VERSION.format(there=there, here=__version__)
    elif facts.wire != WIRE:
        version = sentences.OTHER_WIRE.format(there=there)
    if facts.name != wanted:
        name = sentences.OTHER_SERVER.format(there=facts.name, wanted=wanted)
    if facts.series != server.series:
        series = sentences.OTHER_SERIES.format(there=facts.series)
    yield _Check("Version", there, version)
    yield _Check("Server", facts.name, name)
    yield _Check("Odoo Series", facts.series, series)
    # sudo: templates of other companies are built there, too
    homes = [server.id] if server.address else [server.id, False]
    built = [("server_id", "in", homes), ("template_version", "!=", False)]
    templates = server.env["saas.template"].sudo().search(built)
    if templates:
        others = ", ".join(templates.filtered(lambda it: it.series != facts.series).mapped("code"))
        fault = sentences.OTHER_TEMPLATES.format(templates=others, series=facts.series) if others else ""
        yield _Check("Templates", ", ".join(templates.mapped("code")), fault, "warning")


def _measured(capacity):
    """Values of the record; figures that were typed in stay where the server cannot say."""
    awake = {"awake_count": capacity.awake}
    if not capacity.memory_bytes:
        return awake
    return {
        **awake,
        "is_measured": True,
        "cpu_count": capacity.cpus,
        "memory_gb": capacity.memory_bytes / 2**30,
        "memory_used_gb": capacity.memory_used_bytes / 2**30,
        "disk_gb": capacity.disk_bytes / 2**30,
        "disk_used_gb": capacity.disk_used_bytes / 2**30,
    }
