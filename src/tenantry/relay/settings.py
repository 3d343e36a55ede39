"""What the relay knows: the operator's mail server, and the key of instances' logins.

One file holds it. Only the relay's user and the engine can read it; it is read again for each mail.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tenantry.keyfile import write_private
from tenantry.model.mail import Security, Smarthost
from tenantry.model.secret import Secret
from tenantry.spawner import identity


@dataclass(frozen=True)
class RelaySettings:
    """key: see `keys.mail_key`."""

    key: Secret = field(repr=False)
    smarthost: Smarthost

    def write(self, file: Path) -> None:
        """Write the file, atomically; the relay's user owns it."""
        known = asdict(self) | {"key": self.key.reveal()}
        known["smarthost"]["password"] = self.smarthost.password.reveal()
        write_private(file, json.dumps(known), identity.RELAY if identity.is_root() else None)

    @classmethod
    def read(cls, file: Path) -> RelaySettings | None:
        """None when the operator has set no mail server."""
        try:
            known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        smarthost = known.pop("smarthost")
        smarthost["password"] = Secret(smarthost["password"])
        smarthost["security"] = Security(smarthost["security"])
        return cls(Secret(known["key"]), Smarthost(**smarthost))
