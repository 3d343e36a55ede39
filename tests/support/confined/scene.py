"""The other processes and files around an attacking tenant's process, and its system calls."""

from __future__ import annotations

import ctypes
import errno
import os
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TASKS, OPEN_FILES, MEMORY_BYTES = 64, 256, 4 << 30
SECRET = b"the other tenant's password"
MEMORY = ctypes.create_string_buffer(len(SECRET))
"""At the same address in every process here; only the other tenant's holds the secret."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.process_vm_readv.restype = ctypes.c_ssize_t


@dataclass(frozen=True)
class Scene:
    folder: Path
    other_user: int
    zygote_user: int
    spawner: int
    zygote: int
    victim: int
    program: int
    """A process of the other tenant."""
    opened: int
    """A descriptor that the zygote happens to have open."""
    port: int
    """A TCP port with a listener."""
    listener: socket.socket

    @property
    def mine(self) -> Path:
        return self.folder / "mine"

    @property
    def other(self) -> Path:
        return self.folder / "other"

    @property
    def secret(self) -> Path:
        return self.folder / "other" / "secret"


Deed = Callable[[Scene], object]


def native(name: str, *arguments: Any) -> int:
    """Call libc as a program would that came without Python; a path is encoded, an int widened if need be."""
    given = [os.fsencode(value) if isinstance(value, Path) else value for value in arguments]
    result: int = getattr(_libc, name)(*given)
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def system_call(x86_64: int, aarch64: int, *arguments: Any) -> int:
    number = x86_64 if os.uname().machine == "x86_64" else aarch64
    wide = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return native("syscall", ctypes.c_long(number), *wide)


def open_and_close(path: Path, flags: int) -> None:
    os.close(native("open", path, flags, 0o600))


def in_a_child(attack: Callable[[], object]) -> None:
    """Run it in a child, so that it changes nothing here, and raise its error here."""
    child = os.fork()
    if child == 0:
        try:
            attack()
        except OSError as error:
            os._exit(error.errno or 255)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        raise OSError(code, os.strerror(code))


class HadNoEffect(Exception):
    """The kernel reported success, but did nothing."""


def outcome(deed: Deed, scene: Scene) -> str:
    """ "done", "no effect", the name of the kernel's error, or what else went wrong."""
    try:
        deed(scene)
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    except HadNoEffect:
        return "no effect"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "done"
