"""Attacks of native code in a tenant's process on others. Sent as text, so it has no other files.

There it finds `there`, what the test says of the scene, and leaves in `result` what became of each attempt.
"""

from __future__ import annotations

import ctypes
import errno
import itertools
import os
import re
import shutil
import signal
import socket
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

REFUSALS = frozenset(
    {"EPERM", "EACCES", "ENOENT", "ENOTDIR", "ESRCH", "EROFS", "ECONNREFUSED", "EINVAL", "EBADF", "nothing"}
    | {"refused by PostgreSQL", "EAFNOSUPPORT"}
)
"""Anything else is either a breach or a fault of the attempt's own."""

_SIGNALS = (0, signal.SIGSTOP, signal.SIGKILL)
_ATTACH = 16
_MASK = 0x55
_CHUNK_BYTES = 60_000

Attempt = Callable[[dict[str, Any]], object]


def outcome(attempt: Attempt, there: dict[str, Any]) -> str:
    try:
        got = attempt(there)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, repr(error))
    except Exception as error:
        is_refused = type(error).__module__.startswith("psycopg2")
        return "refused by PostgreSQL" if is_refused else f"{type(error).__name__}: {error}"
    return f"done: {got!r:.300}" if got else "nothing"


def _whatever_works(attempts: Iterable[Callable[[], object]]) -> list[object]:
    """The results of the attacks that succeeded."""
    found = []
    for attempt in attempts:
        try:
            found.append(attempt() or "done")
        except (OSError, ValueError):
            continue
    return found


# ------------------------------------------------------------ files


def _read(path: str) -> str:
    with open(path, "rb") as file:  # noqa: PTH123 (no detour: what is opened is what is meant)
        return path + repr(file.read(40))


def _write(path: str, flags: int = os.O_WRONLY) -> str:
    os.close(os.open(path, flags, 0o600))
    return path


def _list(path: str) -> list[str]:
    return [entry.name for entry in Path(path).iterdir()]


def _private(there: dict[str, Any]) -> list[str]:
    return [*there["private_files"], *there["private_folders"]]


def _read_private_files(there: dict[str, Any]) -> list[object]:
    return _whatever_works(lambda path=path: _read(path) for path in there["private_files"])


def _write_private_files(there: dict[str, Any]) -> list[object]:
    return _whatever_works(lambda path=path: _write(path) for path in there["private_files"])


def _list_private_folders(there: dict[str, Any]) -> list[object]:
    return _whatever_works(lambda path=path: _list(path) for path in there["private_folders"])


def _write_in_private_folders(there: dict[str, Any]) -> list[object]:
    return _whatever_works(
        lambda path=path: _write(f"{path}/planted", os.O_WRONLY | os.O_CREAT)
        for path in there["private_folders"]
    )


def _go_through_roots(there: dict[str, Any]) -> list[object]:
    """Every process has a way into its own view in /proc."""
    ways = itertools.product(there["processes"].values(), ("root", "cwd", "task/../root"), _private(there))
    return _whatever_works(lambda way=way: Path("/proc/{}/{}{}".format(*way)).stat() for way in ways)


def _go_up_from_descriptors(there: dict[str, Any]) -> list[object]:
    def open_below(descriptor: int, path: str) -> str:
        os.close(os.open(path, os.O_RDONLY, dir_fd=descriptor))
        return path

    up = "../" * 12
    descriptors = [int(name) for name in _list("/proc/self/fd")]
    ways = itertools.product(descriptors, (up + path.lstrip("/") for path in _private(there)))
    return _whatever_works(lambda way=way: open_below(*way) for way in ways)


def _link_private_files(there: dict[str, Any]) -> list[object]:
    return _whatever_works(
        lambda path=path, number=number: os.link(path, f"{there['mine']}/linked-{number}")
        for number, path in enumerate(there["private_files"])
    )


def _change_code(there: dict[str, Any]) -> list[object]:
    return [
        *_whatever_works(lambda path=path: _write(path) for path in there["code_files"]),
        *_whatever_works(
            lambda path=path: _write(f"{Path(path).parent}/planted.py", os.O_WRONLY | os.O_CREAT)
            for path in there["code_files"]
        ),
        *_whatever_works(lambda path=path: Path(path).rename(path + "~") for path in there["code_files"]),
    ]


def _write_the_template(there: dict[str, Any]) -> list[object]:
    """Its files are linked into mine, or copied. Writing a copy changes only mine, so it does not count."""
    return _whatever_works(lambda path=path: _write(path) for path in there["links_to_template"])


FILES: dict[str, Attempt] = {
    "read keys, configurations, logs and others' files": _read_private_files,
    "write them": _write_private_files,
    "list the folders they are in": _list_private_folders,
    "make files there": _write_in_private_folders,
    "go there through the root of each process": _go_through_roots,
    "go there from each of my descriptors": _go_up_from_descriptors,
    "link them to my folder": _link_private_files,
    "change the code of Odoo and its addons": _change_code,
    "write the template's files by their hard links": _write_the_template,
}

