"""A tenant that changed its Odoo sees exactly these changes, however its process was started."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from tests.support.odoo_client import OdooClient
from tests.support.tenants import create, swept

from tenantry.engine import Engine
from tenantry.model.catalog import Kind
from tenantry.model.entitlements import UNLIMITED, Entitlements
from tenantry.postgres import databases

_SEEDS = (1, 2, 3)
_CHANGES_EACH = 4
_PAGES = ("/web/login", "/web/health", "/web/manifest.webmanifest")
# Values that are different in each answer.
_PASSING = re.compile(r'(csrf_token: "|name="csrf_token" value=")[^"]*|"registry_hash": "[^"]*"|/\d+-\w{7}/')


@dataclass
class Tenant:
    """The changes of one instance's administrator, and what is served of them."""

    engine: Engine
    client: OdooClient
    done: list[str] = field(default_factory=list)

    @property
    def mark(self) -> str:
        return f"m{len(self.done)}"

    def seen(self) -> dict[str, object]:
        """Pages, fields, views, users and parameters as they are served now."""
        pages = {path: self.client.http.get(path) for path in _PAGES}
        fields = self.client.call("res.partner", "fields_get", attributes=["string", "type"])
        views = self.client.call("res.partner", "get_views", [[False, "form"], [False, "list"]])
        users = self.client.call("res.users", "search_read", [], ["login", "name", "group_ids"])
        parameters = self.client.call("ir.config_parameter", "search_read", [], ["key", "value"])
        modules = self.client.call("ir.module.module", "search_read", [["state", "=", "installed"]], ["name"])
        return {
            **{path: (page.status_code, _PASSING.sub("", page.text)) for path, page in pages.items()},
            "fields": fields,
            "views": views["views"],
            "users": sorted(users, key=lambda user: user["id"]),
            "parameters": sorted(parameters, key=lambda parameter: parameter["key"]),
            "modules": sorted(module["name"] for module in modules),
        }


# ---------------------------------------------------------------- possible changes


def add_a_field(tenant: Tenant) -> None:
    model = tenant.client.call("ir.model", "search", [["model", "=", "res.partner"]])[0]
    values = {
        "name": f"x_{tenant.mark}",
        "model_id": model,
        "ttype": "char",
        "field_description": tenant.mark,
    }
    tenant.client.call("ir.model.fields", "create", [values])
    assert f"x_{tenant.mark}" in tenant.client.call("res.partner", "fields_get")


def change_the_login_page(tenant: Tenant) -> None:
    base = tenant.client.call("ir.ui.view", "search", [["key", "=", "web.login"]])[0]
    arch = f'<data><xpath expr="//form" position="before"><p>{tenant.mark}!</p></xpath></data>'
    values = {"name": tenant.mark, "type": "qweb", "inherit_id": base, "arch": arch}
    tenant.client.call("ir.ui.view", "create", [values])
    assert f"{tenant.mark}!" in tenant.client.http.get("/web/login").text


def change_the_form_of_partners(tenant: Tenant) -> None:
    base = tenant.client.call(
        "ir.ui.view", "search", [["model", "=", "res.partner"], ["mode", "=", "primary"]]
    )
    form = tenant.client.call("ir.ui.view", "search", [["id", "in", base], ["type", "=", "form"]])[0]
    arch = f'<data><xpath expr="//field[1]" position="before"><p>{tenant.mark}</p></xpath></data>'
    values = {"name": tenant.mark, "model": "res.partner", "inherit_id": form, "arch": arch}
    tenant.client.call("ir.ui.view", "create", [values])


def set_a_parameter(tenant: Tenant) -> None:
    tenant.client.call("ir.config_parameter", "set_param", f"own.{tenant.mark}", tenant.mark)


def add_a_user(tenant: Tenant) -> None:
    tenant.client.call("res.users", "create", [{"name": tenant.mark, "login": f"{tenant.mark}@acme.example"}])


def rename_the_company(tenant: Tenant) -> None:
    company = tenant.client.call("res.company", "search", [])[0]
    tenant.client.call("res.company", "write", [company], {"name": f"Company {tenant.mark}"})


def install_a_module(tenant: Tenant) -> None:
    name = "contacts" if "install_a_module" not in tenant.done else "web_hierarchy"
    module = tenant.client.call("ir.module.module", "search", [["name", "=", name]])
    tenant.client.call("ir.module.module", "button_immediate_install", module)


CHANGES: tuple[Callable[[Tenant], None], ...] = (
    add_a_field,
    change_the_login_page,
    change_the_form_of_partners,
    set_a_parameter,
    add_a_user,
    rename_the_company,
    install_a_module,
)

# ---------------------------------------------------------------- and is seen


@pytest.fixture
def tenant(engine: Engine) -> Iterator[Tenant]:
    with swept(engine):
        yield Tenant(engine, OdooClient(engine, create(engine)))


@pytest.mark.parametrize("seed", _SEEDS)
def test_any_changes_are_seen_the_same_after_a_wake_and_after_a_fresh_load(tenant: Tenant, seed: int):
    chosen = random.Random(seed).sample(CHANGES, _CHANGES_EACH)
    for change in chosen:
        change(tenant)
        tenant.done.append(change.__name__)
        before = tenant.seen()
        tenant.engine.runtime.end("acme")
        assert tenant.seen() == before, tenant.done
    assert loaded_plainly(tenant) == before, tenant.done


def loaded_plainly(tenant: Tenant) -> dict[str, object]:
    """Start the process from the zygote without a loaded registry, so that it loads as Odoo itself does."""
    engine = tenant.engine
    with engine.context.maintenance() as connection:
        (zygote,) = databases.listing(connection, Kind.ZYGOTE)
        assert zygote.label
        aside = zygote.label.having(version=f"{zygote.label.version}.aside")
        databases.label(connection, zygote.name, aside)
        try:
            engine.runtime.follow([zygote.name])
            engine.runtime.end("acme")
            return tenant.seen()
        finally:
            databases.label(connection, zygote.name, zygote.label)
            engine.runtime.follow([zygote.name])
            engine.runtime.end("acme")


def test_one_tenants_changes_do_not_reach_another(tenant: Tenant):
    other = Tenant(tenant.engine, OdooClient(tenant.engine, create(tenant.engine, "beta")))
    before = other.seen()
    for change in (add_a_field, change_the_login_page, set_a_parameter):
        change(tenant)
        tenant.done.append(change.__name__)
    tenant.engine.runtime.end("acme")
    tenant.engine.runtime.end("beta")
    assert tenant.seen()
    assert other.seen() == before


def test_the_next_request_sees_the_engines_changes(tenant: Tenant):
    """The engine changes the database while Odoo's caches are warm."""
    engine = tenant.engine
    tenant.seen()
    engine.instances.entitle("acme", Entitlements(users=1))
    with pytest.raises(Exception, match=r"user|plan|limit"):
        add_a_user(tenant)
    engine.instances.entitle("acme", UNLIMITED)
    add_a_user(tenant)


def test_sessions_survive_a_suspension(tenant: Tenant):
    before = tenant.seen()
    tenant.engine.instances.suspend("acme")
    assert tenant.client.http.get("/web/login").status_code == 503
    tenant.engine.instances.reactivate("acme")
    assert tenant.seen() == before
