"""What dump and load have in common: the store, the keys, the programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tenantry.archive.encryption import Keys, archive_keys
from tenantry.archive.format import ARCHIVE_ID
from tenantry.archive.stores import Store, open_store, options_for
from tenantry.model.secret import Secret
from tenantry.operations.context import Context
from tenantry.postgres.cluster import Connection
from tenantry.postgres.programs import find_client
from tenantry.settings import ServerSettings

_STORES = "stores.toml"


@dataclass(frozen=True)
class Place:
    """A store, and the keys of its archives."""

    store: Store
    keys: Keys


def place(context: Context, url: str) -> Place:
    """Raises InvalidStore, InvalidSetting, KeyLost."""
    return place_of(context.settings, context.keys.signing, url)


def place_of(settings: ServerSettings, signing: Secret, url: str) -> Place:
    """The same where there is no cluster. signing: the installation's signing key. Raises as `place`."""
    folder = settings.installation.secrets_dir
    store = open_store(url, options_for(url, folder / _STORES))
    return Place(store, archive_keys(folder, signing))


def signer(context: Context) -> str:
    """The public key that this installation's archives are signed with."""
    return archive_keys(context.settings.installation.secrets_dir, context.keys.signing).signer


def archives(context: Context, url: str) -> list[str]:
    """The archives in a store, by name. Raises InvalidStore, StoreFailure, StoreRefused."""
    names = place(context, url).store.names("manifests")
    found = (name.removesuffix(".json") for name in names if name.endswith(".json"))
    return sorted(name for name in found if ARCHIVE_ID.fullmatch(name))


def client(context: Context, connection: Connection, program: str) -> Path:
    """The file of a PostgreSQL program of the server's version. Raises ClientNotFound."""
    return find_client(context.settings, program, major(connection))


def major(connection: Connection) -> int:
    """The server's major version, such as 15."""
    return connection.info.server_version // 10_000
