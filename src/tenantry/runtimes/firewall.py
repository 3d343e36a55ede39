"""What containers may reach: public addresses, and nothing of this machine, its network or other containers.

The rules concern the addresses of our own networks only, see `ServerSettings.container_networks`.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from tenantry import process
from tenantry.errors import ProgramFailed, ProgramTimeout, TenantryError

_REFUSED = (
    *("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10"),
    *("127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"),
)
"""Private networks, the machine itself, link-local addresses with the clouds' metadata, multicast."""
_FORWARDED, _TO_US = "DOCKER-USER", "INPUT"
_TIMEOUT_S = 10


@dataclass(frozen=True)
class Firewall:
    """Rules of iptables for packets from the addresses `networks`.

    Name servers may be reached at private addresses, too.
    """

    networks: str

    @property
    def _rules(self) -> list[list[str]]:
        """Each as iptables' arguments after the command; the last one comes first in its chain."""
        mine, refuse = ["-s", self.networks], ["-j", "REJECT"]
        new = ["-m", "conntrack", "--ctstate", "NEW"]
        forwarded = [[_FORWARDED, *mine, "-d", target, *new, *refuse] for target in _REFUSED]
        names = [[_FORWARDED, *mine, "-p", kind, "--dport", "53", "-j", "RETURN"] for kind in ("udp", "tcp")]
        return [*forwarded, *names, [_TO_US, *mine, *refuse]]

    def apply(self) -> None:
        """Add the rules that are missing. Raises ProgramFailed, ProgramTimeout."""
        for rule in self._rules:
            if not self._exists(rule):
                _iptables("-I", *rule)

    def remove(self) -> None:
        """Remove the rules."""
        for rule in self._rules:
            while self._exists(rule):
                _iptables("-D", *rule)

    def _exists(self, rule: list[str]) -> bool:
        try:
            _iptables("-C", *rule)
        except ProgramFailed:
            return False
        return True

    @property
    def obstacle(self) -> str:
        """Why the rules do not hold; "" if they do."""
        if not shutil.which("iptables"):
            return "there is no iptables"
        try:
            missing = [rule for rule in self._rules if not self._exists(rule)]
        except TenantryError as error:
            return str(error)
        return f"{len(missing)} rules are missing; they are added at the next start" if missing else ""


def _iptables(*arguments: str) -> None:
    try:
        process.run(["iptables", "--wait", *arguments], timeout_s=_TIMEOUT_S)
    except ProgramTimeout as error:
        raise ProgramFailed("iptables", -1, str(error)) from error