# ------------------------------------------------------------ processes

_libc = ctypes.CDLL(None, use_errno=True)


def _checked(result: int) -> int:
    if result == -1:
        raise OSError(ctypes.get_errno(), "")
    return result


def _each(there: dict[str, Any], attempt: Callable[[int], object]) -> list[object]:
    return _whatever_works(lambda pid=pid: (attempt(pid), pid) for pid in there["processes"].values())


def _open_memory(pid: int) -> None:
    os.close(os.open(f"/proc/{pid}/mem", os.O_RDONLY))


def _read_memory(pid: int) -> None:
    buffer = ctypes.create_string_buffer(8)
    here = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 8)
    at = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 8)
    one, flags = ctypes.c_ulong(1), ctypes.c_ulong(0)
    _checked(_libc.process_vm_readv(pid, here, one, at, one, flags))


def _trace(pid: int) -> None:
    _checked(_libc.ptrace(ctypes.c_long(_ATTACH), ctypes.c_long(pid), None, None))


def _signal(pid: int) -> None:
    for number in _SIGNALS:
        os.kill(pid, number)


def _signal_by_handle(pid: int) -> None:
    handle = os.pidfd_open(pid)
    try:
        signal.pidfd_send_signal(handle, 0)
    finally:
        os.close(handle)


def _look_at(name: str) -> Callable[[int], object]:
    return lambda pid: _read(f"/proc/{pid}/{name}")


def _become_others(there: dict[str, Any]) -> list[object]:
    """Try it in a child: after a success this process must not continue as another user."""

    def become(user: int) -> None:
        child = os.fork()
        if child == 0:
            try:
                os.setresuid(user, user, user)
            except OSError as error:
                os._exit(error.errno or 255)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code:
            raise OSError(code, "")

    return _whatever_works(lambda user=user: become(user) for user in there["users"])


PROCESSES: dict[str, Attempt] = {
    "open others' memory": lambda there: _each(there, _open_memory),
    "read others' memory": lambda there: _each(there, _read_memory),
    "trace others": lambda there: _each(there, _trace),
    "signal others": lambda there: _each(there, _signal),
    "signal others by a handle": lambda there: _each(there, _signal_by_handle),
    "read others' environment": lambda there: _each(there, _look_at("environ")),
    "read others' maps": lambda there: _each(there, _look_at("maps")),
    "list others' descriptors": lambda there: _each(there, lambda pid: _list(f"/proc/{pid}/fd")),
    "become others": _become_others,
}

# ------------------------------------------------------------ sockets and descriptors


def _connect(address: str) -> str:
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        client.connect(address)
    return address


def _connect_to_sockets(there: dict[str, Any]) -> list[object]:
    return _whatever_works(lambda path=path: _connect(path) for path in there["sockets"])


def _connect_to_known_sockets(_there: dict[str, Any]) -> list[object]:
    """All that the kernel lists, but for those of mine."""
    listed = {line.split()[-1] for line in _read_all("/proc/net/unix").splitlines() if len(line.split()) > 7}
    mine = {str(s) for s in _own_addresses()}
    names = sorted(name for name in listed - mine if name.startswith(("/", "@")))
    return _whatever_works(lambda name=name: _connect(re.sub("^@", "\0", name)) for name in names)


