"""`tenantry archive`: dump instances into archives in a store, and load them."""

from __future__ import annotations

from typing import Annotated

import typer

from tenantry.cli import left
from tenantry.cli.common import JsonOption, NameArgument, command, engine
from tenantry.cli.groups import Commands
from tenantry.cli.output import Output, megabytes

app = Commands(help="Dump instances of this machine into archives, and load them again.")

StoreArgument = Annotated[str, typer.Argument(help="A folder, or an address such as s3://bucket/folder.")]
ArchiveArgument = Annotated[str, typer.Argument(help="The archive's name, as `archive list` prints it.")]


@app.command("dump", "tenantry archive dump acme /srv/archives")
@command
def dump(name: NameArgument, store: StoreArgument, as_json: JsonOption = False) -> None:
    """Dump an instance into a new archive; it stays in use meanwhile."""
    output = Output(as_json=as_json)
    with output.progress(f"Dumping {name}", left.of_dump(name)) as on_step:
        archive = engine(output).archives.dump(name, store, on_step)
    skipped = f"; left out {archive.skipped} that are not files of Odoo's" if archive.skipped else ""
    output.result(
        archive, f"{archive.archive}: {megabytes(archive.size_bytes)}, {archive.files} files{skipped}."
    )


@app.command("load", "tenantry archive load /srv/archives acme-20261129-213000-1a2b3c beta")
@command
def load(
    store: StoreArgument,
    archive: ArchiveArgument,
    name: NameArgument,
    trust: Annotated[
        str, typer.Option(help="The public key of another installation whose archives are accepted, too.")
    ] = "",
    as_json: JsonOption = False,
) -> None:
    """Load an archive as a stopped instance; `tenantry instance start` starts it."""
    output = Output(as_json=as_json)
    tenantry = engine(output, telling=True)
    with output.progress(f"Loading {name}", left.of_creation(tenantry, name)) as on_step:
        instance = tenantry.archives.load(store, archive, name, on_step, trusted=trust)
    output.result(instance, f"{name} is {instance.state}; it will be at {instance.url}.")


@app.command("list", "tenantry archive list /srv/archives", "tenantry archive list s3://bucket/folder")
@command
def list_(store: StoreArgument, as_json: JsonOption = False) -> None:
    """List the archives in a store."""
    output = Output(as_json=as_json)
    found = engine(output).archives.all(store)
    output.result(found, *(found or ["No archives yet."]))


@app.command()
@command
def key(as_json: JsonOption = False) -> None:
    """Print the public key that this installation's archives are signed with."""
    output = Output(as_json=as_json)
    signer = engine(output).archives.signer()
    output.result({"key": signer}, signer)
