"""The tenant's module in a real Odoo: limits, tested through Odoo's web API."""

from __future__ import annotations

import base64
import os
import struct
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.support.odoo_client import OdooClient, OdooError, WebClient, browser
from tests.support.tenants import status

from tenantry.engine import Engine
from tenantry.errors import InstanceNotFound, LoginRefused, Tampered, TenantModuleMissing
from tenantry.model import names
from tenantry.model.entitlements import UNLIMITED, Entitlements
from tenantry.model.instance import Creation
from tenantry.model.secret import Secret
from tenantry.model.signing import now_us, sign_entitlements
from tenantry.odoo.scripts import sanitize_script
from tenantry.operations.template.clone import discard

UPGRADE = "https://provider.example/plans"
Entitle = Callable[..., None]
Login = Callable[[], str]
PARAMETER = "saas_tenant.entitlements"
_PASSWORD = "a guest's own password"


@pytest.fixture(scope="module")
def acme(engine: Engine) -> Iterator[Creation]:
    yield engine.instances.provision(
        engine.instances.spec(name="acme", email="admin@acme.example", template="tiny")
    )
    engine.instances.terminate("acme")


@pytest.fixture(scope="module")
def admin(engine: Engine, acme: Creation) -> OdooClient:
    return OdooClient(engine, acme)


@pytest.fixture
def entitle(engine: Engine, acme: Creation) -> Iterator[Entitle]:
    """Write the plan of acme; afterwards acme has only its administrator and no limits."""
    yield lambda **limits: engine.instances.entitle("acme", Entitlements(**limits))
    engine.instances.entitle("acme", UNLIMITED)
    with engine.context.cluster.connect("acme") as inside:
        inside.execute("UPDATE res_users SET active = false WHERE active AND id > 2")


@pytest.fixture
def login() -> Login:
    return lambda: f"user-{os.urandom(4).hex()}"


def users_of(engine: Engine) -> int:
    return engine.instances.usage("acme").users


def parameter(engine: Engine, value: str | None = None) -> str:
    """The signed statement in the tenant; a given value replaces it first, as the tenant could do."""
    with engine.context.cluster.connect("acme") as inside:
        if value is not None:
            inside.execute("UPDATE ir_config_parameter SET value = %s WHERE key = %s", [value, PARAMETER])
        row = inside.execute("SELECT value FROM ir_config_parameter WHERE key = %s", [PARAMETER]).fetchone()
    return str(row[0]) if row else ""


# ---------------------------------------------------------------- users


def test_a_user_above_the_limit_is_refused_with_the_numbers_and_a_link_to_upgrade(
    engine: Engine, admin: OdooClient, entitle: Entitle, login: Login
):
    entitle(users=2, upgrade_url=UPGRADE)
    admin.call("res.users", "create", [{"name": "Two", "login": login()}])
    with pytest.raises(OdooError, match=rf"(?s)limit of internal users is 2; active now: 2.*{UPGRADE}"):
        admin.call("res.users", "create", [{"name": "Three", "login": login()}])
    assert users_of(engine) == 2


@pytest.mark.parametrize(
    ("contact", "shown"),
    [
        ({"provider_email": "hello@acme.example"}, "hello@acme.example"),
        (
            {"provider_email": "hello@acme.example", "provider_url": "https://acme.example/help"},
            "https://acme.example",
        ),
    ],
)
def test_without_a_page_to_upgrade_the_refusal_leads_to_the_provider(
    admin: OdooClient, entitle: Entitle, login: Login, contact: dict, shown: str
):
    entitle(users=1, provider="Acme Cloud", **contact)
    with pytest.raises(OdooError, match=rf"(?s)limit of internal users is 1.*{shown}"):
        admin.call("res.users", "create", [{"name": "Two", "login": login()}])


def test_a_larger_plan_takes_effect_at_once_and_so_does_a_smaller_one(
    engine: Engine, admin: OdooClient, entitle: Entitle, login: Login
):
    entitle(users=1)
    with pytest.raises(OdooError, match="upgrade your plan"):
        admin.call("res.users", "create", [{"name": "Two", "login": login()}])
    entitle(users=2)
    (two,) = admin.call("res.users", "create", [{"name": "Two", "login": login()}])
    entitle(users=1)
    assert admin.call("res.users", "write", [two], {"name": "Two stays"})
    assert admin.call("res.partner", "create", [{"name": "A customer"}])
    assert users_of(engine) == 2


