"""A DSN may say what we say ourselves at each connection."""

from __future__ import annotations

from psycopg.conninfo import conninfo_to_dict

from tenantry.model.secret import Secret
from tenantry.postgres.cluster import Cluster
from tenantry.spawner.catalog import Catalog

DSN = Secret("host=db user=engine connect_timeout=7 application_name=hoster options='-c jit=off'")


def test_what_a_dsn_says_holds_for_the_engine():
    told = conninfo_to_dict(Cluster.from_dsn(DSN)._conninfo("postgres"))
    assert (told["connect_timeout"], told["application_name"]) == ("7", "hoster")


def test_the_spawner_has_its_own_patience_and_name():
    told = conninfo_to_dict(Catalog(Cluster.from_dsn(DSN).parameters, "spawner", "secret")._conninfo)
    assert (told["user"], told["connect_timeout"]) == ("spawner", "5")
    assert (told["application_name"], told["options"]) == ("tenantry-spawner", "-c jit=off")
