"""What both sides of a move share: where an instance is, and the folder of its archives.

The other parts are in `leaving` and `arriving`; each is done on one server, and may be repeated.
`engine.moving` puts them together.
"""

from __future__ import annotations

from pathlib import Path

from tenantry.errors import Busy
from tenantry.keyfile import private_folder
from tenantry.model import names
from tenantry.model.catalog import Kind, Label, State
from tenantry.model.move import Whereabouts
from tenantry.operations.context import Context
from tenantry.operations.instance.archives import Place, major, place, signer
from tenantry.operations.instance.dump import modules_of
from tenantry.operations.inventory import find_labelled
from tenantry.operations.template.clone import discard
from tenantry.postgres import databases, roles
from tenantry.postgres.cluster import Connection

_BOOT = Path("/proc/sys/kernel/random/boot_id")
"""What the kernel calls itself until the machine is started again."""


def whereabouts(context: Context, name: str) -> Whereabouts:
    """What this server knows of the instance."""
    settings = context.settings
    with context.maintenance() as connection:
        found = find_labelled(connection, name, Kind.INSTANCE)
        label = found.label if found else None
        return Whereabouts(
            server=settings.name,
            installation=signer(context),
            machine=_machine(context),
            series=settings.odoo_series,
            postgres=major(connection),
            state=str(label.state) if label else "",
            identity=label.identity_of(name) if label else "",
            moved_to=label.moved_to if label else "",
            pause_s=label.pause_s if label else 0.0,
            modules=modules_of(context, name) if label and label.state is State.ACTIVE else (),
        )


def _machine(context: Context) -> str:
    """What no other machine has, nor another folder of an installation, with the same keys or not."""
    home = context.settings.installation.home.stat()
    return f"{_BOOT.read_text(encoding='ascii').strip()}:{home.st_dev}:{home.st_ino}"


def archives_folder(context: Context, origin: str, name: str) -> Path:
    """The folder of the archives of an instance that leaves the server `origin`."""
    server = origin if origin == names.LOCAL_SERVER else names.server_name(origin)
    return context.settings.installation.home / "moves" / f"{server}-{name}"


def archives_place(context: Context, origin: str, name: str) -> Place:
    folder = archives_folder(context, origin, name)
    private_folder(folder.parent)
    private_folder(folder)
    return place(context, str(folder))


def check_run(name: str, label: Label, run: str) -> None:
    """Raises Busy if another run of the move has taken over."""
    if label.move != run:
        raise Busy(name)


def drop_former(context: Context, connection: Connection, name: str) -> None:
    former = databases.find(connection, names.former_database(name))
    if former:
        context.filestores.remove(former.filestore)
    discard(context, connection, names.former_database(name))


def give_name(connection: Connection, old: str, new: str, label: Label) -> None:
    """In a transaction: the database, its role and its label."""
    databases.rename(connection, old, new)
    if roles.exists(connection, old):
        roles.rename(connection, old, new)
    databases.label(connection, new, label)