def test_a_batch_that_exceeds_the_limit_is_refused_completely(
    engine: Engine, admin: OdooClient, entitle: Entitle, login: Login
):
    entitle(users=3)
    batch = [{"name": f"User {number}", "login": login()} for number in range(3)]
    with pytest.raises(OdooError, match="limit of internal users is 3; active now: 1"):
        admin.call("res.users", "create", batch)
    assert users_of(engine) == 1
    admin.call("res.users", "create", batch[:2])
    assert users_of(engine) == 3


def test_unarchiving_or_promoting_a_portal_user_cannot_exceed_the_limit(
    engine: Engine, admin: OdooClient, entitle: Entitle, login: Login
):
    (archived,) = admin.call("res.users", "create", [{"name": "Old", "login": login(), "active": False}])
    internal, portal = group(engine, "group_user"), group(engine, "group_portal")
    entitle(users=1)
    guest = {"name": "Guest", "login": login(), "group_ids": [[6, 0, [portal]]]}
    (guest_id,) = admin.call("res.users", "create", [guest])
    with pytest.raises(OdooError, match="upgrade your plan"):
        admin.call("res.users", "write", [archived], {"active": True})
    with pytest.raises(OdooError, match="upgrade your plan"):
        admin.call("res.users", "write", [guest_id], {"group_ids": [[6, 0, [internal]]]})
    assert users_of(engine) == 1


def test_adding_people_to_a_group_cannot_exceed_the_limit(
    engine: Engine, admin: OdooClient, entitle: Entitle, login: Login
):
    nobody = {"name": "In no group", "login": login(), "group_ids": [[6, 0, []]]}
    (user,) = admin.call("res.users", "create", [nobody])
    (implied,) = admin.call("res.groups", "create", [{"name": "Ours", "user_ids": [[4, user]]}])
    entitle(users=1)
    internal = group(engine, "group_user")
    with pytest.raises(OdooError, match="upgrade your plan"):
        admin.call("res.groups", "write", [internal], {"user_ids": [[4, user]]})
    with pytest.raises(OdooError, match="upgrade your plan"):
        admin.call("res.groups", "write", [implied], {"implied_ids": [[4, internal]]})
    assert users_of(engine) == 1


def group(engine: Engine, name: str) -> int:
    query = "SELECT res_id FROM ir_model_data WHERE module = 'base' AND name = %s"
    with engine.context.cluster.connect("acme") as inside:
        row = inside.execute(query, [name]).fetchone()
    assert row
    return row[0]


def test_only_one_of_several_simultaneous_creations_of_the_last_user_succeeds(
    engine: Engine, acme: Creation, entitle: Entitle, login: Login
):
    entitle(users=2)
    clients = [OdooClient(engine, acme) for _ in range(4)]

    def add(client: OdooClient) -> bool:
        try:
            return bool(client.call("res.users", "create", [{"name": "Last", "login": login()}]))
        except OdooError:
            return False

    with ThreadPoolExecutor(len(clients)) as pool:
        assert sum(pool.map(add, clients)) == 1
    assert users_of(engine) == 2


def run_code(admin: OdooClient, code: str) -> Any:
    """Run code in a server action, as an administrator can."""
    (model,) = admin.call("ir.model", "search", [["model", "=", "res.partner"]])
    action = {"name": "Ours", "model_id": model, "state": "code", "code": code}
    return admin.call("ir.actions.server", "run", admin.call("ir.actions.server", "create", [action]))


def test_creating_users_with_odoos_private_methods_cannot_exceed_the_limit(
    engine: Engine, admin: OdooClient, entitle: Entitle, login: Login
):
    entitle(users=1)
    partner, company = "env.user.partner_id.id", "env.company.id"
    stored = f"'login': '{login()}', 'partner_id': {partner}, 'company_id': {company}"
    stored += f", 'active': True, 'share': False, 'company_ids': [(4, {company})]"
    stored += ", 'notification_type': 'email'"
    data = f"[{{'stored': {{{stored}}}, 'inversed': {{}}, 'inherited': {{}}, 'protected': set()}}]"
    with pytest.raises(OdooError, match="upgrade your plan"):
        run_code(admin, f"env['res.users']._create({data})")
    assert users_of(engine) == 1


