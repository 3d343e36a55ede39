"""The servers: their addresses and their health."""

from odoo.exceptions import ValidationError

from tenantry import __version__
from tenantry.errors import TenantryError
from tenantry.model.server import ServerAddress

from .engines import _engine, _engine_of
from .errors import sentence, translated


def check_server_address(text):
    with translated(ValidationError):
        ServerAddress.of(text or "")


def address_settings():
    """The base domain and the protocol that the running servers use."""
    facts = _engine().facts()
    return {"base_domain": facts.base_domain, "protocol": facts.protocol}


def url_of(subdomain, server=None):
    """The URL of an instance with that name, existing or not; without a port if the server never ran.

    server: as in `taken`.
    """
    engine = _engine_of(server) if server else _engine()
    try:
        return engine.instances.url_of(subdomain)
    except TenantryError:
        facts = engine.facts()
        return f"{facts.protocol}://{subdomain}.{facts.base_domain}"


def save_address_settings(base_domain, protocol):
    """Save the address settings. The servers read them at their next start."""
    _engine().keep_address(base_domain, protocol)


def server_status(server):
    """The status of a server: `health`, `health_message`, and its `base_domain` if it answers."""
    if server.runtime != "shared":
        return {"health": "unknown", "health_message": "This runtime is not supported yet."}
    told = {}
    try:
        engine = _engine_of(server)
        facts = engine.facts()
        told = {"base_domain": facts.base_domain}
        fault = _fault_of(server, engine, facts)
    except TenantryError as error:
        fault = sentence(error)
    return {**told, "health": "critical" if fault else "healthy", "health_message": fault}


def _fault_of(server, engine, facts):
    """Why the server can have no instances, as a sentence; False if it can."""
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
