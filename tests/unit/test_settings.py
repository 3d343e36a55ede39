"""Settings are read from the environment and the file, and invalid ones are refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tenantry.engine import Engine
from tenantry.errors import InvalidSetting, InvalidValue, ServerNotFound, StartedInside, UnsupportedSeries
from tenantry.keyfile import write_private
from tenantry.model.names import RESERVED_NAMES
from tenantry.model.secret import Secret
from tenantry.model.server import ServerAddress
from tenantry.settings import ServerSettings


@pytest.mark.parametrize("domain", ["../..", "a b", "a/b", "-", "a..b", "x\ny"])
def test_a_base_domain_that_is_none_is_refused(domain: str):
    with pytest.raises(InvalidSetting, match="TENANTRY_BASE_DOMAIN"):
        ServerSettings.from_environment({"TENANTRY_BASE_DOMAIN": domain})


@pytest.mark.parametrize("domain", ["localhost", "intranet", "cloud.example.com", "tenants.localhost"])
def test_a_base_domain_has_any_number_of_labels(domain: str):
    assert ServerSettings.from_environment({"TENANTRY_BASE_DOMAIN": domain.upper()}).base_domain == domain


def test_an_empty_environment_gives_working_defaults():
    settings = ServerSettings.from_environment({})
    assert settings.home == Path.cwd() / ".tenantry"
    assert settings.base_domain == "localhost"
    assert settings.pg_dsn is None


def test_a_dsn_is_a_secret():
    settings = ServerSettings.from_environment({"TENANTRY_PG_DSN": "postgresql://engine:hunter2@db/postgres"})
    assert settings.pg_dsn
    assert "hunter2" not in repr(settings)


def test_more_names_can_be_reserved():
    settings = ServerSettings.from_environment({"TENANTRY_RESERVED_NAMES": "intranet, Sales"})
    assert {"intranet", "sales", "www"} <= settings.installation.reserved_names


def test_what_is_no_number_is_refused_by_name():
    with pytest.raises(InvalidSetting, match="TENANTRY_SLEEP_AFTER_S"):
        ServerSettings.from_environment({"TENANTRY_SLEEP_AFTER_S": "many"})


@pytest.mark.parametrize("series", ["saas~18.4", "16.0", "19", "nineteen"])
def test_a_series_that_tenants_cannot_run_is_refused_by_name(series: str):
    with pytest.raises(UnsupportedSeries, match=series) as refusal:
        ServerSettings.from_environment({"TENANTRY_ODOO_SERIES": series})
    assert "19.0" in refusal.value.remedy


@pytest.mark.parametrize("port", ["65536", "-1", "http"])
def test_what_is_no_port_is_refused_by_name(port: str):
    with pytest.raises(InvalidSetting, match="TENANTRY_HTTP_PORT"):
        ServerSettings.from_environment({"TENANTRY_HTTP_PORT": port})


@pytest.mark.parametrize("network", ["10.213.0.0/33", "8.8.8.0/24", "10.213.0.0/30", "10.213.0.1/16", "some"])
def test_what_is_no_private_network_for_containers_is_refused_by_name(network: str):
    with pytest.raises(InvalidSetting, match="TENANTRY_CONTAINER_NETWORKS"):
        ServerSettings.from_environment({"TENANTRY_CONTAINER_NETWORKS": network})


@pytest.mark.parametrize(
    "address", ["tcp://10.0.0.1", "https://10.0.0.1:1", "/var/run/docker.sock", "unix://s"]
)
def test_what_is_no_address_of_an_engine_is_refused_by_name(address: str):
    with pytest.raises(InvalidSetting, match="TENANTRY_DOCKER_HOST"):
        ServerSettings.from_environment({"TENANTRY_DOCKER_HOST": address})


def test_what_was_set_in_the_back_office_holds_unless_the_environment_says_otherwise(tmp_path: Path):
    environment = {"TENANTRY_HOME": str(tmp_path)}
    ServerSettings.from_environment(environment).save(base_domain="Example.com", protocol="https")
    settings = ServerSettings.from_environment(environment)
    assert (settings.base_domain, settings.protocol) == ("example.com", "https")
    settings.save(protocol="http")
    assert ServerSettings.from_environment(environment).base_domain == "example.com"
    other = ServerSettings.from_environment({**environment, "TENANTRY_BASE_DOMAIN": "other.example"})
    assert (other.base_domain, other.protocol) == ("other.example", "http")


def test_a_wrong_setting_is_refused_and_not_saved(tmp_path: Path):
    settings = ServerSettings.from_environment({"TENANTRY_HOME": str(tmp_path)})
    with pytest.raises(InvalidSetting, match="PROTOCOL"):
        settings.save(protocol="gopher")
    assert not settings.installation.file.exists()


@pytest.mark.parametrize(
    "text",
    [
        *("base_domain", 'base_domian = "a.example"', "protocol = ['http']", 'home = "/"', "servers = 3"),
        *("http_interface = true", "pg_dsn = 'password=hunter2'"),
    ],
)
def test_a_wrong_settings_file_is_refused(tmp_path: Path, text: str):
    (tmp_path / "settings.toml").write_text(text)
    with pytest.raises(InvalidSetting, match=r"settings\.toml") as refusal:
        ServerSettings.from_environment({"TENANTRY_HOME": str(tmp_path)})
    assert "hunter2" not in f"{refusal.value} {refusal.value.remedy}"


def test_another_process_reads_the_same_settings_from_the_environment_they_write():
    settings = ServerSettings.at(
        Path("/srv/tenantry"),
        Path("/var/cache/tenantry"),
        runtime="another",
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
        kept_days=10,
        docker_host="unix:///run/other.sock",
        docker_certs=Path("/etc/docker/certs"),
        image="odoo:19",
        container_networks="10.99.0.0/16",
        railway_workspace="Acme Hosting",
        railway_postgres="postgres:16",
        railway_url="http://127.0.0.1:4711/graphql",
        reserved_names=RESERVED_NAMES | {"intranet", "sales"},
        inside_master=True,
        backup_store="s3://bucket/backups",
        final_backup_days=10,
    )
    defaults = ServerSettings.from_environment({})
    told, usual = settings.to_environment(), defaults.to_environment()
    assert [name for name in told if told[name] == usual[name]] == []
    assert ServerSettings.from_environment(settings.to_environment()) == settings
    assert ServerSettings.from_environment(defaults.to_environment()) == defaults


def test_the_master_can_start_and_stop_nothing(tmp_path):
    engine = Engine(ServerSettings.at(tmp_path, tmp_path, inside_master=True))
    for start in (engine.up, engine.start_postgres, engine.start_tenants, engine.start_master, engine.stop):
        with pytest.raises(StartedInside):
            start()
    assert list(tmp_path.iterdir()) == []


def test_a_private_file_is_never_readable_by_others(tmp_path):
    file = tmp_path / "odoo.conf"
    write_private(file, "db_password = x")
    assert file.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    "text",
    [
        *("[servers.local]", "[servers.Paris]", "servers.paris = 'x'", "[servers.paris]\nmaster_port = 1"),
        *("[servers.paris]\nbase_domian = 'hunter2'", "[servers.paris]\npg_dsn = ['hunter2']"),
        *("[servers.paris]\nhttp_port = 'hunter2'", "[servers.paris]\nhttp_interface = true"),
    ],
)
def test_a_wrong_table_is_refused_where_it_is_used_and_stops_no_other_server(tmp_path: Path, text: str):
    (tmp_path / "settings.toml").write_text(text)
    own = ServerSettings.from_environment({"TENANTRY_HOME": str(tmp_path)})
    (name,) = own.others()
    with pytest.raises(InvalidSetting, match=name) as refusal:
        own.other(name)
    assert "hunter2" not in f"{refusal.value}" or "http_port" in text
    assert Engine(own).at("local").settings == own


def test_an_empty_setting_of_a_table_is_not_set(tmp_path: Path):
    file = tmp_path / "settings.toml"
    file.write_text("[servers.paris]\npg_dsn = ''\npg_bin = ''\nodoo_source = ''\nbase_domain = ''")
    file.chmod(0o600)
    paris = ServerSettings.from_environment({"TENANTRY_HOME": str(tmp_path)}, name="paris")
    assert (paris.pg_dsn, paris.pg_bin, paris.odoo_source, paris.base_domain) == (
        None,
        None,
        None,
        "localhost",
    )


SERVERS = """
# what was written here stays
base_domain = "example.com"

