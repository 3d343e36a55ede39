"""Code and URLs that a tenant's administrator enters in Odoo reach nothing outside of that Odoo."""

from __future__ import annotations

import base64
import io
import json
import socket
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.support.odoo_client import OdooClient, OdooError

from tenantry import process
from tenantry.engine import Engine

SUPPORT = Path(__file__).parents[1] / "support"
GUARDS = Path(__file__).parents[2] / "addons" / "tenant" / "saas_process" / "guards"

Ask = Callable[[str, Any], Any]

# ---------------------------------------------------------------- in Odoo's own Python, without a tenant

FIELD = "{0.greet.__func__.__globals__[SECRET]}"
KEYWORD = "{t.greet.__func__.__globals__[SECRET]}"

# The guards refuse each expression; without them each gives a value.
ATTACKS = {
    "a position": f"'{FIELD}'.format(thing)",
    "a keyword": f"'{KEYWORD}'.format(t=thing)",
    "the next position": "'{.greet.__func__.__globals__[SECRET]}'.format(thing)",
    "a conversion": "'{0.__class__!r:>9}'.format(thing)",
    "a format in a format": "'{0:{1.greet.__func__.__globals__[SECRET]}}'.format(datetime.time(), thing)",
    "one underscore": "'{0._note}'.format(thing)",
    "an item": "'{0[_note]}'.format({'_note': 1})",
    "underscores within": "'{0.some__thing}'.format(thing)",
    "a generator's frame": "'{0.gi_frame.f_globals}'.format(x for x in [1])",
    "a function's code": "'{0.gi_code.co_filename}'.format(x for x in [1])",
    "a type's order": "'{0.mro}'.format(str)",
    "format_map": f"'{KEYWORD}'.format_map({{'t': thing}})",
    "of the type": f"str.format('{FIELD}', thing)",
    "format_map of the type": f"str.format_map('{KEYWORD}', {{'t': thing}})",
    "mapped": f"list(map(str.format, ['{FIELD}'], [thing]))",
    "mapped when bound": f"''.join(map('{FIELD}'.format, [thing]))",
    "reduced": f"reduce(str.format, [thing], '{FIELD}')",
    "given to a lambda": f"(lambda f: f('{FIELD}', thing))(str.format)",
    "a default": f"(lambda f=str.format: f('{FIELD}', thing))()",
    "in a list": f"[str.format][0]('{FIELD}', thing)",
    "in a comprehension": f"[s.format(thing) for s in ['{FIELD}']]",
    "in a nested generator": f"list(x for x in (s.format(thing) for s in ['{FIELD}']))",
    "in an f-string": f"f\"{{'{FIELD}'.format(thing)}}\"",
    "a walrus": f"[(f := '{FIELD}'.format), f(thing)]",
    "a variable": f"f = '{FIELD}'.format\nresult = f(thing)",
    "a function": f"def f(s):\n    return s.format(thing)\nresult = f('{FIELD}')",
    "an error": "try:\n    a\nexcept Exception as e:\n    result = '{0.__traceback__.tb_frame}'.format(e)",
    "put together": "('{0.__cla' + 'ss__}').format(thing)",
    "by percent": f"('%s' % '{FIELD}').format(thing)",
    "formatted twice": f"'{{{FIELD}}}'.format().format(thing)",
    "from bytes": "b'{0.__class__}'.decode().format(thing)",
    "from JSON": "json.loads('\"{0.__class__}\"').format(thing)",
    "Markup": f"Markup('{FIELD}').format(thing)",
    "Markup's format_map": f"Markup('{KEYWORD}').format_map({{'t': thing}})",
    "of Markup": f"Markup.format(Markup('{FIELD}'), thing)",
    "a lazy text": "lazy_text.format(thing)",
    "other letters": f"'{FIELD}'.\uff46ormat(thing)",
    "letters of mathematics": f"str.\U0001d41f\U0001d428rm\U0001d41at('{FIELD}', thing)",
}