@pytest.mark.parametrize("writing", ["_write({'share': False})", "_write_multi([{'share': False}])"])
def test_writing_users_with_odoos_private_methods_cannot_exceed_the_limit(
    engine: Engine, admin: OdooClient, entitle: Entitle, login: Login, writing: str
):
    guest = {"name": "Guest", "login": login(), "group_ids": [[6, 0, [group(engine, "group_portal")]]]}
    (user,) = admin.call("res.users", "create", [guest])
    entitle(users=1)
    with pytest.raises(OdooError, match="upgrade your plan"):
        run_code(admin, f"env['res.users'].browse({user}).{writing}")
    assert users_of(engine) == 1


# ---------------------------------------------------------------- users added by SQL


@pytest.fixture
def people(engine: Engine, admin: OdooClient, entitle: Entitle, login: Login) -> list[str]:
    """The logins of two portal users with passwords."""
    portal, logins = group(engine, "group_portal"), [login(), login()]
    for name in logins:
        guest = {"name": name, "login": name, "password": _PASSWORD, "group_ids": [[6, 0, [portal]]]}
        admin.call("res.users", "create", [guest])
    return logins


def enter(engine: Engine, login: str) -> WebClient:
    return WebClient(engine.context.route("acme"), "acme", login, Secret(_PASSWORD))


_BY_NOTE = "UPDATE res_users SET share = false WHERE login = '{}'"
_BY_GROUP = """
    WITH moved AS (DELETE FROM res_groups_users_rel WHERE uid = (SELECT id FROM res_users WHERE login = '{}')
                   RETURNING uid)
    INSERT INTO res_groups_users_rel (uid, gid) SELECT uid, {group} FROM moved
"""
PROMOTIONS = {"its note": (_BY_NOTE,), "its group": (_BY_GROUP,), "both": (_BY_NOTE, _BY_GROUP)}


def promote(engine: Engine, admin: OdooClient, login: str, statements: tuple[str, ...]) -> None:
    for statement in statements:
        admin.sql(statement.format(login, group=group(engine, "group_system")))
    # A process caches for half a minute who has a seat; a new process asks again.
    engine.runtime.end("acme")


def is_refused(engine: Engine, login: str) -> bool:
    try:
        enter(engine, login)
    except LoginRefused as error:
        return "limit of internal users is reached by other users" in str(error.__cause__)
    return False


@pytest.mark.parametrize("promotion", PROMOTIONS)
def test_users_made_internal_by_sql_above_the_limit_cannot_log_in(
    engine: Engine, admin: OdooClient, entitle: Entitle, people: list[str], promotion: str
):
    entitle(users=2)
    first, second = people
    visitor = enter(engine, second)
    promote(engine, admin, first, PROMOTIONS[promotion])
    enter(engine, first)
    promote(engine, admin, second, PROMOTIONS[promotion])
    assert users_of(engine) == 3
    assert is_refused(engine, second)
    with pytest.raises(OdooError, match="Session expired"):
        visitor.call("res.partner", "search_count", [])
    assert not is_refused(engine, first)
    assert admin.call("res.users", "search_count", [])


def test_an_api_key_of_a_user_without_a_seat_is_refused(
    engine: Engine, admin: OdooClient, entitle: Entitle, people: list[str]
):
    entitle(users=1)
    code = f"user = env['res.users'].search([('login', '=', '{people[0]}')])\n"
    code += "until = datetime.datetime.now() + datetime.timedelta(hours=1)\n"
    code += "key = env['res.users.apikeys'].with_user(user)._generate('rpc', 'key', until)\n"
    key = run_code(admin, code + "action = {'type': 'ir.actions.act_window_close', 'infos': key}")["infos"]
    program = browser(engine.context.route("acme"))
    program.headers["Authorization"] = f"Bearer {key}"
    url = "/json/2/res.users/context_get"
    assert program.post(url, json={}).status_code == 200
    promote(engine, admin, people[0], PROMOTIONS["both"])
    assert program.post(url, json={}).status_code == 401


