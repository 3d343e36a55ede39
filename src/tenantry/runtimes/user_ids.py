"""The range of user ids of a server's tenants: each server of a machine has a range of its own."""

from __future__ import annotations

from tenantry import process
from tenantry.errors import InvalidSetting
from tenantry.keyfile import write_private
from tenantry.model.names import LOCAL_SERVER
from tenantry.settings import ServerSettings
from tenantry.spawner.identity import RANGES


def user_range(settings: ServerSettings) -> int:
    """The server's range, see `spawner.identity`. The first call chooses it.

    Raises InvalidSetting when there are more servers than ranges.
    """
    if settings.name == LOCAL_SERVER:
        return 0
    file = settings.home / "users"
    if not file.exists():
        with process.file_lock(settings.installation.run_dir / "users.lock"):
            if not file.exists():  # no other process wrote it meanwhile
                write_private(file, str(_free_range(settings)))
    return int(file.read_text())


def _free_range(settings: ServerSettings) -> int:
    taken = {int(other.read_text()) for other in settings.home.parent.glob("*/users")}
    free = set(range(1, RANGES)) - taken
    if not free:
        most = f"one of {RANGES - 1} at most beside the installation's own"
        raise InvalidSetting("servers", settings.name, most)
    return min(free)
