"""Check that a name and host names are free, check the specification of a creation, and give advice on it."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager

from tenantry.errors import InvalidValue, NameTaken
from tenantry.model import names
from tenantry.model.address import subdomain_host
from tenantry.model.advice import ForeignChart, foreign_chart
from tenantry.model.catalog import Database, Kind, State
from tenantry.model.instance import InstanceSpec
from tenantry.operations.context import Context, relabel
from tenantry.operations.template.clone import discard, ready_template
from tenantry.postgres import databases, locks, roles
from tenantry.postgres.cluster import Connection


@contextmanager
def reserved(context: Context, connection: Connection, spec: InstanceSpec) -> Iterator[None]:
    """Lock the name and the host names for one creation, and check that it may have them.

    Raises Busy, NameTaken, InvalidValue, TemplateNotFound, TemplateNotReady.
    """
    with name_locks(connection, [spec.name], spec.hostnames):
        _check_language(connection, spec)
        check_hostnames(context, connection, spec.name, spec.hostnames)
        _check_name(context, connection, spec)
        yield


@contextmanager
def name_locks(
    connection: Connection, instances: Collection[str], hostnames: Collection[str]
) -> Iterator[None]:
    """Hold the locks of instances and of extra host names. Raises Busy."""
    subjects = [f"instance {name}" for name in sorted(instances)]
    subjects += [f"host {name}" for name in sorted(hostnames)]
    with ExitStack() as stack:
        for subject in subjects:
            stack.enter_context(locks.exclusive(connection, subject))
        yield


def _check_name(context: Context, connection: Connection, spec: InstanceSpec) -> None:
    """Refuse a name that is taken. Continue a killed creation, and finish a killed termination."""
    found = databases.find(connection, spec.name)
    if found and _is_ours(found, spec):
        return
    if found and _is_unfinished(found, spec):
        _continue_creation(context, connection, found, spec)
    else:
        check_free(context, connection, spec.name)


def check_free(context: Context, connection: Connection, name: str) -> None:
    """Refuse a name that is taken. Raises NameTaken."""
    found = databases.find(connection, name)
    if not found and roles.is_ours(connection, name):
        # A termination was killed: it drops the role last.
        discard(context, connection, name)
    elif not is_free(context, connection, name):
        taken = databases.names(connection) | context.settings.installation.reserved_names
        raise NameTaken(name, names.alternatives(name, taken))


def is_free(context: Context, connection: Connection, name: str) -> bool:
    """Whether no database, role or folder has that name, ours or another program's."""
    there = databases.find(connection, name) or roles.exists(connection, name)
    return not (there or context.filestores.exists(name))


def _is_ours(found: Database, spec: InstanceSpec) -> bool:
    """Whether this creation was finished already, by a run whose caller did not get the result."""
    label = found.label
    if not (label and label.kind is Kind.INSTANCE and label.state is State.ACTIVE):
        return False
    return spec.reference != "" and label.reference == spec.reference


def _is_unfinished(found: Database, spec: InstanceSpec) -> bool:
    label = found.label
    if not (label and label.kind is Kind.INSTANCE and label.state is State.PROVISIONING):
        return False
    return label.reference in ("", spec.reference)


def _continue_creation(context: Context, connection: Connection, found: Database, spec: InstanceSpec) -> None:
    """Continue an unfinished creation; discard it if the new specification has another template."""
    assert found.label
    if found.label.template == spec.template:
        label = found.label.having(hostnames=spec.hostnames, limits=spec.limits)
        relabel(context, connection, spec.name, label)
    else:
        context.filestores.remove(found.filestore)
        discard(context, connection, spec.name)


def check_hostnames(
    context: Context, connection: Connection, instance: str, hostnames: Collection[str]
) -> None:
    """Check that no other instance has these host names, and that none is below the base domain.

    Raises InvalidValue, NameTaken.
    """
    base_domain = context.settings.base_domain
    for host in (subdomain_host(instance, base_domain), *hostnames):
        if len(host) > context.runtime.capabilities.longest_host:
            most = context.runtime.capabilities.longest_host
            raise InvalidValue("host name", host, f"at most {most} characters, for the front's sake")
    for hostname in hostnames:
        if hostname == base_domain or hostname.endswith(f".{base_domain}"):
            raise InvalidValue("host name", hostname, f"a name outside of {base_domain}")
    for other in databases.listing(connection, Kind.INSTANCE) if hostnames else ():
        taken = set(hostnames) & set(other.label.hostnames if other.label else ())
        if taken and other.name != instance:
            raise NameTaken(min(taken))


def _check_language(connection: Connection, spec: InstanceSpec) -> None:
    """Refuse a language that the template does not have."""
    languages = languages_of(ready_template(connection, spec.template))
    if spec.language and spec.language not in languages:
        raise InvalidValue("language", spec.language, f"one the template has: {', '.join(languages)}")


def languages_of(template: Database) -> tuple[str, ...]:
    """The codes of the template's languages; those of an older template are read from its recipe."""
    assert template.label
    return template.label.languages or tuple(sorted({"en_US", *template.label.recipe.get("languages", ())}))


def advice(connection: Connection, spec: InstanceSpec) -> tuple[ForeignChart, ...]:
    """Advice for the person who orders the instance."""
    if not spec.country:
        return ()
    labels = [template.label for template in databases.listing(connection, Kind.TEMPLATE) if template.label]
    charts = {label.template: label.chart_country for label in labels if label.state is State.READY}
    found = foreign_chart(spec.template, spec.country, charts)
    return (found,) if found else ()
