"""Settings come from the environment, once, and wrong ones are said."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from tenantry.engine import Engine
from tenantry.errors import InvalidSetting, StartedInside, UnsupportedSeries
from tenantry.keyfile import write_private
from tenantry.model.names import RESERVED_NAMES
from tenantry.model.secret import Secret
from tenantry.settings import Settings


@pytest.mark.parametrize("domain", ["../..", "a b", "a/b", "-", "a..b", "x\ny"])
def test_a_base_domain_that_is_none_is_refused(domain: str):
    with pytest.raises(InvalidSetting, match="TENANTRY_BASE_DOMAIN"):
        Settings.from_environment({"TENANTRY_BASE_DOMAIN": domain})


@pytest.mark.parametrize("domain", ["localhost", "intranet", "cloud.example.com", "tenants.localhost"])
def test_a_base_domain_has_any_number_of_labels(domain: str):
    assert Settings.from_environment({"TENANTRY_BASE_DOMAIN": domain.upper()}).base_domain == domain


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
    with pytest.raises(InvalidSetting, match="TENANTRY_SLEEP_AFTER_S"):
        Settings.from_environment({"TENANTRY_SLEEP_AFTER_S": "many"})


@pytest.mark.parametrize("series", ["saas~18.4", "16.0", "19", "nineteen"])
def test_a_series_that_tenants_cannot_run_is_refused_by_name(series: str):
    with pytest.raises(UnsupportedSeries, match=series) as refusal:
        Settings.from_environment({"TENANTRY_ODOO_SERIES": series})
    assert "19.0" in refusal.value.remedy


@pytest.mark.parametrize("port", ["65536", "-1", "http"])
def test_what_is_no_port_is_refused_by_name(port: str):
    with pytest.raises(InvalidSetting, match="TENANTRY_HTTP_PORT"):
        Settings.from_environment({"TENANTRY_HTTP_PORT": port})


def test_what_was_set_in_the_back_office_holds_unless_the_environment_says_otherwise(tmp_path: Path):
    environment = {"TENANTRY_HOME": str(tmp_path)}
    Settings.from_environment(environment).save(base_domain="Example.com", protocol="https")
    settings = Settings.from_environment(environment)
    assert (settings.base_domain, settings.protocol) == ("example.com", "https")
    settings.save(protocol="http")
    assert Settings.from_environment(environment).base_domain == "example.com"
    other = Settings.from_environment({**environment, "TENANTRY_BASE_DOMAIN": "other.example"})
    assert (other.base_domain, other.protocol) == ("other.example", "http")


def test_a_wrong_setting_is_refused_and_not_saved(tmp_path: Path):
    settings = Settings.from_environment({"TENANTRY_HOME": str(tmp_path)})
    with pytest.raises(InvalidSetting, match="PROTOCOL"):
        settings.save(protocol="gopher")
    assert not settings.file.exists()


@pytest.mark.parametrize(
    "text", ["base_domain", 'base_domian = "a.example"', "protocol = ['http']", 'home = "/"']
)
def test_a_wrong_settings_file_is_refused(tmp_path: Path, text: str):
    (tmp_path / "settings.toml").write_text(text)
    with pytest.raises(InvalidSetting, match=r"settings\.toml"):
        Settings.from_environment({"TENANTRY_HOME": str(tmp_path)})


def test_another_process_reads_the_same_settings_from_the_environment_they_write():
    settings = Settings(
        home=Path("/srv/tenantry"),
        cache=Path("/var/cache/tenantry"),
        pg_dsn=Secret("host=db user=engine password='two words'"),
        pg_bin=Path("/opt/postgresql/bin"),
        odoo_source=Path("/opt/odoo"),
        odoo_series="18.0",
        addons_path=(Path("/opt/a"), Path("/opt/b")),
        base_domain="example.com",
        protocol="https",
        http_interface="0.0.0.0",
        http_port=1,
        sleep_after_s=3,
        tenant_threads=4,
        tenant_memory_mb=5,
        master_port=4,
        master_workers=5,
        init_timeout_s=6,
        probe_timeout_s=7,
        cron_jitter_s=8,
        pool_size=9,
        reserved_names=RESERVED_NAMES | {"intranet", "sales"},
        inside_master=True,
    )
    defaults = Settings.from_environment({})
    untried = [f.name for f in fields(Settings) if getattr(settings, f.name) == getattr(defaults, f.name)]
    assert untried == []
    assert Settings.from_environment(settings.to_environment()) == settings
    assert Settings.from_environment(defaults.to_environment()) == defaults


def test_the_master_can_start_and_stop_nothing(tmp_path):
    engine = Engine(Settings(home=tmp_path, cache=tmp_path, inside_master=True))
    for start in (engine.up, engine.start_postgres, engine.start_tenants, engine.start_master, engine.stop):
        with pytest.raises(StartedInside):
            start()
    assert list(tmp_path.iterdir()) == []


def test_a_private_file_is_never_readable_by_others(tmp_path):
    file = tmp_path / "odoo.conf"
    write_private(file, "db_password = x")
    assert file.stat().st_mode & 0o077 == 0