# The guard's own names cannot be used to bypass it.
DETOURS = {
    "taking its place": f"tenantry_reader = lambda x: x\nresult = '{FIELD}'.format(thing)",
    "taking its place in a lambda": f"(lambda tenantry_reader: '{FIELD}'.format(thing))(lambda x: x)",
    "taking its place by a walrus": f"[tenantry_reader := (lambda x: x), '{FIELD}'.format(thing)]",
    "asking it": f"tenantry_reader('{FIELD}').checked_format(thing)",
    "asking it for both": f"tenantry_reader(str).checked_format('{FIELD}', thing)",
    "its property": f"tenantry_reader.checked_format.fget('{FIELD}')",
    "its property for a reader": f"tenantry_reader.checked_format.fget(tenantry_reader('{FIELD}'))(thing)",
    "what it holds": "tenantry_reader(thing)._Reader__subject",
    "what it wraps": "str.format.__closure__",
    "a partial of it": f"str.format.func('{FIELD}', thing)",
}

# Odoo itself refuses these expressions.
REFUSED_BY_ODOO = {
    "an f-string": "f'{thing.__class__}'",
    "an f-string in other letters": "f'{thing.__cl\uff41ss__}'",
    "an f-string's format": "f'{1:{thing.__class__}}'",
    "a class pattern": "match thing:\n    case str(__class__=c):\n        result = c",
    "a class pattern for format": "match 'a':\n    case str(format=f):\n        result = f",
    "a mapping pattern": "match {}:\n    case {'a': a}:\n        result = a",
    "an exception group": "try:\n    pass\nexcept* Exception as e:\n    result = e",
    "with": "with thing as t:\n    result = t",
    "a class": "class C:\n    pass\nresult = C",
    "an import": "import string\nresult = string",
    "setting an attribute": "thing.format = 1\nresult = 1",
    "a global": "def f():\n    global g\n    g = 1\nresult = f()",
    "a type": "type(thing)",
    "getattr": "getattr(thing, 'greet')",
    "vars": "vars(thing)",
}

# Each has exactly the same result or error with and without the guards.
LEGITIMATE = {
    "a number": "'{:.2f}'.format(1.005)",
    "positions and keywords": "'{0} {name}'.format('a', name='b')",
    "an attribute": "'{0.name}'.format(thing)",
    "the next position's attribute": "'{.name} {.name}'.format(thing, thing)",
    "an item": "'{0[key]} {1[2]}'.format({'key': 1}, 'abc')",
    "a nested format": "'{:>{width}}|{:^5}'.format('a', 'b', width=4)",
    "a conversion": "'{0!r:>12} {0!s} {0!a}'.format('é')",
    "braces": "'{{}} {{{}}}'.format(1)",
    "a date": "'{:%Y-%m-%d}'.format(datetime.date(2026, 1, 2))",
    "any name of an argument": "'{_x} {__y}'.format(_x=1, __y=2)",
    "an argument named self": "'{self} {args}'.format(self=1, args=2)",
    "a mapping": "'{x}'.format_map({'x': 1})",
    "text with underscores": "'__x__ {}'.format('__y__')",
    "a value with braces": "'{}'.format('{0.__class__}')",
    "a function": "list(map('{:02d}'.format, [1, 2]))",
    "the type's": "list(map(str.format, ['{}', '{}!'], [1, 2]))",
    "a variable": "f = str.format\nresult = f('{self}-{}', 1, self=2)",
    "Markup": "Markup('<b>{}</b> {x}').format('<i>', x=Markup('<u>'))",
    "Markup's attribute": "Markup('{0.name} {1[0]}').format(thing, ['<'])",
    "Markup's format": "Markup('{:>5}').format('<')",
    "Markup's mapping": "Markup('{x}').format_map({'x': '<'})",
    "of Markup": "Markup.format(Markup('{}'), '<')",
    "a method of that name": "currency.format(12)",
    "a variable of that name": "format = '{}'\nresult = format.format(1)",
    "a parameter of that name": "(lambda format, x: format.format(x))('{}', 1)",
    "no argument": "'{0}'.format()",
    "no such argument": "'{x}'.format()",
    "a broken string": "'{'.format(1)",
    "no such attribute": "'{0.nothing}'.format(thing)",
    "both ways of numbering": "'{} {0}'.format(1)",
    "nothing to format": "str.format()",
    "not a string": "str.format(1)",
    "what has no format": "thing.format(1)",
    "nothing": "None.format(1)",
    "what Markup cannot do": "Markup('{.name}').format(thing)",
    "a syntax error": "'{}'.format(",
}

