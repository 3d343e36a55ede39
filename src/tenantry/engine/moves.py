"""`engine.moves`: the parts of a move that are done on one server; `engine.moving` puts them together.

The operations are imported inside the methods, see `engine.archives`.
"""

from __future__ import annotations

from tenantry.engine.parts import Noun
from tenantry.model.instance import Instance
from tenantry.model.move import Whereabouts


class Moves(Noun):
    """`engine.moves`. What each method does and raises: see `operations.instance.leaving` and `arriving`."""

    def whereabouts(self, name: str) -> Whereabouts:
        from tenantry.operations.instance import moves

        return moves.whereabouts(self._context, name)

    def digest(self, name: str) -> dict[str, str]:
        """See `operations.instance.digest`."""
        from tenantry.operations.instance.digest import digest

        return digest(self._context, name)

    # ------------------------------------------------------------ at the server that it leaves

    def send(self, name: str, first: str = "") -> str:
        from tenantry.operations.instance import leaving

        return leaving.send(self._context, name, first)

    def freeze(self, name: str, run: str) -> None:
        from tenantry.operations.instance import leaving

        leaving.freeze(self._context, name, run)

    def thaw(self, name: str, run: str) -> None:
        from tenantry.operations.instance import leaving

        leaving.thaw(self._context, name, run)

    def leave(self, name: str, run: str, server: str, forward_to: str) -> float:
        from tenantry.operations.instance import leaving

        return leaving.leave(self._context, name, run, server, forward_to)

    def confirm(self, name: str) -> None:
        from tenantry.operations.instance import leaving

        leaving.confirm(self._context, name)

    # ------------------------------------------------------------ at the server that it arrives at

    def check(self, name: str, there: Whereabouts) -> None:
        from tenantry.operations.instance import arriving

        arriving.check(self._context, name, there)

    def stage(self, origin: str, name: str, archive: str) -> None:
        from tenantry.operations.instance import arriving

        arriving.stage(self._context, origin, name, archive)

    def receive(self, origin: str, name: str, archive: str, run: str, staged: str = "") -> int:
        from tenantry.operations.instance import arriving

        return arriving.receive(self._context, origin, name, archive, run, staged)

    def arrive(self, name: str, run: str) -> Instance:
        from tenantry.operations.instance import arriving

        return arriving.arrive(self._context, name, run)

    def front(self, name: str) -> str:
        from tenantry.operations.instance import arriving

        return arriving.front_of(self._context, name)

    def discard(self, origin: str, name: str, identity: str) -> None:
        from tenantry.operations.instance import arriving

        arriving.discard(self._context, origin, name, identity)

    def settle(self, origin: str, name: str) -> None:
        from tenantry.operations.instance import arriving

        arriving.settle(self._context, origin, name)