@pytest.mark.parametrize(
    "trick",
    [
        "env.cr.execute('UPDATE res_users SET active = false WHERE id = %s', [user.id])",
        "env.cr.execute('DELETE FROM res_groups_users_rel WHERE uid = %s', [user.id]); "
        "env.cr.execute('UPDATE res_users SET share = true WHERE id = %s', [user.id])",
    ],
    ids=["archived", "out of the group"],
)
def test_a_user_who_is_internal_in_odoos_caches_only_has_no_seat(
    engine: Engine, admin: OdooClient, entitle: Entitle, people: list[str], trick: str
):
    entitle(users=1)
    promote(engine, admin, people[0], PROMOTIONS["both"])
    code = f"user = env['res.users'].search([('login', '=', '{people[0]}')])\n"
    code += f"user.has_group('base.group_user'); {trick}\n"
    code += "has_seat = env['saas.entitlements']._has_seat(user)\n"
    told = run_code(admin, code + "action = {'type': 'ir.actions.act_window_close', 'infos': has_seat}")
    assert told["infos"] is False


def test_rpc_calls_of_a_user_without_a_seat_are_refused_despite_the_right_password(
    engine: Engine, admin: OdooClient, entitle: Entitle, people: list[str]
):
    entitle(users=1)
    (user,) = admin.call("res.users", "search", [["login", "=", people[0]]])
    arguments = ["acme", user, _PASSWORD, "res.users", "context_get", []]
    call = {"service": "object", "method": "execute_kw", "args": arguments}

    def ask() -> dict[str, Any]:
        program = browser(engine.context.route("acme"))
        return program.post("/jsonrpc", json={"jsonrpc": "2.0", "method": "call", "params": call}).json()

    assert "result" in ask()
    promote(engine, admin, people[0], PROMOTIONS["both"])
    assert "limit of internal users" in str(ask()["error"])


def test_odoos_robot_user_takes_a_seat_when_it_can_log_in(
    engine: Engine, admin: OdooClient, entitle: Entitle, people: list[str]
):
    entitle(users=2)
    promote(engine, admin, people[0], PROMOTIONS["both"])
    assert not is_refused(engine, people[0])
    admin.sql("UPDATE res_users SET active = true WHERE id = 1")
    try:
        engine.runtime.end("acme")
        assert is_refused(engine, people[0])
        assert users_of(engine) == 3
    finally:
        admin.sql("UPDATE res_users SET active = false WHERE id = 1")


def test_a_smaller_plan_keeps_existing_users_and_refuses_users_added_by_sql(
    engine: Engine, admin: OdooClient, entitle: Entitle, people: list[str]
):
    entitle(users=2)
    promote(engine, admin, people[0], PROMOTIONS["both"])
    entitle(users=1)
    assert not is_refused(engine, people[0])
    promote(engine, admin, people[1], PROMOTIONS["both"])
    for users in (1, 2):
        entitle(users=users)
        assert is_refused(engine, people[1])
        assert not is_refused(engine, people[0])
    entitle(users=3)
    assert not is_refused(engine, people[1])


@pytest.mark.parametrize("before", [0, 50])
def test_a_tenant_that_prevents_the_count_gets_the_users_of_the_smaller_plan(
    engine: Engine, admin: OdooClient, entitle: Entitle, people: list[str], before: int
):
    entitle(users=before)
    promote(engine, admin, people[0], PROMOTIONS["both"])
    context = engine.context
    with context.cluster.as_role("acme", context.role_password("acme")).connect("acme") as inside:
        inside.execute("ALTER TABLE res_groups_users_rel ENABLE ROW LEVEL SECURITY")
        try:
            with pytest.raises(Tampered):
                entitle(users=1)
            assert is_refused(engine, people[0])
        finally:
            inside.execute("ALTER TABLE res_groups_users_rel DISABLE ROW LEVEL SECURITY")
    entitle(users=1)
    assert not is_refused(engine, people[0]), "it stays, as those a smaller plan finds"


