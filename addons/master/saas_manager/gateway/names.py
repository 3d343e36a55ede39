"""The rules for names: subdomains, host names, email addresses, names of people."""

from contextlib import suppress

from odoo.exceptions import ValidationError

from tenantry.errors import InvalidInput, InvalidValue, TenantryError
from tenantry.model import names

from .engines import _engine, _engine_of
from .errors import translated
from .servers import base_domain_of


def check_slug(env, text):
    with translated(env, ValidationError):
        names.template_code(text or "")


def suggest_code(text):
    """A code made from a name; "" if it has no usable characters."""
    return names.code_of(text or "")


def subdomain_fault(text, reserved):
    """I3: the `NameFault` of a subdomain; None if it has none."""
    return names.instance_name_fault(text or "", _engine().facts().reserved_names | reserved)


def malformed(text):
    """As `subdomain_fault`, for a name that is in use: names that were reserved later do not matter."""
    return names.instance_name_fault(text, frozenset())


def check_hostname(env, text):
    with translated(env, ValidationError):
        names.hostname(text or "")


def check_outside(hostname, server=None):
    """Raise InvalidValue for a name that the server gives out itself. server: as of `taken`."""
    base_domain = base_domain_of(server)
    if f".{hostname}".endswith(f".{base_domain}"):
        raise InvalidValue("host name", hostname, f"a name outside of {base_domain}")


def taken(subdomains, server=None):
    """Those of the names that a server uses already, for any owner; empty if the server does not answer.

    server: the server of the names; none for the installation's own.
    """
    with suppress(TenantryError):
        engine = _engine_of(server) if server else _engine()
        return engine.instances.taken(subdomains)
    return frozenset()


def is_label(text):
    """Whether the name could be a subdomain, reserved or not."""
    return names.is_label(text)


def is_email(text):
    return _is_valid(names.email, text)


def is_caption(text):
    """Whether the name is a person's or a company's, and safe to show in any mail."""
    return _is_valid(names.caption, text)


def _is_valid(rule, text):
    try:
        rule(text or "")
    except InvalidInput:
        return False
    return True


def tidy_email(text):
    """Normalize an email address. An invalid one is returned unchanged, and the models refuse it."""
    try:
        return names.email(text)
    except InvalidInput:
        return text


def tidy_hostname(text):
    """As `tidy_email`, for a host name."""
    try:
        return names.hostname(text)
    except InvalidInput:
        return text


def tidy_caption(text):
    """As `tidy_email`, for a person's or a company's name."""
    try:
        return names.caption(text)
    except InvalidInput:
        return text


def suggest_subdomains(text, reserved, is_taken, count=3):
    """I3: valid, free subdomains made from a company's name, the most similar first."""
    reserved = _engine().facts().reserved_names | reserved
    first = names.suggest(text or "", reserved) or "my-company"
    candidates = (first, *names.alternatives(first, reserved, count=100))
    free = (name for name in candidates if not is_taken(name))
    return [name for name, _count in zip(free, range(count), strict=False)]
