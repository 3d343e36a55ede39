"""PostgreSQL's client programs: find those of the server's version, and write a service file for them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tenantry.errors import ClientNotFound
from tenantry.postgres.binaries import WHEEL_BIN, version_of
from tenantry.postgres.cluster import Cluster
from tenantry.settings import ServerSettings

_SERVICE = "tenantry"
CONNECT = f"--dbname=service={_SERVICE}"
"""The argument that makes a program connect by the file of `service`."""


def find_client(settings: ServerSettings, program: str, version: int) -> Path:
    """Find a program of the server's major version. Raises ClientNotFound."""
    folders = [settings.pg_bin] if settings.pg_bin else []
    folders += [Path(f"/usr/lib/postgresql/{version}/bin")]
    folders += [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep) if folder]
    folders += [settings.installation.cache / f"postgresql-{version}" / WHEEL_BIN]
    for folder in folders:
        if version_of(folder / program) == version:
            return folder / program
    raise ClientNotFound(program, version, folders)


@contextmanager
def service(cluster: Cluster, database: str, folder: Path) -> Iterator[Mapping[str, str]]:
    """An environment in which `CONNECT` means that database and the cluster's role.

    The password is in a file in `folder` that only we can read. Other users could see it in the environment
    or in the arguments.
    """
    given = {**cluster.parameters, "dbname": database, "application_name": "tenantry"}
    if cluster.password:
        given["password"] = cluster.password.reveal()
    lines = [f"[{_SERVICE}]", *(f"{name}={value}" for name, value in given.items()), ""]
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", prefix="service-", dir=folder) as file:
        file.write("\n".join(lines))
        file.flush()
        yield {"PGSERVICEFILE": file.name, "PGCONNECT_TIMEOUT": "10"}