# Code that QWeb never generates by itself.
FOREIGN_CODE = {
    "an attribute": "def f(x):\n    yield x.__class__",
    "in a lambda": "def f(x):\n    yield [(lambda y: y.__globals__)(z) for z in x]",
    "a comparison with another class": "def f(x):\n    yield x.__class__ == x",
    "a class pattern": "def f(x):\n    match x:\n        case str(__class__=c):\n            yield c",
    "a frame": "def f(x):\n    yield x.gi_frame",
    "an import": "def f(x):\n    import os\n    yield os",
    "setting an attribute": "def f(x):\n    x.y = 1\n    yield x",
    "a global": "def f(x):\n    global g\n    g = x",
}

LOOPBACK = (
    "http://127.0.0.1:PORT/",
    "http://localhost:PORT/",
    "http://127.1:PORT/",
    "http://2130706433:PORT/",
    "http://0x7f.1:PORT/",
    "http://0.0.0.0:PORT/",
    "http://[::1]:PORT/",
    "http://[::]:PORT/",
    "http://[::ffff:127.0.0.1]:PORT/",
    "http://private.example:PORT/",
    "http://169.254.169.254/latest/meta-data/",
    "http://public.example:PORT/redirect?to=http://127.0.0.1:PORT/secret",
)

REFUSED_WAYS = (
    "link preview",
    "iap",
    "webhook",
    "an adapter of Odoo's",
    "an adapter that retries",
    "the operator's proxy for loopback",
)
OTHER_WAYS = {
    "link preview of a bad name": "False",
    "the operator's proxy": "200",
    "the operator's proxy for a name it knows": "200",
    "urllib3": "200",
    "smtp": "220 relay",
}

