"""Odoo sends HTTP requests to public addresses only.

Link previews, webhooks, pictures by URL, push services and so on use URLs that users enter. All of them use
`requests`, so the guard is there; PostgreSQL, SMTP, IMAP and wkhtmltopdf do not use it. The rules are the
same as for the provider's own webhooks, whose library (`requests-hardened`) a tenant's Odoo may lack.
"""

import contextvars
import functools
import ipaddress
import logging
import socket

from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectionError as FetchFailed
from requests.utils import select_proxy
from urllib3.exceptions import LocationParseError
from urllib3.util import connection, parse_url

_logger = logging.getLogger(__name__)

# Addresses that are not public, although `ipaddress`, at least of an older Python, says so.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        "100.64.0.0/10",  # carrier-grade NAT; Alibaba's metadata
        "168.63.129.16/32",  # Azure's metadata and agent
        "192.0.0.0/24",  # protocol assignments; Oracle's metadata
        "192.88.99.0/24",  # relays of 6to4
        "64:ff9b::/96",  # NAT64
        "64:ff9b:1::/48",  # NAT64 in a private network
        "2001:20::/28",  # ORCHIDv2
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
        "5f00::/16",  # segment routing
    )
)

# Whether the current thread is within `requests`. Other users of urllib3 are not restricted.
_fetching = contextvars.ContextVar("fetching", default=False)


class NotPublic(FetchFailed):
    """host: as in the URL. Its private address is in the log only: users must not learn it."""

    def __init__(self, host):
        super().__init__(f"Odoo fetches from public addresses only, and {host} has none.")


@functools.cache
def install():
    connection.create_connection = _to_public_addresses(connection.create_connection)
    HTTPAdapter.send = _from_public_addresses(HTTPAdapter.send)


def is_public(address):
    """Whether an address, as `getaddrinfo` writes it, is reachable on the public internet."""
    ip = ipaddress.ip_address(address)
    ip = getattr(ip, "ipv4_mapped", None) or ip
    is_special = ip.is_private or ip.is_multicast or ip.is_reserved or getattr(ip, "is_site_local", False)
    return not is_special and not any(ip in network for network in _NOT_PUBLIC)


def public_addresses(host, port):
    """The public addresses of a host name.

    Raises NotPublic when there is none, `socket.gaierror`, and LocationParseError for an invalid name.
    """
    try:
        found = socket.getaddrinfo(
            host.strip("[]"), port, connection.allowed_gai_family(), socket.SOCK_STREAM
        )
    except UnicodeError:
        raise LocationParseError(f"{host!r}, label empty or too long") from None
    addresses = list(dict.fromkeys(sockaddr[0] for *_, sockaddr in found))
    public = [address for address in addresses if is_public(address)]
    if not public:
        _logger.warning("refused to fetch from %s at %s", host, ", ".join(addresses))
        raise NotPublic(host)
    return public


def _to_public_addresses(create_connection):
    """Resolve the name once, and connect to the checked addresses: a later answer has no effect."""

    @functools.wraps(create_connection)
    def wrapper(address, *args, **kwargs):
        if not _fetching.get():
            return create_connection(address, *args, **kwargs)
        *others, last = public_addresses(*address)
        for public in others:
            try:
                return create_connection((public, address[1]), *args, **kwargs)
            except OSError as error:
                _logger.debug("%s does not answer at %s: %s", address[0], public, error)
        return create_connection((last, address[1]), *args, **kwargs)

    return wrapper


def _from_public_addresses(send):
    """`send` is called for each redirect, so each redirect is checked."""

    @functools.wraps(send)
    def wrapper(self, request, *args, **kwargs):
        if select_proxy(request.url, kwargs.get("proxies")):
            _refuse_to_ask_proxy_for(request.url)
            return send(self, request, *args, **kwargs)
        token = _fetching.set(True)
        try:
            return send(self, request, *args, **kwargs)
        except FetchFailed as error:
            refusal = _refusal_behind(error)
            if refusal is None:
                raise
            raise refusal from None
        finally:
            _fetching.reset(token)

    return wrapper


def _refuse_to_ask_proxy_for(url):
    """Check the addresses of a URL that a proxy will fetch; it may know names that we cannot resolve."""
    found = parse_url(url)
    try:
        public_addresses(found.host or "", found.port)
    except socket.gaierror:
        return


def _refusal_behind(error):
    """The NotPublic behind an error, or None: urllib3 and requests wrap errors in their own."""
    while error is not None and not isinstance(error, NotPublic):
        error = error.__cause__ or error.__context__
    return error