def test_no_further_user_can_log_in_without_the_statement(
    engine: Engine, admin: OdooClient, entitle: Entitle, people: list[str]
):
    entitle(users=1)
    admin.sql(f"DELETE FROM ir_config_parameter WHERE key = '{PARAMETER}'")
    promote(engine, admin, people[0], PROMOTIONS["both"])
    assert is_refused(engine, people[0])


# ---------------------------------------------------------------- the statement


@pytest.mark.parametrize("change", ["edited", "deleted", "another instance's"])
def test_tampering_with_the_statement_blocks_additions_and_keeps_all_data_readable(
    engine: Engine, admin: OdooClient, entitle: Entitle, login: Login, change: str
):
    entitle(users=5)
    ids = admin.call("ir.config_parameter", "search", [["key", "=", PARAMETER]])
    if change == "deleted":
        admin.call("ir.config_parameter", "unlink", ids)
    else:
        token = parameter(engine)
        values = {"edited": token.swapcase(), "another instance's": _token_of_beta(engine)}
        admin.call("ir.config_parameter", "write", ids, {"value": values[change]})
    with pytest.raises(OdooError, match=r"could not be verified.*contact your provider"):
        admin.call("res.users", "create", [{"name": "Two", "login": login()}])
    with pytest.raises(OdooError, match="could not be verified"):
        admin.call("ir.attachment", "create", [upload(2000)])
    assert admin.call("res.users", "search_count", [])
    assert admin.call("res.partner", "create", [{"name": "Work goes on"}])


def _token_of_beta(engine: Engine) -> str:
    return sign_entitlements(engine.context.keys.signing, "beta", UNLIMITED, now_us())


def test_a_smaller_plan_applies_although_the_tenant_refuses_its_statement(
    engine: Engine, admin: OdooClient, entitle: Entitle, login: Login
):
    entitle(users=50)
    refuse = "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'never'; END $$"
    trap = "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON ir_config_parameter EXECUTE FUNCTION refuse()"
    context = engine.context
    with context.cluster.as_role("acme", context.role_password("acme")).connect("acme") as inside:
        inside.execute(refuse.encode())
        inside.execute(trap.encode())
        try:
            with pytest.raises(Tampered, match="never"):
                engine.instances.entitle("acme", Entitlements(users=1))
            with pytest.raises(OdooError, match="could not be verified"):
                admin.call("res.users", "create", [{"name": "Two", "login": login()}])
        finally:
            inside.execute("DROP TRIGGER refuse ON ir_config_parameter")
            inside.execute("DROP FUNCTION refuse()")


@pytest.mark.parametrize(
    ("trap", "undo"),
    [
        (
            "ALTER TABLE res_country ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE res_country DISABLE ROW LEVEL SECURITY",
        ),
        (
            "UPDATE ir_module_module SET state = 'x' WHERE name = 'saas_tenant'",
            "UPDATE ir_module_module SET state = 'installed' WHERE name = 'saas_tenant'",
        ),
    ],
)
def test_a_smaller_plan_applies_although_the_tenant_hides_its_data(
    engine: Engine, admin: OdooClient, entitle: Entitle, login: Login, trap: str, undo: str
):
    entitle(users=50)
    context = engine.context
    with context.cluster.as_role("acme", context.role_password("acme")).connect("acme") as inside:
        inside.execute(trap.encode())
        try:
            with pytest.raises((Tampered, TenantModuleMissing)):
                engine.instances.entitle("acme", Entitlements(users=1))
            with pytest.raises(OdooError, match="could not be verified"):
                admin.call("res.users", "create", [{"name": "Two", "login": login()}])
        finally:
            inside.execute(undo.encode())


def test_an_older_statement_of_a_larger_plan_is_void(
    engine: Engine, admin: OdooClient, entitle: Entitle, login: Login
):
    entitle(users=50)
    larger = parameter(engine)
    entitle(users=1)
    parameter(engine, larger)
    with pytest.raises(OdooError, match="could not be verified"):
        admin.call("res.users", "create", [{"name": "Two", "login": login()}])
    assert users_of(engine) == 1


