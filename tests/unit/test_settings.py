"""Settings come from the environment, once, and wrong ones are said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenantry.errors import InvalidSetting
from tenantry.keyfile import installation_key, write_private
from tenantry.settings import Settings


def test_an_empty_environment_gives_working_defaults():
    settings = Settings.from_environment({})
    assert settings.home == Path.cwd() / ".tenantry"
    assert settings.base_domain == "localhost"
    assert settings.pg_dsn is None


def test_a_dsn_is_a_secret():
    settings = Settings.from_environment({"TENANTRY_PG_DSN": "postgresql://engine:hunter2@db/postgres"})
    assert settings.pg_dsn
    assert "hunter2" not in repr(settings)


def test_more_names_can_be_reserved():
    settings = Settings.from_environment({"TENANTRY_RESERVED_NAMES": "intranet, Sales"})
    assert {"intranet", "sales", "www"} <= settings.reserved_names


def test_what_is_no_number_is_refused_by_name():
    with pytest.raises(InvalidSetting, match="TENANTRY_WORKERS"):
        Settings.from_environment({"TENANTRY_WORKERS": "many"})


def test_the_installation_key_is_made_once_and_private(tmp_path):
    file = tmp_path / "secrets" / "installation.key"
    key = installation_key(file)
    assert installation_key(file) == key
    assert len(key.reveal()) == 64
    assert file.stat().st_mode & 0o077 == 0
    assert [entry.name for entry in file.parent.iterdir()] == [file.name]


def test_a_private_file_is_never_readable_by_others(tmp_path):
    file = tmp_path / "odoo.conf"
    write_private(file, "db_password = x")
    assert file.stat().st_mode & 0o077 == 0