NOT_PUBLIC = (
    *("127.0.0.1", "127.255.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "0.0.0.0", "0.1.2.3"),
    *("169.254.169.254", "100.100.100.200", "168.63.129.16", "192.0.0.192", "100.64.0.1", "192.88.99.1"),
    *("198.18.0.1", "203.0.113.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
    *("::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001::1", "2001:db8::1"),
    *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "2002:7f00:1::1"),
    *("64:ff9b::7f00:1", "64:ff9b:1::1", "2001:20::1", "3fff::1", "5f00::1"),
)
PUBLIC = ("8.8.8.8", "1.1.1.1", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "::ffff:8.8.8.8")


@pytest.fixture(scope="module")
def ask(cluster_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Ask:
    """Let Odoo's own Python answer a question of `tests/support/guards_in_odoo.py`."""
    odoo, data = cluster_engine.odoo, tmp_path_factory.mktemp("data")

    def answer(question: str, about: Any) -> Any:
        result = process.run(
            [odoo.python, SUPPORT / "guards_in_odoo.py", GUARDS, question],
            timeout_s=120,
            environment={**odoo.environment, "TENANTRY_TEST_DATA": str(data)},
            stdin=json.dumps(about),
        )
        return json.loads(result)

    return answer


@pytest.fixture(scope="module")
def values(ask: Ask) -> dict[str, dict[str, str]]:
    """The value of each expression before and after the guards are installed; tables may share labels."""
    tables = {"attack": ATTACKS, "detour": DETOURS, "refused": REFUSED_BY_ODOO, "legitimate": LEGITIMATE}
    return ask(
        "evaluate",
        {f"{kind} {label}": code for kind, table in tables.items() for label, code in table.items()},
    )


@pytest.mark.parametrize("label", ATTACKS)
def test_a_format_string_reads_no_hidden_attribute(values: dict[str, dict[str, str]], label: str):
    value = values[f"attack {label}"]
    assert not value["before"].startswith(("ValueError", "NameError", "SyntaxError")), "no attack at all"
    assert "HiddenName" in value["after"]


@pytest.mark.parametrize("label", DETOURS)
def test_the_guard_cannot_be_bypassed_by_its_own_names(values: dict[str, dict[str, str]], label: str):
    assert values[f"detour {label}"]["after"].startswith(("ValueError: ", "NameError: "))


@pytest.mark.parametrize("label", REFUSED_BY_ODOO)
def test_odoo_refuses_the_other_ways_to_name_an_attribute(values: dict[str, dict[str, str]], label: str):
    value = values[f"refused {label}"]
    assert value["before"].startswith(("ValueError", "NameError")), value["before"]
    assert value["after"] == value["before"]


@pytest.mark.parametrize("label", LEGITIMATE)
def test_legitimate_expressions_give_the_same_result_as_without_guards(
    values: dict[str, dict[str, str]], label: str
):
    value = values[f"legitimate {label}"]
    assert value["after"] == value["before"]


def test_code_that_templates_may_not_contain_is_refused_in_generated_code(ask: Ask):
    own = "def f(x):\n    if x:\n        pass\n    elif (x).__class__ == int:\n        yield '__class__'"
    answers = ask("generate", FOREIGN_CODE | {"its own": own})
    assert answers.pop("its own") == "code"
    assert [label for label, answer in answers.items() if "ForbiddenCode" not in answer] == []


def test_a_data_file_may_call_a_models_methods_but_none_of_pythons(ask: Ask):
    answers = ask("call_from_data_file", ["greet", "__getattribute__", "__reduce_ex__"])
    assert answers.pop("greet") == "Hello Azure Interior"
    assert all("must not call" in answer for answer in answers.values())


def test_a_method_that_formats_its_argument_checks_it_first(ask: Ask):
    attack = "{x.greet.__func__.__globals__[SECRET]}"
    answers = ask("format_arguments", [attack, "INV/{seq:05}"])
    assert answers["INV/{seq:05}"] == "INV/00007"
    assert "HiddenName" in answers[attack]


@pytest.fixture(scope="module")
def fetched(ask: Ask) -> dict[str, dict[str, Any]]:
    allowed = {name: f"http://{name}.example:PORT/page" for name in ("public", "both", "rebinding")}
    again = {"rebound": allowed["rebinding"]}
    return ask("fetch", {url: url for url in LOOPBACK} | allowed | again)


@pytest.mark.parametrize("url", LOOPBACK)
def test_a_fetch_from_a_private_address_is_an_ordinary_connection_error(
    fetched: dict[str, dict[str, Any]], url: str
):
    outcome = fetched[url]
    assert "requests.exceptions.ConnectionError" in outcome["bases"]
    assert outcome["error"].startswith("Odoo fetches from public addresses only, and ")
    assert outcome["seen"] == (["127.0.0.2 /redirect"] if "redirect" in url else [])


@pytest.mark.parametrize("name", ["public", "both", "rebinding"])
def test_a_fetch_from_a_public_address_works(fetched: dict[str, dict[str, Any]], name: str):
    assert fetched[name] == {"answer": "200", "seen": ["127.0.0.2 /page"]}


def test_a_name_that_resolves_differently_later_is_checked_again(fetched: dict[str, dict[str, Any]]):
    assert fetched["rebound"]["seen"] == []
    assert "rebinding.example" in fetched["rebound"]["error"]


@pytest.fixture(scope="module")
def ways(ask: Ask) -> dict[str, dict[str, Any]]:
    return ask("fetch_as_odoo", [*REFUSED_WAYS, *OTHER_WAYS])


@pytest.mark.parametrize("way", REFUSED_WAYS)
def test_none_of_odoos_fetchers_reaches_loopback(ways: dict[str, dict[str, Any]], way: str):
    assert ways[way]["seen"] == []


@pytest.mark.parametrize("way", OTHER_WAYS)
def test_addresses_that_users_cannot_choose_are_not_checked(ways: dict[str, dict[str, Any]], way: str):
    assert ways[way]["answer"] == OTHER_WAYS[way]


def test_an_address_is_judged_public_like_for_the_providers_own_webhooks(ask: Ask):
    judged = ask("judge", [*NOT_PUBLIC, *PUBLIC])
    assert [address for address, is_public in judged.items() if is_public] == list(PUBLIC)


# ---------------------------------------------------------------- as a tenant's administrator

REGISTRY = "'{0.cursor.__func__.__globals__}'.format(env.registry)"
RECORD = "'{0.env.registry.cursor.__func__.__globals__}'.format(object)"
GREETING = "'{0.name}: {1:.2f}'.format(object, 1.005)"
FORBIDDEN = "forbidden name '__"


@pytest.fixture(scope="module")
def acme(engine: Engine) -> Iterator[OdooClient]:
    creation = engine.instances.provision(
        engine.instances.spec(name="acme", email="admin@acme.example", template="tiny")
    )
    yield OdooClient(engine, creation)
    engine.instances.terminate("acme")


def partners(acme: OdooClient) -> int:
    """The id of the model res.partner, for an action, a rule or a template."""
    [model] = acme.call("ir.model", "search", [["model", "=", "res.partner"]])
    return int(model)


def run(acme: OdooClient, code: str) -> str:
    """Run code in a server action; return its variable `result` as text."""
    leave = "action = {'type': 'ir.actions.act_window_close', 'infos': {'result': str(result)}}"
    values = {"name": "code", "model_id": partners(acme), "state": "code", "code": f"{code}\n{leave}"}
    action = acme.call("ir.actions.server", "create", [values])
    return str(acme.call("ir.actions.server", "run", action)["infos"]["result"])


def render_view(acme: OdooClient, body: str) -> str:
    """Render a new QWeb view; `object` in it is the user's partner."""
    values = {"name": "page", "type": "qweb", "arch": f"<t>{body}</t>"}
    [view] = acme.call("ir.ui.view", "create", [values])
    return run(acme, f"result = env['ir.qweb']._render({view}, {{'object': env.user.partner_id}})")


def render_mail(acme: OdooClient, **values: str) -> str:
    """Render the given field (exactly one) of a new mail template."""
    [field] = values
    [template] = acme.call(
        "mail.template", "create", [{"name": "mail", "model_id": partners(acme), **values}]
    )
    rendered = f"env['mail.template'].browse({template})._render_field({field!r}, env.user.partner_id.ids)"
    return run(acme, f"result = {rendered}[env.user.partner_id.id]")


def code_door(acme: OdooClient, expression: str) -> str:
    return run(acme, f"object = env.user.partner_id\nresult = {expression}")


def subject_door(acme: OdooClient, expression: str) -> str:
    return render_mail(acme, subject=f"{{{{ {expression} }}}}")


def body_door(acme: OdooClient, expression: str) -> str:
    return render_mail(acme, body_html=f'<p><t t-out="{expression}"/></p>')


def view_door(acme: OdooClient, expression: str) -> str:
    return render_view(acme, f'<t t-out="{expression}"/>')


def attribute_door(acme: OdooClient, expression: str) -> str:
    return render_view(acme, f'<p t-att-title="{expression}"/>')


def variable_door(acme: OdooClient, expression: str) -> str:
    string, _, arguments = expression.partition(".format")
    return render_view(
        acme, f'<t t-set="string">{string.strip(chr(39))}</t><t t-out="string.format{arguments}"/>'
    )


DOORS = (code_door, subject_door, body_door, view_door, attribute_door, variable_door)


@pytest.mark.parametrize("door", DOORS)
def test_no_expression_of_an_administrator_reads_the_process(acme: OdooClient, door: Callable[..., str]):
    with pytest.raises(OdooError) as refusal:
        door(acme, RECORD)
    assert "__name__" not in str(refusal.value)


@pytest.mark.parametrize("door", DOORS)
def test_every_expression_of_an_administrator_may_format_records(acme: OdooClient, door: Callable[..., str]):
    assert ": 1.00" in door(acme, GREETING)


def test_a_refusal_names_the_forbidden_name(acme: OdooClient):
    with pytest.raises(OdooError, match=FORBIDDEN):
        run(acme, f"result = {REGISTRY}")


def test_the_domain_of_a_rule_reads_no_hidden_attribute(acme: OdooClient):
    domain = f"[('name', '!=', {REGISTRY.replace('(env', '(user.env')})]"
    values = {"name": "rule", "model_id": partners(acme), "domain_force": domain}
    with pytest.raises(OdooError, match=FORBIDDEN):
        acme.call("ir.rule", "create", [values])


def render_with_a_field_named(acme: OdooClient, name: str) -> str:
    """Odoo's answer to a template whose context holds a field that SQL renamed; it is rolled back.

    QWeb writes the `repr` of that field into the code it generates.
    """
    code = f"""
partner = env['ir.model'].search([('model', '=', 'res.partner')])
def field(name):
    values = {{'model_id': partner.id, 'name': name, 'ttype': 'char', 'store': False, 'compute': 'pass'}}
    return env['ir.model.fields'].create(values)
renamed = field('x_a')
env.flush_all()
env.cr.execute('UPDATE ir_model_fields SET name = %s WHERE id = %s', [{name!r}, renamed.id])
env['ir.model.fields'].invalidate_model()
field('x_b')
view = env['ir.ui.view'].create({{'name': 'page', 'type': 'qweb', 'arch': '<t>page</t>'}})
held = env['res.partner']._fields[{name!r}]
result = UserError('%s was rendered' % env['ir.qweb'].with_context(edit_translations=held)._render(view.id))
raise result
"""
    with pytest.raises(OdooError) as error:
        run(acme, code)
    return str(error.value)


def test_python_injected_into_a_templates_code_obeys_the_rules_of_templates(acme: OdooClient):
    harmless, python = "'fine'", "().__class__.__base__.__subclasses__()"
    name, rendered = "x_a' if 0 else {} or '", "page</span> was rendered"
    assert rendered in render_with_a_field_named(acme, name.format(harmless))
    assert rendered not in render_with_a_field_named(acme, name.format(python))


def test_a_template_may_still_loop_over_a_number(acme: OdooClient):
    assert "0,1,2," in render_view(acme, '<t t-foreach="3" t-as="n"><t t-out="n"/>,</t>')


def test_an_imported_module_cannot_call_methods_of_python_objects(acme: OdooClient):
    call = """<function model="res.partner" name="__getattribute__" eval="[[], 'env']"/>"""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("data_only/__manifest__.py", "{'name': 'Data', 'data': ['data.xml']}")
        files.writestr("data_only/data.xml", f"<odoo>{call}</odoo>")
    values = {"module_file": base64.b64encode(archive.getvalue()).decode()}
    wizard = acme.call("base.import.module", "create", [values])
    with pytest.raises(OdooError, match="must not call __getattribute__"):
        acme.call("base.import.module", "import_module", wizard)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """A service on the server's loopback interface."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        yield listener


def url_of(listener: socket.socket) -> str:
    return f"http://127.0.0.1:{listener.getsockname()[1]}/"


def test_a_tenants_webhook_does_not_reach_the_servers_loopback(acme: OdooClient, listener: socket.socket):
    values = {"name": "hook", "model_id": partners(acme), "state": "webhook", "webhook_url": url_of(listener)}
    action = acme.call("ir.actions.server", "create", [values])
    context = {"active_id": acme.session_info["partner_id"], "active_model": "res.partner"}
    acme.call("ir.actions.server", "run", action, context=context)
    with pytest.raises(BlockingIOError):
        listener.accept()


def test_a_link_preview_does_not_reach_the_servers_loopback(acme: OdooClient, listener: socket.socket):
    values = {
        "model": "res.partner",
        "res_id": acme.session_info["partner_id"],
        "body": f'<a href="{url_of(listener)}">look</a>',
    }
    [message] = acme.call("mail.message", "create", [values])
    acme.post("/mail/link_preview", message_id=message)
    with pytest.raises(BlockingIOError):
        listener.accept()
