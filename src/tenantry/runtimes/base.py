"""What the runtimes that are an Odoo server of ours share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tenantry.model.keys import Keys
from tenantry.odoo.config import server_marks
from tenantry.odoo.server import Launch, OdooServer
from tenantry.postgres.cluster import Cluster
from tenantry.settings import ServerSettings

_START_TIMEOUT_S = 120


@dataclass(frozen=True)
class OdooRuntime(ABC):
    """One Odoo server of one installation."""

    settings: ServerSettings
    keys: Keys

    @property
    @abstractmethod
    def config_file(self) -> Path: ...

    @property
    @abstractmethod
    def log_file(self) -> Path: ...

    @property
    def is_on_one_core(self) -> bool:
        """Whether all threads of the server share one core; decision 0020 says why one would."""
        return False

    @abstractmethod
    def is_answering(self) -> bool: ...

    def _bring_up(self, configure: Callable[[], Launch], cluster: Cluster) -> None:
        """Start it unless it runs as `configure` would have it. Raises ServerNotStarted."""
        marks = server_marks(self.settings, cluster)
        self._server.bring_up(configure, marks, self.is_answering, _START_TIMEOUT_S)

    def stop(self) -> bool:
        """Stop it if it runs; tell whether it did."""
        return self._server.stop()

    @property
    def pid(self) -> int | None:
        """The running server's process id; None when it does not run."""
        return self._server.pid

    @property
    def port(self) -> int:
        """Raises ServerNotStarted when it never ran."""
        return self._server.port

    @property
    def _server(self) -> OdooServer:
        return OdooServer(self.config_file, self.log_file, self.is_on_one_core)
