"""The engine and a tenant's process share one file with their common names and formats."""

from __future__ import annotations

import ast
import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from tests.support.tenant_side import ADDONS, load

from tenantry import agreed
from tenantry.agreed import Field, Limits, MailAccess, TenantOrder
from tenantry.model.entitlements import Entitlements
from tenantry.model.secret import Secret
from tenantry.model.signing import sign_login
from tenantry.odoo import scripts
from tenantry.odoo.own_addons import tenant_addons
from tenantry.settings import ServerSettings
from tenantry.spawner.board import Board

AGREED = Path(agreed.__file__)
ENGINE = AGREED.parent
TENANTS = (ADDONS / agreed.PROCESS_MODULE, ADDONS / agreed.TENANT_MODULE)
ORDER = TenantOrder(
    name="acme",
    password="its password",
    uid=1,
    gid=1,
    folder="/acme",
    readable=["/code"],
    public_key="ab",
    identity="abc",
    links_since=1,
    is_provided=True,
    is_for_jobs=False,
    front=["localhost", 8069],
    mail=MailAccess("127.0.0.1", 2525, "acme.17", "its mail password"),
    limits=Limits(threads=2),
)


def strings_of(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def test_tenants_load_the_file_that_the_engine_loads(tmp_path: Path):
    folder = tenant_addons(ServerSettings.at(tmp_path, tmp_path))
    assert (folder / "saas_agreed.py").samefile(AGREED)


def test_it_needs_the_standard_library_alone_and_pythons_as_old_as_odoos():
    tree = ast.parse(AGREED.read_text(), feature_version=(3, 10))
    modules = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    modules |= {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert modules <= sys.stdlib_module_names | {"collections.abc"}


def test_none_of_its_constants_is_defined_elsewhere():
    """Constants with a distinctive value; `login` occurs everywhere."""
    facts = [value for name, value in vars(agreed).items() if name.isupper() and isinstance(value, str)]
    telling = {fact for fact in facts if re.search(r"[._/]", fact)}
    files = [file for folder in (ENGINE, *TENANTS) for file in folder.rglob("*.py") if file != AGREED]
    assert len(files) > 100
    assert {(file.name, text) for file in files for text in strings_of(file) if text in telling} == set()


def test_spawner_and_process_read_an_order_alike():
    for order in (ORDER, replace(ORDER, mail=None)):
        assert TenantOrder.from_line(order.to_line()) == order
    assert "its password" not in repr(ORDER)
    assert "its mail password" not in repr(ORDER)


def test_an_order_of_another_shape_is_refused():
    with pytest.raises(TypeError):
        TenantOrder.from_line(json.dumps({**asdict(ORDER), "planet": "earth"}).encode())
    with pytest.raises(TypeError):
        TenantOrder.from_line(json.dumps({"name": "acme", "limits": {}}).encode())


def test_the_facts_of_a_process_come_from_its_order():
    facts = load("saas_process.facts")
    facts.set_facts(replace(ORDER, identity="xyz"), {Field.SEATS: 3, Field.ENTITLED_SINCE: 7})
    assert (facts.public_key(), facts.identity(), facts.links_since()) == ("ab", "xyz", 1)
    assert (facts.is_provided(), facts.seats(), facts.entitled_since()) == (True, 3, 7)


def test_spawner_and_process_share_one_page(tmp_path: Path):
    spawners = Board(tmp_path / "acme.board", anew=True)
    processes = agreed.Board(spawners.descriptor)
    spawners[Field.SEATS] = 3
    processes.note_request()
    assert (processes[Field.SEATS], spawners[Field.REQUESTS]) == (3, 1)
    assert len(Field) * 8 <= agreed.Board.SIZE_BYTES
    processes.close()
    spawners.close()


def test_messages_keep_their_borders_and_bring_descriptors(tmp_path: Path):
    ours, theirs = agreed.pair()
    with ours, theirs, (tmp_path / "file").open("w") as file:
        agreed.send(ours, {"name": "acme"}, [file.fileno()])
        agreed.send(ours, {"name": "beta"})
        message, (descriptor,) = agreed.receive(theirs)
        assert message == {"name": "acme"}
        with os.fdopen(descriptor, "w") as same:
            assert same.write("x") == 1
        assert agreed.receive(theirs) == ({"name": "beta"}, [])
        ours.close()
        assert agreed.receive(theirs) == (None, [])


def test_the_scripts_write_and_remove_the_parameters_that_the_module_reads():
    assert f"'{agreed.ENTITLEMENTS_PARAMETER}'" in scripts.entitle_script("19.0")
    removed = re.search(r"key LIKE '(saas\S+)%'", scripts.sanitize_script("19.0", [agreed.TENANT_MODULE]))
    assert removed
    prefix = removed[1].replace("\\", "")
    assert all(key.startswith(prefix) for key in (agreed.ENTITLEMENTS_PARAMETER, agreed.SUPPORT_PARAMETER))


def test_the_module_asks_a_link_for_nothing_the_engine_does_not_sign():
    signed = load("saas_tenant.tools.signed")
    key = Secret("ab" * 32)
    token = sign_login(key, "acme", "acme", 1, 60).reveal()
    said = json.loads(signed._decode(token.split(".")[0]))
    asked = {
        *re.findall(r'facts\["(\w+)"\]', (TENANTS[1] / "models" / "saas_tenant_access.py").read_text()),
        *re.findall(r'payload\["(\w+)"\]', (TENANTS[1] / "tools" / "signed.py").read_text()),
        "origin",
    }
    assert len(asked) > 6
    assert asked <= said.keys()


def test_the_banner_knows_a_state_that_subscriptions_have():
    lifecycle = (ADDONS.parent / "master" / "saas_manager" / "lifecycle.py").read_text()
    assert f'"{agreed.PAST_DUE}"' in lifecycle
    assert Entitlements(state=agreed.PAST_DUE).as_mapping() == {"state": agreed.PAST_DUE}
