"""The client of the Docker engine: by its UNIX socket, or by TCP with certificates of both sides."""

from __future__ import annotations

from pathlib import Path

from docker import APIClient
from docker.errors import APIError
from docker.tls import TLSConfig
from requests.exceptions import ConnectionError as Refused
from requests.exceptions import Timeout

AUTHORITY, CERTIFICATE, KEY = "ca.pem", "cert.pem", "key.pem"
"""The files in a folder of certificates, named as Docker's own command names them."""


class Client(APIClient):
    """The way to an engine: the one that was said.

    Neither proxies of the environment lead to it, nor do the certificates of `REQUESTS_CA_BUNDLE`, which
    would take the place of ours, prove who it is.
    """

    @property
    def trust_env(self) -> bool:
        return False

    @trust_env.setter
    def trust_env(self, _wanted: bool) -> None:
        """The library sets it when it begins."""


def connect(address: str, certificates: str = "", timeout_s: int = 60) -> Client:
    """Connect to the engine. certificates: the folder, for an address that begins with tcp.

    Raises DockerException.
    """
    tls = _tls(Path(certificates)) if certificates else False
    return Client(base_url=address, version="auto", timeout=timeout_s, tls=tls)


def _tls(folder: Path) -> TLSConfig:
    own = (str(folder / CERTIFICATE), str(folder / KEY))
    return TLSConfig(client_cert=own, ca_cert=str(folder / AUTHORITY), verify=True)


def is_away(error: Exception) -> bool:
    """Whether the error says that the engine does not answer, as while it is restarted."""
    causes = (error, error.__cause__)
    return any(isinstance(it, Refused | Timeout) and not isinstance(it, APIError) for it in causes)
