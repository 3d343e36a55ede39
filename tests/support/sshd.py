"""A real SSH server on loopback, whose sessions work in an installation of their own; and the way to it."""

from __future__ import annotations

import getpass
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tenantry import process
from tenantry.agent.ssh import ssh_command
from tenantry.model.server import ServerAddress
from tenantry.ports import free_port
from tests.support.waiting import wait_until

_SSHD = "/usr/sbin/sshd"


@dataclass
class Wire:
    """A network between two machines. When it is cut, neither side is notified."""

    port: int
    to_port: int
    to_host: str = "127.0.0.1"
    is_cut: threading.Event = field(default_factory=threading.Event)
    sockets: list[socket.socket] = field(default_factory=list)

    def serve(self) -> None:
        listener = socket.create_server(("127.0.0.1", self.port))
        self.sockets.append(listener)
        with suppress(OSError):
            while True:
                near, _address = listener.accept()
                far = socket.create_connection((self.to_host, self.to_port))
                self.sockets += [near, far]
                for source, target in ((near, far), (far, near)):
                    threading.Thread(target=self._carry, args=[source, target], daemon=True).start()

    def close(self) -> None:
        for opened in self.sockets:
            with suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
            opened.close()

    def _carry(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(2**16):
                if self.is_cut.is_set():
                    return  # and nothing is closed
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)


@dataclass(frozen=True)
class Machine:
    """A simulated other machine. pid: of its SSH server."""

    folder: Path
    program: str
    wire: Wire
    pid: int

    @property
    def command(self) -> list[str]:
        return ssh_command(ServerAddress.of("ssh://there"), self.config, self.program)

    @property
    def config(self) -> Path:
        """The way to it: ssh's own configuration, in which it is called `there`."""
        file = self.folder / "config"
        file.write_text(
            f"Host there\n HostName 127.0.0.1\n Port {self.wire.port}\n User {getpass.getuser()}\n"
            f" IdentityFile {self.folder / 'key'}\n IdentitiesOnly yes\n"
            f" UserKnownHostsFile {self.folder / 'known'}\n"
        )
        return file


@contextmanager
def machine(
    folder: Path,
    program: str,
    environment: Mapping[str, str],
    *,
    host: str = "127.0.0.1",
    enter: Sequence[str] = (),
) -> Iterator[Machine]:
    """environment: of a session there. host: its address. enter: the begin of a command in its network."""
    for name in ("key", "host"):
        keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / name]
        subprocess.run(keygen, check=True, stdin=subprocess.DEVNULL)
    there = free_port()
    wire = Wire(next(port for port in iter(free_port, None) if port != there), there, host)
    public = (folder / "host.pub").read_text()
    (folder / "known").write_text(f"[127.0.0.1]:{wire.port} {public}")
    (folder / "authorized").write_text((folder / "key.pub").read_text())
    told = " ".join(f'"{name}={value}"' for name, value in environment.items())
    (folder / "sshd_config").write_text(
        f"ListenAddress {host}:{wire.to_port}\nHostKey {folder / 'host'}\nPidFile none\n"
        f"AuthorizedKeysFile {folder / 'authorized'}\nStrictModes no\nUsePAM no\n"
        f"PasswordAuthentication no\nPermitRootLogin prohibit-password\nSetEnv {told}\n"
    )
    with suppress(PermissionError):
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    command = [*enter, _SSHD, "-D", "-e", "-f", folder / "sshd_config"]
    pid = process.start(command, log=folder / "log")
    threading.Thread(target=wire.serve, daemon=True).start()
    try:
        wait_until(lambda: _listens(host, wire.to_port), "the SSH server does not listen")
        wait_until(lambda: wire.sockets, "nothing leads to it")
        yield Machine(folder, program, wire, pid)
    finally:
        process.stop(pid)
        wire.close()


def _listens(host: str, port: int) -> bool:
    with suppress(OSError), socket.create_connection((host, port)):
        return True
    return False
