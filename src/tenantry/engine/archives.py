"""`engine.archives`.

The operations are imported inside the methods: the threads that one of their libraries starts do not survive
a fork.
"""

from __future__ import annotations

from pathlib import Path

from tenantry.archive.format import Archive
from tenantry.engine.parts import Noun
from tenantry.model import names
from tenantry.model.instance import Instance
from tenantry.model.progress import OnStep, ignore


class Archives(Noun):
    """`engine.archives`: dump instances into archives, and load them.

    store: a folder, or an address such as s3://bucket/folder. Methods with a store also raise InvalidStore,
    StoreFailure and StoreRefused.
    """

    def all(self, store: str) -> list[str]:
        """The archives in a store, by name."""
        from tenantry.operations.instance.archives import archives

        return archives(self._context, store)

    def dump(self, name: str, store: str, on_step: OnStep = ignore) -> Archive:
        """Make an archive of an instance; it exists once it is complete.

        Raises InstanceNotFound, InvalidTransition, Busy, DumpFailed, ClientNotFound, FilestoreFailure.
        """
        from tenantry.operations.instance.dump import dump_instance

        return dump_instance(self._context, name, store, on_step)

    def load(
        self, store: str, archive: str, name: str, on_step: OnStep = ignore, *, trusted: str = ""
    ) -> Instance:
        """Make the stopped instance `name` of an archive; if it exists already, it stays.

        trusted: the public key of another installation whose archives may be loaded, too.
        Raises InvalidName, and the errors of `operations.instance.load`.
        """
        from tenantry.operations.instance.load import load_instance

        names.instance_name(name, self._parts.settings.installation.reserved_names)
        return load_instance(self._context, store, archive, name, on_step, trusted)

    def export(self, name: str, file: Path, on_step: OnStep = ignore) -> Path:
        """Write Odoo's own backup of an instance, unencrypted, for an Odoo elsewhere; return the file.

        Raises InstanceNotFound, InvalidTransition, Busy, DumpFailed, ClientNotFound, FilestoreFailure,
        ExportFailed.
        """
        from tenantry.operations.instance.export import export_instance

        return export_instance(self._context, name, file, on_step)

    def load_upload(self, file: Path, name: str, on_step: OnStep = ignore) -> Instance:
        """Make the stopped instance `name` of another system's backup: Odoo's .zip, or a file of pg_dump.

        Raises InvalidName, and the errors of `operations.instance.upload`.
        """
        from tenantry.operations.instance.upload import load_upload

        names.instance_name(name, self._parts.settings.installation.reserved_names)
        return load_upload(self._context, file, name, on_step)

    def signer(self) -> str:
        """The public key that this installation's archives are signed with. Raises KeyLost."""
        from tenantry.operations.instance.archives import signer

        return signer(self._context)
