"""The passwords of instances follow their key: after an upgrade from one key, and with a new one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tenantry.engine import Engine
from tenantry.errors import PostgresUnreachable
from tenantry.model.catalog import Kind, Label, State
from tenantry.model.names import ENGINE_ROLE
from tenantry.model.secret import Secret, derive_role_password
from tenantry.operations.context import Context
from tenantry.operations.fleet import passwords as instance_passwords
from tenantry.postgres import databases, roles

NAMES = ["acme", "beta", "edit--blank"]


@pytest.fixture
def older(cluster_engine: Engine) -> Iterator[Engine]:
    """An installation of an older version: one key, from which instances' passwords are derived."""
    context = cluster_engine.context
    secrets = context.settings.installation.secrets_dir
    one_key = context.keys.roles
    with context.maintenance() as connection:
        for name in NAMES:
            databases.create(connection, name, Label(Kind.INSTANCE, State.ACTIVE))
            roles.create(connection, name, derive_role_password(one_key, name))
            databases.grant_connect(connection, name, name)
    kept = {file.name: file.read_text() for file in secrets.iterdir()}
    for file in secrets.iterdir():
        file.unlink()
    (secrets / "installation.key").write_text(one_key.reveal())
    yield Engine(cluster_engine.settings)
    for name, text in kept.items():
        (secrets / name).write_text(text)
    with context.maintenance() as connection:
        for name in NAMES:
            databases.drop(connection, name)
            roles.drop(connection, name)


def can_log_in(context: Context, name: str, password: Secret) -> bool:
    try:
        with context.cluster.as_role(name, password).connect(name):
            return True
    except PostgresUnreachable:
        return False


def test_an_older_installation_keeps_working_and_its_instances_get_new_passwords(older: Engine):
    older.start_postgres()
    context = older.context
    for name in NAMES:
        assert can_log_in(context, name, context.role_password(name))
        assert not can_log_in(context, name, derive_role_password(context.keys.roles, name))
    with context.maintenance() as connection:
        assert connection.info.user == ENGINE_ROLE
    left = {file.name for file in context.settings.installation.secrets_dir.iterdir()}
    assert left == {"instances.key", "instances.key.applied", "roles.key", "signing.key", "sealing.key"}


def test_a_killed_upgrade_is_finished_by_the_next_start(older: Engine, monkeypatch: pytest.MonkeyPatch):
    def killed_at_the_second(connection: object, name: str, password: Secret) -> None:
        if name == NAMES[1]:
            raise KeyboardInterrupt
        set_password(connection, name, password)

    set_password = roles.set_password
    with monkeypatch.context() as patched:
        patched.setattr(instance_passwords.roles, "set_password", killed_at_the_second)
        with pytest.raises(KeyboardInterrupt):
            older.start_postgres()
    again = Engine(older.settings)
    again.start_postgres()
    assert all(can_log_in(again.context, name, again.context.role_password(name)) for name in NAMES)


def test_a_role_whose_login_is_disabled_stays_disabled(older: Engine):
    with older.context.maintenance() as connection:
        roles.disable_login(connection, "acme")
    older.start_postgres()
    assert not can_log_in(older.context, "acme", older.context.role_password("acme"))
    assert can_log_in(older.context, "beta", older.context.role_password("beta"))


def test_passwords_are_set_once_for_each_key(older: Engine):
    older.start_postgres()
    context = older.context
    with context.maintenance() as connection:
        roles.set_password(connection, "acme", Secret("by hand"))
    older.start_postgres()
    assert can_log_in(context, "acme", Secret("by hand"))

    context.settings.installation.instances_key_file.unlink()
    again = Engine(older.settings)
    again.start_postgres()
    assert again.context.keys.instances != context.keys.instances
    assert can_log_in(again.context, "acme", again.context.role_password("acme"))
