"""The servers: their addresses and their health."""

from contextlib import suppress
from datetime import UTC, datetime

from odoo.exceptions import ValidationError

from tenantry import __version__
from tenantry.errors import MailServerNotSet, TenantryError
from tenantry.model.mail import Security, Smarthost, checked
from tenantry.model.secret import Secret
from tenantry.model.server import WIRE, ServerAddress

from . import sentences
from .engines import _engine, _engine_of
from .errors import translated
from .sentences import sentence

_MOST_TO_WAIT_S = 2
"""For a mail relay that does not answer, while a user waits for a page."""


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


RUNTIMES = ("shared", "docker")
"""How instances can run; a server says in its settings which of them it has."""


def server_status(server):
    """The status of a server: `health`, `health_message`; its `base_domain` and `runtime` if it answers."""
    if server.runtime not in RUNTIMES:
        return {"health": "unknown", "health_message": sentences.NO_RUNTIME}
    told = {}
    try:
        engine = _engine_of(server)
        facts = engine.facts()
        told = {"base_domain": facts.base_domain}
        if facts.runtime in RUNTIMES:
            told["runtime"] = facts.runtime
        fault = _fault_of(server, engine, facts)
    except TenantryError as error:
        fault = sentence(error)
    return {**told, "health": "critical" if fault else "healthy", "health_message": fault}


def _fault_of(server, engine, facts):
    """Why the server can have no instances, as a sentence; False if it can."""
    if facts.version != __version__:
        return sentences.OTHER_VERSION.format(there=facts.version, here=__version__)
    if facts.wire != WIRE:
        return sentences.OTHER_WIRE.format(there=facts.version)
    wanted = ServerAddress.of(server.address or "").name
    if facts.name != wanted:
        return sentences.OTHER_SERVER.format(there=facts.name, wanted=wanted)
    if facts.series != server.series:
        return sentences.OTHER_SERIES.format(there=facts.series)
    return False if engine.is_up() else sentences.NO_ANSWER