def test_a_creation_writes_its_plan_and_voids_no_statement(engine: Engine, login: Login):
    spec = engine.instances.spec(
        name="beta", email="b@beta.example", template="tiny", entitlements=Entitlements(users=1, plan="Small")
    )
    try:
        client = OdooClient(engine, engine.instances.provision(spec))
        with pytest.raises(OdooError, match="limit of internal users is 1"):
            client.call("res.users", "create", [{"name": "Two", "login": login()}])
    finally:
        engine.instances.terminate("beta")


def test_the_providers_module_cannot_be_uninstalled(admin: OdooClient):
    for module in ("saas_tenant", "mail"):
        ids = admin.call("ir.module.module", "search", [["name", "=", module]])
        with pytest.raises(OdooError, match="your provider's module"):
            admin.call("ir.module.module", "button_immediate_uninstall", ids)
    assert admin.call("ir.module.module", "search_count", [["state", "=", "to remove"]]) == 0


@pytest.mark.parametrize(
    "deed",
    [
        "write({'state': 'uninstalled'})",
        "write({'name': 'another'})",
        "_write({'state': 'uninstalled'})",
        "_write_multi([{'state': 'uninstallable'}])",
        "_write({'name': 'another'})",
        "unlink()",
    ],
)
def test_the_providers_module_cannot_be_renamed_deleted_or_marked_as_uninstalled(
    admin: OdooClient, deed: str
):
    ids = admin.call("ir.module.module", "search", [["name", "=", "saas_tenant"]])
    with pytest.raises(OdooError, match="your provider's module"):
        run_code(admin, f"env['ir.module.module'].browse({ids}).{deed}")
    (module,) = admin.call("ir.module.module", "read", ids, ["name", "state"])
    assert (module["name"], module["state"]) == ("saas_tenant", "installed")


def take_module_out(engine: Engine, change: str) -> None:
    """Change the module by SQL, as the tenant, and make the next process load the registry again."""
    context = engine.context
    with context.cluster.as_role("acme", context.role_password("acme")).connect("acme") as inside:
        inside.execute(f"UPDATE ir_module_module SET {change}".encode())
        inside.execute("INSERT INTO orm_signaling_registry DEFAULT VALUES")
    engine.runtime.end("acme")


def test_a_module_removed_by_sql_is_restored(engine: Engine, acme: Creation, entitle: Entitle, login: Login):
    entitle(users=1)
    take_module_out(engine, "state = 'uninstalled' WHERE name = 'saas_tenant'")
    with pytest.raises(OdooError, match="upgrade your plan"):
        OdooClient(engine, acme).call("res.users", "create", [{"name": "Two", "login": login()}])


def test_an_instance_without_the_providers_module_is_not_served(engine: Engine, acme: Creation):
    take_module_out(engine, "name = 'gone' WHERE name = 'saas_tenant'")
    try:
        assert status(engine, "acme") == 503
    finally:
        take_module_out(engine, "name = 'saas_tenant' WHERE name = 'gone'")
    assert status(engine, "acme") == 200


def test_a_clone_keeps_nothing_of_its_templates_plan_or_visits(engine: Engine, entitle: Entitle):
    entitle(users=7)
    with engine.context.cluster.connect("acme") as inside, inside.transaction(force_rollback=True):
        inside.execute("INSERT INTO saas_tenant_access (kind, serial, date) VALUES ('login', 'x', now())")
        inside.execute(sanitize_script("19.0", ["saas_tenant"]).encode())
        left = "SELECT count(*) FROM ir_config_parameter WHERE key LIKE 'saas%'"
        assert inside.execute(left).fetchone() == (0,)
        assert inside.execute("SELECT count(*) FROM saas_tenant_access").fetchone() == (0,)


def test_a_template_opened_for_editing_is_not_limited(engine: Engine, login: Login):
    editing = engine.templates.edit("tiny")
    name = names.editing_database("tiny")
    try:
        client = WebClient(engine.context.route(name), name, editing.login, editing.password)
        client.call("res.users", "create", [{"name": "Two", "login": login()}])
        assert client.session_info["saas_banners"] == []
    finally:
        with engine.context.maintenance() as connection:
            discard(engine.context, connection, name)