def _read_all(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
        return file.read()


def _own_sockets() -> Iterator[socket.socket]:
    for name in _list("/proc/self/fd"):
        try:
            is_socket = stat.S_ISSOCK(os.fstat(int(name)).st_mode)
        except OSError:
            continue
        if is_socket:
            yield socket.socket(fileno=os.dup(int(name)))


def _own_addresses() -> Iterator[Any]:
    for own in _own_sockets():
        with own:
            yield own.getsockname()


def _speak_on_the_zygotes_channel(_there: dict[str, Any]) -> list[object]:
    """All my sockets with datagrams, such as the channels of zygote and keeper."""
    found: list[object] = []
    for own in _own_sockets():
        with own:
            if own.type == socket.SOCK_SEQPACKET:
                found.append(own.send(b'{"name": "beta", "serial": 1}'))
    return found


def _find_strange_descriptors(there: dict[str, Any]) -> list[object]:
    """The descriptors of the machine's files that are neither code, nor mine, nor made by this process."""
    known = re.compile(
        r"socket:|pipe:|anon_inode:|/memfd:|/dev/(null|zero|full|random|urandom)$|/proc/|/sys/devices/"
        r"|/usr|/bin|/sbin|/lib|/etc|/var/(lib|cache)|/run/(systemd/resolve|resolvconf)"
    )
    own = (there["mine"], there["log"], there["board"], *there["code_folders"])
    found = []
    for name in _list("/proc/self/fd"):
        try:
            target = str(Path(f"/proc/self/fd/{name}").readlink())
        except OSError:
            continue
        if not known.match(target) and not target.startswith(own):
            found.append((name, target))
    return found


SOCKETS: dict[str, Attempt] = {
    "connect to others' sockets": _connect_to_sockets,
    "connect to each socket of the machine": _connect_to_known_sockets,
    "speak on the zygote's channel": _speak_on_the_zygotes_channel,
    "find a descriptor of somebody else's": _find_strange_descriptors,
}

# ------------------------------------------------------------ PostgreSQL


def _log_in(there: dict[str, Any], passwords: Iterable[str | None]) -> list[object]:
    import psycopg2

    found: list[object] = []
    for user, database, password in itertools.product(there["roles"], there["databases"], passwords):
        facts = {"host": there["pg_host"], "port": there["pg_port"], "user": user, "dbname": database}
        try:
            psycopg2.connect(**facts, password=password, connect_timeout=5).close()
        except psycopg2.Error:
            continue
        found.append((user, database))
    return found


def _log_in_by_environment(there: dict[str, Any]) -> list[object]:
    """The files that libpq reads by itself."""
    names = [name for name in os.environ if name.startswith("PG")]
    files = [name for name in (".pgpass", ".pg_service.conf") if Path("~", name).expanduser().exists()]
    return [*names, *files, *_log_in(there, [None, ""])]


def _own_password(there: dict[str, Any]) -> str:
    from odoo.sql_db import connection_info_for

    password: str = connection_info_for(there["name"])[1]["password"]
    return password


def _log_in_elsewhere(there: dict[str, Any]) -> list[object]:
    """With the one password this process has."""
    return _log_in(there, [_own_password(there)])


def _go_elsewhere_as_myself(there: dict[str, Any]) -> list[object]:
    return _log_in({**there, "roles": [there["name"]]}, [_own_password(there)])


POSTGRES: dict[str, Attempt] = {
    "log in as others without a password": _log_in_by_environment,
    "log in as others with mine": _log_in_elsewhere,
    "use others' databases as myself": _go_elsewhere_as_myself,
}

# ------------------------------------------------------------ memory and environment


def memory_holds(masked: dict[str, str]) -> list[str]:
    """Which of the secrets are in this process's memory. They come masked: else they were found here."""
    wanted = {name: bytes.fromhex(text) for name, text in masked.items()}
    longest = max(map(len, wanted.values()))
    table = bytes(value ^ _MASK for value in range(256))
    found: set[str] = set()
    for begin, end in _readable_regions():
        rest = b""
        for chunk in _chunks(begin, end):
            text = rest + chunk.translate(table)
            found |= {name for name, secret in wanted.items() if secret in text}
            rest = text[-longest:]
    return sorted(found)


def _readable_regions() -> list[tuple[int, int]]:
    lines = (line.split() for line in _read_all("/proc/self/maps").splitlines())
    regions = [line for line in lines if line[1].startswith("r") and line[-1] not in ("[vvar]", "[vsyscall]")]
    return [(int(line[0].split("-")[0], 16), int(line[0].split("-")[1], 16)) for line in regions]


def _chunks(begin: int, end: int) -> Iterator[bytes]:
    """Read through a pipe: for unreadable memory the kernel returns an error, a pointer would crash."""
    reading, writing = os.pipe()
    try:
        for address in range(begin, end, _CHUNK_BYTES):
            size = min(_CHUNK_BYTES, end - address)
            written = _libc.write(writing, ctypes.c_void_p(address), ctypes.c_size_t(size))
            yield os.read(reading, written) if written > 0 else b""
    finally:
        os.close(reading)
        os.close(writing)


def _find_secret_variables(_there: dict[str, Any]) -> list[object]:
    suspicious = re.compile(r"TENANTRY|^PG|ODOO_RC|SECRET|TOKEN|PASSWORD|_KEY", re.IGNORECASE)
    return [name for name in os.environ if suspicious.search(name)]


ENVIRONMENT: dict[str, Attempt] = {"find a secret in the environment": _find_secret_variables}

ATTEMPTS: dict[str, Attempt] = {**FILES, **PROCESSES, **SOCKETS, **POSTGRES, **ENVIRONMENT}


def try_everything(there: dict[str, Any]) -> dict[str, str]:
    return {name: outcome(attempt, there) for name, attempt in ATTEMPTS.items()}


def leave_a_process_behind(seconds: int) -> int:
    """Start a process without a parent, in a session of its own; return its id."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            for number in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
            os.write(writing, b"%d" % os.getpid())
            os.closerange(3, 4096)
            os.execv(shutil.which("sleep") or "/bin/sleep", ["sleep", str(seconds)])
        os._exit(0)
    os.waitpid(child, 0)
    try:
        return int(os.read(reading, 20))
    finally:
        os.close(reading)
        os.close(writing)