[servers.paris]
base_domain = "paris.example.com"
odoo_series = "18.0"
"""


def test_a_server_beside_the_installation_s_own_has_its_own_settings_and_folder(tmp_path: Path):
    (tmp_path / "settings.toml").write_text(SERVERS)
    environment = {"TENANTRY_HOME": str(tmp_path), "TENANTRY_HTTP_PORT": "8080", "TENANTRY_POOL_SIZE": "7"}
    own = ServerSettings.from_environment(environment)
    (paris,) = map(own.other, own.others())
    assert (paris.name, paris.base_domain, paris.odoo_series) == ("paris", "paris.example.com", "18.0")
    assert (paris.http_port, paris.pool_size) == (0, 2), "the environment speaks of the own server"
    assert paris.home == tmp_path / "servers" / "paris"
    assert paris.installation == own.installation
    assert paris == ServerSettings.from_environment({**environment, "TENANTRY_SERVER": "paris"})
    assert {own.run_dir, own.log_dir, own.data_dir}.isdisjoint({paris.run_dir, paris.log_dir, paris.data_dir})


def test_a_server_that_is_not_declared_is_not_found(tmp_path: Path):
    (tmp_path / "settings.toml").write_text(SERVERS)
    with pytest.raises(ServerNotFound) as refusal:
        ServerSettings.from_environment({"TENANTRY_HOME": str(tmp_path)}, name="rome")
    assert "local, paris" in refusal.value.remedy


def test_saving_leaves_the_other_servers_and_what_was_noted_there(tmp_path: Path):
    file = tmp_path / "settings.toml"
    file.write_text(SERVERS)
    ServerSettings.from_environment({"TENANTRY_HOME": str(tmp_path)}).save(protocol="https")
    assert "# what was written here stays" in file.read_text()
    own = ServerSettings.from_environment({"TENANTRY_HOME": str(tmp_path)})
    assert (own.protocol, own.base_domain) == ("https", "example.com")
    assert [own.other(name).protocol for name in own.others()] == ["http"]


def test_a_server_s_dsn_is_read_from_a_private_file_only(tmp_path: Path):
    file = tmp_path / "settings.toml"
    file.write_text("[servers.paris]\npg_dsn = 'password=hunter2'")
    file.chmod(0o644)
    with pytest.raises(InvalidSetting, match="pg_dsn") as refusal:
        ServerSettings.from_environment({"TENANTRY_HOME": str(tmp_path), "TENANTRY_SERVER": "paris"})
    assert "hunter2" not in f"{refusal.value} {refusal.value.remedy}"
    file.chmod(0o600)
    paris = ServerSettings.from_environment({"TENANTRY_HOME": str(tmp_path)}, name="paris")
    assert paris.pg_dsn == Secret("password=hunter2")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", ServerAddress()),
        ("local", ServerAddress()),
        ("paris", ServerAddress("paris")),
        ("ssh://rome", ServerAddress(destination="rome")),
        ("ssh://odoo@10.0.0.7:2222/paris", ServerAddress("paris", "odoo@10.0.0.7", 2222)),
    ],
)
def test_a_server_s_address_is_a_name_here_or_elsewhere(text: str, expected: ServerAddress):
    assert ServerAddress.of(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("Paris", "../x", "ssh://", "ssh://-oProxyCommand=x", "ssh://a b", "ssh://a/../b", "http://a"),
        *("ssh://a@b@c", "ssh://a:b", "ssh://a\nb", "ssh://a;b", "ssh://$(a)", "ssh://-u@a"),
    ],
)
def test_an_address_that_ssh_or_a_shell_could_take_for_more_is_refused(text: str):
    with pytest.raises(InvalidValue):
        ServerAddress.of(text)
