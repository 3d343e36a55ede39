"""What names may be: subdomains, host names, addresses, people's names."""

from contextlib import suppress

from odoo.exceptions import ValidationError

from tenantry.errors import InvalidInput, InvalidValue, TenantryError
from tenantry.model import names

from .engines import _engine, _engine_of
from .errors import translated
from .servers import base_domain_of


def check_slug(text):
    with translated(ValidationError):
        names.template_code(text or "")


def subdomain_fault(text, reserved):
    """I3: which `NameFault` speaks against it; None if none does."""
    return names.instance_name_fault(text or "", _engine().facts().reserved_names | reserved)


def malformed(text):
    """As `subdomain_fault`, of a name that was given long ago: what is reserved today does not matter."""
    return names.instance_name_fault(text, frozenset())


def check_hostname(text):
    with translated(ValidationError):
        names.hostname(text or "")


def check_outside(hostname, server=None):
    """Raise InvalidValue for a name that the server gives out itself. server: as of `taken`."""
    base_domain = base_domain_of(server)
    if f".{hostname}".endswith(f".{base_domain}"):
        raise InvalidValue("host name", hostname, f"a name outside of {base_domain}")


def taken(subdomains, server=None):
    """Those of them that a server has something of, whose ever; none while it does not answer.

    server: where they are, or shall be; none for the installation's own.
    """
    with suppress(TenantryError):
        engine = _engine_of(server) if server else _engine()
        return engine.instances.taken(subdomains)
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