def test_an_instance_that_cannot_be_limited_is_an_error(engine: Engine, acme: Creation):
    with pytest.raises(InstanceNotFound):
        engine.instances.entitle("nobody", UNLIMITED)
    with engine.context.cluster.connect("acme") as inside:
        inside.execute("UPDATE ir_module_module SET state = 'uninstalled' WHERE name = 'saas_tenant'")
        try:
            with pytest.raises(TenantModuleMissing):
                engine.instances.entitle("acme", UNLIMITED)
            assert users_of(engine) == 1
        finally:
            inside.execute("UPDATE ir_module_module SET state = 'installed' WHERE name = 'saas_tenant'")


# ---------------------------------------------------------------- storage


def upload(size_bytes: int) -> dict[str, str]:
    return {"name": "scan.bin", "datas": base64.b64encode(os.urandom(size_bytes)).decode()}


def test_an_upload_above_the_storage_limit_is_refused_with_the_numbers(
    engine: Engine, admin: OdooClient, entitle: Entitle
):
    used = engine.instances.usage("acme").storage_bytes
    entitle(storage_gb=(used + 3_000_000) / 1024**3, upgrade_url=UPGRADE)
    (kept,) = admin.call("ir.attachment", "create", [upload(1_000_000)])
    with pytest.raises(OdooError, match=r"(?s)limit of storage is 0\.\d+ GB; in use now: 0\.\d+ GB"):
        admin.call("ir.attachment", "create", [upload(4_000_000)])
    with pytest.raises(OdooError, match="limit of storage"):
        admin.call("ir.attachment", "write", [kept], upload(4_000_000))
    with pytest.raises(OdooError, match="limit of storage"):
        admin.call("res.company", "write", [1], {"logo": _picture()})
    assert engine.instances.usage("acme").storage_bytes < used + 3_000_000
    assert admin.call("ir.attachment", "read", [kept], ["datas"])[0]["datas"]


def test_files_stored_by_the_system_count_and_have_a_slightly_higher_limit(
    engine: Engine, admin: OdooClient, entitle: Entitle
):
    used = engine.instances.usage("acme").storage_bytes
    entitle(storage_gb=used / 1024**3)
    with pytest.raises(OdooError, match="limit of storage"):
        admin.call("ir.attachment", "create", [upload(2000)])
    content = f"(str(number) * {used // 50}).encode()"
    store = f"env(user=1)['ir.attachment'].create({{'name': 'x', 'raw': {content}}})"
    run_code(admin, f"for number in [1]: {store}")
    run_code(admin, "env['ir.attachment'].search([('file_size', '>', 0)])._write({'file_size': 0})")
    with pytest.raises(OdooError, match="limit of storage"):
        run_code(admin, f"for number in [2, 3, 4, 5, 6, 7, 8, 9]: {store}")


def _picture() -> str:
    """A bitmap of four megabytes that no compression makes smaller."""
    side, header = 1200, 54
    size = side * side * 3
    sizes = (size + header, 0, header, 40, side, side, 1, 24, 0, size, 0, 0, 0, 0)
    head = struct.pack("<2sIIIIiiHHIIiiII", b"BM", *sizes)
    return base64.b64encode(head + os.urandom(size)).decode()


def test_odoo_works_on_above_the_storage_limit(admin: OdooClient, entitle: Entitle, login: Login):
    entitle(storage_gb=0.001)
    with pytest.raises(OdooError, match="limit of storage"):
        admin.call("ir.attachment", "create", [upload(2000)])
    link = {"name": "Elsewhere", "type": "url", "url": "https://files.example/a.pdf"}
    assert admin.call("ir.attachment", "create", [link])
    assert admin.call("res.users", "create", [{"name": "With an avatar", "login": login()}])
    assert admin.http.get("/odoo").status_code == 200


