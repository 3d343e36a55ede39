"""The login to a master: address and key, from the environment or from a private file."""

from __future__ import annotations

import ipaddress
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tenantry.errors import InvalidSetting
from tenantry.home import config_dir
from tenantry.keyfile import write_private
from tenantry.model.secret import Secret
from tenantry.remote.errors import InsecureAddress, InvalidAddress, InvalidKey, LoginDamaged

_FILE = "login.json"
_KEY = re.compile(r"[\x21-\x7e]{20,200}")


@dataclass(frozen=True)
class Login:
    """user: their name, from the master at the login; "" for a login from the environment."""

    url: str
    key: Secret
    user: str = ""

    @property
    def place(self) -> str:
        """The master and the user, for messages."""
        return f"{self.url} as {self.user}" if self.user else self.url


@dataclass(frozen=True)
class LoginSettings:
    """The settings of logins, which are independent of the settings of an engine.

    folder: the folder of the stored login. url, key: TENANTRY_MASTER and TENANTRY_API_KEY.
    """

    folder: Path
    url: str = ""
    key: Secret | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> LoginSettings:
        environment = os.environ if environment is None else environment
        get, key = environment.get, environment.get("TENANTRY_API_KEY")
        return cls(
            folder=config_dir(environment),
            url=get("TENANTRY_MASTER") or "",
            key=api_key(key) if key else None,
        )

    @property
    def file(self) -> Path:
        return self.folder / _FILE

    def current(self) -> Login | None:
        """The environment's login, else the file's; None without one. Raises InvalidInput."""
        if not self.url:
            return self._stored()
        if not self.key:
            raise InvalidSetting("TENANTRY_API_KEY", "", "the key for TENANTRY_MASTER")
        return Login(master_address(self.url), self.key)

    def _stored(self) -> Login | None:
        try:
            data = json.loads(self.file.read_text(encoding="utf-8"))
            return Login(url=data["url"], key=api_key(data["key"]), user=data["user"])
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, InvalidKey) as error:
            raise LoginDamaged(self.file) from error

    def keep(self, login: Login) -> None:
        """Write the login to a file that only this user of the machine can read, atomically."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        data = {"url": login.url, "key": login.key.reveal(), "user": login.user}
        write_private(self.file, json.dumps(data))

    def forget(self) -> bool:
        """Remove the stored login; return whether there was one."""
        try:
            self.file.unlink()
        except FileNotFoundError:
            return False
        return True


def api_key(text: str) -> Secret:
    """Check an API key. Raises InvalidKey, which does not show it."""
    if not isinstance(text, str) or not _KEY.fullmatch(text.strip()):
        raise InvalidKey
    return Secret(text.strip())


def master_address(text: str, *, insecure: bool = False) -> str:
    """The master's address without a path. Raises InvalidAddress, InsecureAddress.

    insecure: allow http:// to other machines.
    """
    try:
        parts = urlsplit(text.strip())
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise InvalidAddress(text, str(error)) from error
    if parts.username or parts.password:
        raise InvalidAddress(parts.hostname or "", "it holds a password")
    if parts.scheme not in ("http", "https") or not host:
        raise InvalidAddress(text, "it is no http:// or https:// address")
    if parts.path.rstrip("/") not in ("", "/api") or parts.query or parts.fragment:
        raise InvalidAddress(text, "it has a path")
    address = f"{parts.scheme}://{parts.netloc}"
    if parts.scheme == "http" and not insecure and not _is_here(host):
        raise InsecureAddress(address)
    return address


def _is_here(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
