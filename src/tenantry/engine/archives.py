"""What an engine does with archives.

The operations are imported where they are called: their libraries are not among those of the back office's
Odoo, and the threads that one of them starts do not survive a fork.
"""

from __future__ import annotations

from tenantry.archive.format import Archive
from tenantry.engine.parts import Noun
from tenantry.model import names
from tenantry.model.instance import Instance
from tenantry.model.progress import OnStep, ignore


class Archives(Noun):
    """`engine.archives`: instances that travel.

    store: a folder, or an address such as s3://bucket/folder. What is done with one raises InvalidStore,
    StoreFailure, StoreRefused, too.
    """

    def all(self, store: str) -> list[str]:
        """The archives in a store, by name."""
        from tenantry.operations.instance.archives import archives

        return archives(self._context, store)

    def dump(self, name: str, store: str, on_step: OnStep = ignore) -> Archive:
        """Make an archive of an instance; it exists once it is whole.

        Raises InstanceNotFound, InvalidTransition, Busy, DumpFailed, ClientNotFound, FilestoreFailure.
        """
        from tenantry.operations.instance.dump import dump_instance

        return dump_instance(self._context, name, store, on_step)

    def load(
        self, store: str, archive: str, name: str, on_step: OnStep = ignore, *, trusted: str = ""
    ) -> Instance:
        """Make the stopped instance `name` of an archive; one made of it already stays.

        trusted: the public key of another installation whose archives may be loaded, too.
        Raises InvalidName, and what `operations.instance.load` does.
        """
        from tenantry.operations.instance.load import load_instance

        names.instance_name(name, self._parts.settings.installation.reserved_names)
        return load_instance(self._context, store, archive, name, on_step, trusted)

    def signer(self) -> str:
        """The public key that this installation's archives are signed with. Raises KeyLost."""
        from tenantry.operations.instance.archives import signer

        return signer(self._context)
