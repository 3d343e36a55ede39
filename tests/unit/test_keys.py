"""Four keys: which role's password comes from which, and how they are made, lost and taken over."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenantry.errors import KeyLost, RoleWithoutPassword
from tenantry.keyfile import has_keys, installation_keys, key_file, roles_key
from tenantry.model import names
from tenantry.model.keys import Keys, infrastructure_password, instance_password, owner_mark
from tenantry.model.secret import Secret, derive_role_password

NAMES = [field.name for field in fields(Keys)]
KEYS = Keys(Secret("a" * 64), Secret("b" * 64), Secret("c" * 64), Secret("d" * 64))

random_keys = st.text("0123456789abcdef", min_size=64, max_size=64).map(Secret)
distinct_keys = st.lists(random_keys, min_size=4, max_size=4, unique_by=Secret.reveal).map(lambda k: Keys(*k))
infrastructure = st.sampled_from(sorted(names.INFRASTRUCTURE_ROLES))
labels = st.from_regex(r"[a-z0-9]{1,12}(-[a-z0-9]{1,12}){0,3}", fullmatch=True)
instance_roles = st.one_of(
    labels.filter(lambda label: label not in names.RESERVED_NAMES),
    labels.map(names.editing_database),
    labels.map(lambda label: names.ZYGOTE_PREFIX + label),
)


# ---------------------------------------------------------------- which key


def test_a_cluster_s_mark_tells_servers_and_installations_apart_and_no_key():
    other = replace(KEYS, roles=Secret("e" * 64))
    own = owner_mark(KEYS.roles, "local")
    assert len({own, owner_mark(KEYS.roles, "second"), owner_mark(other.roles, "local")}) == 3
    assert owner_mark(KEYS.of_server("second").roles, "local") == own
    assert KEYS.roles.reveal()[:8] not in own


@given(distinct_keys, infrastructure, st.text(max_size=63))
def test_no_password_of_the_infrastructure_comes_from_the_instances_key(keys: Keys, role: str, other: str):
    password = keys.role_password(role)
    assert password != derive_role_password(keys.instances, role)
    assert password != derive_role_password(keys.instances, other)
    with pytest.raises(RoleWithoutPassword):
        instance_password(keys.instances, role)


@given(distinct_keys, instance_roles)
def test_an_instances_password_comes_from_the_instances_key_only(keys: Keys, role: str):
    assert keys.role_password(role) == instance_password(keys.instances, role)
    assert keys.role_password(role) != derive_role_password(keys.roles, role)
    with pytest.raises(RoleWithoutPassword):
        infrastructure_password(keys.roles, role)


@given(st.text(max_size=63))
def test_whatever_else_a_role_is_called_it_has_no_password(role: str):
    if names.is_instance_role(role) or role in names.INFRASTRUCTURE_ROLES:
        assert KEYS.role_password(role)
    else:
        with pytest.raises(RoleWithoutPassword):
            KEYS.role_password(role)


@pytest.mark.parametrize(
    "role", ["spare_blank_1a2b3c4d", "clone_acme", "template_blank", "tenantry_other", ""]
)
def test_a_role_that_does_not_log_in_has_no_password(role: str):
    with pytest.raises(RoleWithoutPassword):
        KEYS.role_password(role)


def test_no_instance_can_be_called_like_a_role_of_the_infrastructure():
    assert not [role for role in names.INFRASTRUCTURE_ROLES if names.is_instance_role(role)]
    assert all(role in names.RESERVED_NAMES or "_" in role for role in names.INFRASTRUCTURE_ROLES)


# ---------------------------------------------------------------- files


def test_keys_are_made_once_apart_and_private(tmp_path: Path):
    folder = tmp_path / "secrets"
    keys = installation_keys(folder)
    assert installation_keys(folder) == keys
    assert {len(getattr(keys, name).reveal()) for name in NAMES} == {64}
    assert len({getattr(keys, name).reveal() for name in NAMES}) == 4
    assert {file.name for file in folder.iterdir()} == {f"{name}.key" for name in NAMES}
    assert {path.stat().st_mode & 0o077 for path in (folder, *folder.iterdir())} == {0}


def test_two_processes_at_once_get_the_same_keys(tmp_path: Path):
    folders = [tmp_path / str(number) for number in range(20)]
    with ProcessPoolExecutor(4) as pool:
        rounds = [list(pool.map(_made, [folder] * 4)) for folder in folders]
    assert all(len(set(made)) == 1 for made in rounds)


def _made(folder: Path) -> tuple[str, ...]:
    keys = installation_keys(folder)
    return tuple(getattr(keys, name).reveal() for name in NAMES)


@pytest.mark.parametrize("old", ["", "e" * 64])
@pytest.mark.parametrize("survived", range(4))
def test_keys_that_a_killed_process_left_incomplete_are_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, survived: int, old: str
):
    if old:
        (tmp_path / "installation.key").write_text(old)
    link, links = os.link, []

    def killing(source: Path, target: Path) -> None:
        if len(links) == survived:
            raise KeyboardInterrupt
        link(source, target)
        links.append(target)

    with monkeypatch.context() as patched:
        patched.setattr(os, "link", killing)
        with pytest.raises(KeyboardInterrupt):
            installation_keys(tmp_path)
    assert not has_keys(tmp_path)
    before = {file.name: file.read_text() for file in tmp_path.iterdir()}

    keys = installation_keys(tmp_path)
    after = {file.name: file.read_text() for file in tmp_path.iterdir()}
    assert before.items() - {("installation.key", old)} <= after.items()
    assert set(after) == {f"{name}.key" for name in NAMES}
    assert not old or keys.sealing.reveal() == old


@pytest.mark.parametrize("name", ["roles", "signing", "sealing"])
@pytest.mark.parametrize("content", [None, ""])
def test_a_lost_key_is_not_replaced_by_a_new_one(tmp_path: Path, name: str, content: str | None):
    installation_keys(tmp_path)
    file = key_file(tmp_path, name)
    file.unlink()
    if content is not None:
        file.write_text(content)
    with pytest.raises(KeyLost, match=f"{name}.key"):
        installation_keys(tmp_path)


# ---------------------------------------------------------------- an older version's one key


def test_the_only_key_of_an_older_version_is_taken_over_by_all_keys_but_instances(tmp_path: Path):
    (tmp_path / "installation.key").write_text("e" * 64)
    keys = installation_keys(tmp_path)
    assert {keys.roles, keys.signing, keys.sealing} == {Secret("e" * 64)}
    assert keys.instances != keys.roles
    assert not (tmp_path / "installation.key").exists()
    assert installation_keys(tmp_path) == keys


def test_an_old_key_that_no_new_file_holds_is_not_removed(tmp_path: Path):
    keys = installation_keys(tmp_path)
    (tmp_path / "installation.key").write_text("e" * 64)
    assert installation_keys(tmp_path) == keys
    assert (tmp_path / "installation.key").read_text() == "e" * 64


def test_the_roles_key_is_read_where_the_instances_one_was_removed_and_before_an_update(tmp_path: Path):
    assert roles_key(tmp_path / "none") is None
    made = installation_keys(tmp_path / "now")
    key_file(tmp_path / "now", "instances").unlink()
    assert roles_key(tmp_path / "now") == made.roles

    (tmp_path / "before").mkdir()
    (tmp_path / "before" / "installation.key").write_text("a" * 64)
    assert roles_key(tmp_path / "before") == installation_keys(tmp_path / "before").roles == Secret("a" * 64)