def test_garbage_is_put_aside_for_dumps_that_run(engine: Engine, admin: OdooClient):
    values = {"name": "only for a moment", "raw": os.urandom(100).hex()}
    attachment = admin.call("ir.attachment", "create", [values])
    (found,) = admin.call("ir.attachment", "read", attachment, ["store_fname"])
    admin.call("ir.attachment", "unlink", attachment)
    name, folder = found["store_fname"], engine.context.filestores.folder("acme")
    old = folder / ".aside" / "2020-01-01" / name
    old.parent.mkdir(parents=True)
    old.write_text("long ago")
    for path in (folder / ".aside", *(folder / ".aside").rglob("*")):
        os.chown(path, folder.stat().st_uid, folder.stat().st_gid)
    data = [["module", "=", "base"], ["name", "=", "autovacuum_job"]]
    (job,) = admin.call("ir.model.data", "search_read", data, ["res_id"])
    admin.call("ir.cron", "method_direct_trigger", [job["res_id"]])
    assert not (folder / name).exists()
    assert not (folder / "checklist" / name).exists()
    aside = dict(engine.context.filestores.put_aside("acme", 0))
    assert (folder / aside[name]).exists()
    assert not old.exists(), "nobody needs it any more"
    assert name not in list(engine.context.filestores.content("acme"))


# ---------------------------------------------------------------- mails


def test_a_tenant_sends_no_mail_until_it_has_a_mail_server(admin: OdooClient):
    """This machine's own mail server would accept it from anyone."""
    mail = {"email_from": "boss@bank.example", "email_to": "ann@acme.example", "body_html": "<p>x</p>"}
    ids = admin.call("mail.mail", "create", [mail])
    admin.call("mail.mail", "send", ids)
    (told,) = admin.call("mail.mail", "read", ids, ["state", "failure_reason"])
    assert told["state"] == "exception"
    assert "SMTP" in told["failure_reason"]


# ---------------------------------------------------------------- banners


def in_days(days: float) -> str:
    return (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds")


@pytest.mark.parametrize(
    ("days_left", "level", "text"),
    [
        (14, "info", "expires in 14 days"),
        (7, "warning", "expires in 7 days"),
        (1, "danger", "expires tomorrow"),
        (-1, "danger", "has expired"),
        (None, "danger", "overdue"),
    ],
)
def test_a_banner_warns_in_time(
    engine: Engine, acme: Creation, entitle: Entitle, days_left: int | None, level: str, text: str
):
    plan = {"state": "past_due"} if days_left is None else {"expires_at": in_days(days_left)}
    entitle(**plan, upgrade_url=UPGRADE)
    (banner,) = OdooClient(engine, acme).session_info["saas_banners"]
    assert (banner["level"], banner["link"]["url"]) == (level, UPGRADE)
    assert text in banner["text"]


@pytest.mark.parametrize(
    ("contact", "url"),
    [
        ({"provider_email": "hello@acme.example"}, "mailto:hello@acme.example"),
        ({"provider_email": "a@b.example", "provider_url": "https://acme.example"}, "https://acme.example"),
    ],
)
def test_a_banner_leads_to_the_provider(
    engine: Engine, acme: Creation, entitle: Entitle, contact: dict, url: str
):
    entitle(state="past_due", provider="Acme Cloud", **contact)
    (banner,) = OdooClient(engine, acme).session_info["saas_banners"]
    assert banner["link"] == {"url": url, "label": "Contact Acme Cloud"}


@pytest.mark.parametrize("plan", [{}, {"expires_at": in_days(16)}, {"users": 1, "storage_gb": 9}])
def test_there_is_no_banner_without_a_reason(engine: Engine, acme: Creation, entitle: Entitle, plan: dict):
    entitle(**plan)
    assert OdooClient(engine, acme).session_info["saas_banners"] == []


# ---------------------------------------------------------------- usage


def test_usage_is_measured_from_outside_one_by_one_and_all_at_once(
    engine: Engine, admin: OdooClient, login: Login, entitle: Entitle
):
    before = engine.instances.usage("acme")
    admin.call("res.users", "create", [{"name": "Two", "login": login()}])
    admin.call("ir.attachment", "create", [upload(3_000_000)])
    after = engine.instances.usage("acme")
    assert after.users == before.users + 1
    assert after.storage_bytes >= before.storage_bytes + 3_000_000
    assert datetime.fromisoformat(after.last_activity) > datetime.now(UTC) - timedelta(hours=1)
    assert engine.instances.usages()["acme"].users == after.users
    assert set(engine.instances.usages(["acme", "nobody"])) == {"acme"}
    with pytest.raises(InstanceNotFound):
        engine.instances.usage("nobody")
