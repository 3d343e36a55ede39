"""`tenantry archive`: dump instances into archives in a store, and load them."""

from __future__ import annotations

from pathlib import Path
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


@app.command("export", "tenantry archive export acme acme.zip")
@command
def export(
    name: NameArgument,
    file: Annotated[Path, typer.Argument(help="A new file; it is not encrypted.")],
    as_json: JsonOption = False,
) -> None:
    """Write Odoo's own backup of an instance, which any Odoo of its version can restore."""
    output = Output(as_json=as_json)
    with output.progress(f"Exporting {name}", left.of_dump(name)) as on_step:
        engine(output).archives.export(name, file, on_step)
    output.result(
        {"file": str(file), "size_bytes": file.stat().st_size}, f"{file}: {megabytes(file.stat().st_size)}."
    )


@app.command("import", "tenantry archive import acme_2026-11-29.zip acme")
@command
def import_(
    file: Annotated[
        Path, typer.Argument(help="Odoo's own backup (.zip), or a file of pg_dump, plain or custom.")
    ],
    name: NameArgument,
    as_json: JsonOption = False,
) -> None:
    """Load the backup of another Odoo as a stopped instance; `tenantry instance start` starts it."""
    output = Output(as_json=as_json)
    tenantry = engine(output, telling=True)
    with output.progress(f"Loading {name}", left.of_creation(tenantry, name)) as on_step:
        instance = tenantry.archives.load_upload(file, name, on_step)
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
