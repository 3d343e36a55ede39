"""What a tenant's process must not do, and the protection that refuses it."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import resource
import shutil
import signal
import socket
import stat
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.confined.scene import (
    MEMORY,
    MEMORY_BYTES,
    OPEN_FILES,
    SECRET,
    TASKS,
    Deed,
    HadNoEffect,
    Scene,
    in_a_child,
    native,
    open_and_close,
    system_call,
)

READ, WRITE, FOLDER = os.O_RDONLY, os.O_WRONLY, os.O_DIRECTORY
_NEW_USER, _NEW_MOUNTS = 0x10000000, 0x00020000
_BIND = 4096
_ATTACH, _DETACH = 16, 17
_MULTIPATH_TCP = 262
_ENTROPY = 0x80045200


@dataclass(frozen=True)
class Attack:
    refused_by: tuple[str, ...]
    """Each of these fields of `Protection` is enough; without any, it is always refused."""
    deed: Deed
    works_elsewhere: bool
    """Whether it succeeds on every machine without these protections."""


ATTACKS: dict[str, Attack] = {}


def _refused_by(*protections: str, elsewhere: bool = True) -> Callable[[dict[str, Deed]], None]:
    def add(deeds: dict[str, Deed]) -> None:
        ATTACKS.update({name: Attack(protections, deed, elsewhere) for name, deed in deeds.items()})

    return add


# ------------------------------------------------------------ another tenant's files


def _read_below_a_descriptor(scene: Scene) -> None:
    above = os.open(scene.folder, os.O_PATH)
    try:
        os.close(os.open("other/secret", READ, dir_fd=above))
    finally:
        os.close(above)


def _give(scene: Scene) -> None:
    (scene.mine / "gift").touch()
    native("rename", scene.mine / "gift", scene.other / "gift")


def _exchange(scene: Scene) -> None:
    (scene.mine / "swap").mkdir(exist_ok=True)
    native("renameat2", -100, scene.mine / "swap", -100, scene.other / "folder", 2)


_refused_by("own_user", "files")(
    {
        "read another's file": lambda scene: open_and_close(scene.secret, READ),
        "read it by a symbolic link": lambda scene: open_and_close(scene.mine / "link-to-anothers", READ),
        "read it below a descriptor of the folder above": _read_below_a_descriptor,
        "read it by the root in /proc": lambda scene: open_and_close(
            Path(f"/proc/self/root{scene.secret}"), READ
        ),
        "write another's file": lambda scene: open_and_close(scene.secret, WRITE),
        "hard link another's file": lambda scene: native("link", scene.secret, scene.mine / "linked"),
        "rename another's file to me": lambda scene: native(
            "rename", scene.other / "movable", scene.mine / "got"
        ),
        "rename my file to another": _give,
        "exchange my folder for another's": _exchange,
        "delete another's file": lambda scene: native("unlink", scene.other / "spare"),
        "make a file at another's": lambda scene: open_and_close(scene.other / "new", WRITE | os.O_CREAT),
        "list another's folder": lambda scene: open_and_close(scene.other, READ | FOLDER),
    }
)
_refused_by("own_user", "truncation")(
    {"truncate another's file": lambda scene: native("truncate", scene.secret, ctypes.c_long(0))}
)


@contextmanager
def _must_change(path: Path, part: Callable[[os.stat_result], int]) -> Iterator[None]:
    before = part(path.stat())
    yield
    if part(path.stat()) == before:
        raise HadNoEffect


def _change_mode(path: Path, mode: int) -> None:
    with _must_change(path, lambda found: stat.S_IMODE(found.st_mode)):
        native("chmod", path, mode)


def _change_owner(scene: Scene) -> None:
    with _must_change(scene.other, lambda found: found.st_ctime_ns):
        native("chown", scene.other, os.getuid(), os.getgid())


def _watch(scene: Scene) -> None:
    watch = native("inotify_init1", 0)
    try:
        native("inotify_add_watch", watch, scene.other, 0xFFF)
    finally:
        os.close(watch)


_refused_by("own_user", "system_calls")(
    {
        "change the mode of another's folder": lambda scene: _change_mode(scene.other, 0o777),
        "change the mode of the template's file": lambda scene: _change_mode(
            scene.mine / "of-template", 0o666
        ),
        "change the owner of another's folder": _change_owner,
        "mark another's folder": lambda scene: native(
            "setxattr", scene.other, b"user.mark", b"1", ctypes.c_size_t(1), 0
        ),
        "watch another's folder": _watch,
    }
)
_refused_by("own_user")(
    {"write the template by a hard link": lambda scene: open_and_close(scene.mine / "of-template", WRITE)}
)

# ------------------------------------------------------------ the machine's files, and one's own


def _write_to_tmp(scene: Scene) -> None:
    path = Path("/tmp") / f"planted-{scene.folder.name}"
    open_and_close(path, WRITE | os.O_CREAT)
    path.unlink()


def _open_a_disk(_scene: Scene) -> None:
    disk = next(path for path in Path("/dev").iterdir() if path.is_block_device() or path.name == "kmsg")
    open_and_close(disk, READ)


def _run_a_program_of_mine(scene: Scene) -> None:
    program = scene.mine / "program"
    shutil.copyfile("/bin/true", program)
    descriptor = os.open(program, READ)
    os.fchmod(descriptor, 0o700)
    os.close(descriptor)
    subprocess.run([program], check=True)


def _control_a_device(_scene: Scene) -> None:
    with Path("/dev/random").open("rb") as device:
        fcntl.ioctl(device, _ENTROPY, bytes(4))


_refused_by("files")(
    {
        "list who is there": lambda scene: open_and_close(scene.folder, READ | FOLDER),
        "look into shared memory": lambda _scene: open_and_close(Path("/dev/shm"), READ | FOLDER),
        "write to /tmp": _write_to_tmp,
        "run a program of mine": _run_a_program_of_mine,
        "make a symbolic link": lambda scene: native("symlink", b"/etc/passwd", scene.mine / "made-link"),
        "make a pipe": lambda scene: os.mkfifo(scene.mine / "made-pipe"),
    }
)
_refused_by("devices")({"control a device": _control_a_device})
_refused_by()(
    {
        "read /etc/shadow": lambda _scene: open_and_close(Path("/etc/shadow"), READ),
        "write to /usr": lambda _scene: open_and_close(Path("/usr/planted"), WRITE | os.O_CREAT),
        "open a disk": _open_a_disk,
        "make a device": lambda scene: os.mknod(scene.mine / "made", 0o600 | stat.S_IFCHR, os.makedev(1, 3)),
        "mount": lambda scene: native("mount", scene.other, scene.mine / "folder", None, _BIND, None),
        "change the root": lambda scene: native("chroot", scene.mine),
        "unshare mounts": lambda _scene: native("unshare", _NEW_MOUNTS),
    }
)

# ------------------------------------------------------------ the kernel's more adventurous parts


def _ended(child: int) -> None:
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _clone3(_scene: Scene) -> None:
    arguments = struct.pack("11Q", _NEW_USER, *[0] * 3, signal.SIGCHLD, *[0] * 6)
    _ended(system_call(435, 435, arguments, len(arguments)))


def _mount_in_a_namespace(scene: Scene) -> None:
    native("unshare", _NEW_USER | _NEW_MOUNTS)
    native("mount", scene.other, scene.mine / "folder", None, _BIND, None)


def _leave_a_key(_scene: Scene) -> None:
    unlink, of_the_user = 9, -4
    key = system_call(248, 217, b"user", b"mark", b"1", 1, of_the_user)
    system_call(250, 219, unlink, key, of_the_user)


_refused_by("system_calls", elsewhere=False)(
    {
        "become root of a namespace": lambda _scene: in_a_child(lambda: native("unshare", _NEW_USER)),
        "clone into a namespace": lambda _scene: _ended(
            system_call(56, 220, _NEW_USER | signal.SIGCHLD, 0, 0, 0, 0)
        ),
        "clone into a namespace by clone3": _clone3,
        "make a ring": lambda _scene: os.close(system_call(425, 425, 4, bytes(120))),
        "open a socket to the host of this machine": lambda _scene: socket.socket(socket.AF_VSOCK).close(),
    }
)
_refused_by("system_calls", "files", elsewhere=False)(
    {"mount in a namespace": lambda scene: in_a_child(lambda: _mount_in_a_namespace(scene))}
)
_refused_by("system_calls")(
    {
        "leave a key": _leave_a_key,
        "leave shared memory": lambda _scene: native(
            "shmctl", native("shmget", 0, ctypes.c_size_t(4096), 0o1600), 0, None
        ),
    }
)

# ------------------------------------------------------------ other processes


def _read_memory(pid: int) -> None:
    found = ctypes.create_string_buffer(len(SECRET))
    here = (ctypes.c_size_t * 2)(ctypes.addressof(found), len(SECRET))
    there = (ctypes.c_size_t * 2)(ctypes.addressof(MEMORY), len(SECRET))
    one, flags = ctypes.c_ulong(1), ctypes.c_ulong(0)
    native("process_vm_readv", pid, here, one, there, one, flags)


def _trace(pid: int) -> None:
    native("ptrace", *map(ctypes.c_long, (_ATTACH, pid, 0, 0)))
    os.waitpid(pid, 0)
    native("ptrace", *map(ctypes.c_long, (_DETACH, pid, 0, 0)))


@contextmanager
def _handle(pid: int) -> Iterator[int]:
    handle = os.pidfd_open(pid)
    try:
        yield handle
    finally:
        os.close(handle)


def _take_descriptor(scene: Scene) -> None:
    with _handle(scene.victim) as handle:
        os.close(system_call(438, 438, handle, 0, 0))


def _signal_by_a_handle(scene: Scene) -> None:
    with _handle(scene.victim) as handle:
        signal.pidfd_send_signal(handle, 0)


def _of(pid: int, name: str) -> Path:
    return Path(f"/proc/{pid}/{name}")


_refused_by()(
    {
        "open another's memory": lambda scene: open_and_close(_of(scene.victim, "mem"), READ),
        "read another's memory": lambda scene: _read_memory(scene.victim),
        "read another's environment": lambda scene: _of(scene.victim, "environ").read_bytes(),
        "read another's maps": lambda scene: _of(scene.victim, "maps").read_bytes(),
        "list another's descriptors": lambda scene: list(_of(scene.victim, "fd").iterdir()),
        "go through another's root": lambda scene: _of(scene.victim, "root/etc/passwd").read_bytes(),
        "trace another": lambda scene: _trace(scene.victim),
        "take another's descriptor": _take_descriptor,
    }
)
# What they run, and a zygote, may be looked into by their user.
_refused_by("own_user", "files", elsewhere=False)(
    {
        "read the zygote's memory": lambda scene: _read_memory(scene.zygote),
        "trace the zygote": lambda scene: _trace(scene.zygote),
        "trace another's program": lambda scene: _trace(scene.program),
        "read the environment of another's program": lambda scene: _of(scene.program, "environ").read_bytes(),
    }
)
_refused_by("files")({"read another's command line": lambda scene: _of(scene.victim, "cmdline").read_bytes()})
_refused_by("signals")(
    {
        "signal another": lambda scene: native("kill", scene.victim, 0),
        "signal another by a handle": _signal_by_a_handle,
        "signal another's program": lambda scene: native("kill", scene.program, 0),
        "signal the zygote": lambda scene: native("kill", scene.zygote, 0),
    }
)
_refused_by("signals", elsewhere=False)(
    {"signal the spawner": lambda scene: native("kill", scene.spawner, 0)}
)
_refused_by("own_user", "system_calls")(
    {
        "limit another": lambda scene: resource.prlimit(scene.victim, resource.RLIMIT_CORE, (0, 0)),
        "slow another down": lambda scene: native("setpriority", 0, scene.victim, 1),
        "move another to a core": lambda scene: os.sched_setaffinity(scene.victim, os.sched_getaffinity(0)),
    }
)

# ------------------------------------------------------------ back to what it was


def _become(user: int) -> None:
    in_a_child(lambda: native("setresuid", user, user, user))


def _raise_a_capability(_scene: Scene) -> None:
    header, sets = struct.pack("Ii", 0x20080522, 0), struct.pack("6I", *[1 << 7] * 3, 0, 0, 0)
    in_a_child(lambda: native("capset", header, sets))


def _raise_a_limit(_scene: Scene) -> None:
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    except ValueError as error:  # how Python tells EPERM
        raise PermissionError(errno.EPERM, str(error)) from error


def _take_too_much_memory(_scene: Scene) -> None:
    try:
        bytearray(MEMORY_BYTES)
    except MemoryError as error:
        raise OSError(errno.ENOMEM, "no memory") from error


def _start_too_many_processes(_scene: Scene) -> None:
    children: list[int] = []
    try:
        for _ in range(TASKS + 1):
            child = os.fork()
            if child == 0:
                time.sleep(20)
                os._exit(0)
            children.append(child)
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _open_too_many_files(_scene: Scene) -> None:
    opened: list[int] = []
    try:
        opened.extend(os.open("/dev/null", READ) for _ in range(OPEN_FILES))
    finally:
        for descriptor in opened:
            os.close(descriptor)


_refused_by()(
    {
        "become root": lambda _scene: _become(0),
        "become another": lambda scene: _become(scene.other_user),
        "join a group": lambda _scene: in_a_child(
            lambda: native("setgroups", ctypes.c_size_t(1), struct.pack("I", 0))
        ),
        "raise a capability": _raise_a_capability,
        "raise a limit": _raise_a_limit,
        "take too much memory": _take_too_much_memory,
        "open too many files": _open_too_many_files,
        "use the zygote's descriptor": lambda scene: native("lseek", scene.opened, ctypes.c_long(0), 0),
    }
)
_refused_by("own_user")(
    {
        "become the zygote": lambda scene: _become(scene.zygote_user),
        "start too many processes": _start_too_many_processes,
    }
)

# ------------------------------------------------------------ the network


def _bind(protocol: int = 0, kind: socket.SocketKind = socket.SOCK_STREAM) -> None:
    with socket.socket(type=kind, proto=protocol) as tried:
        tried.bind(("127.0.0.1", 0))


def _listen_unbound(_scene: Scene) -> None:
    with socket.socket() as tried:
        native("listen", tried.fileno(), 1)


def _connect_to_an_abstract_socket(scene: Scene) -> None:
    with socket.socket(socket.AF_UNIX) as tried:
        tried.connect(f"\0{scene.folder.name}")


_refused_by("tcp_listening")(
    {"bind a TCP port": lambda _scene: _bind(), "listen at any TCP port": _listen_unbound}
)
_refused_by("tcp_listening", elsewhere=False)(
    {
        "bind a port by multipath TCP": lambda _scene: _bind(_MULTIPATH_TCP),
        "bind a port by SCTP": lambda _scene: _bind(kind=socket.SOCK_SEQPACKET),
    }
)
_refused_by("abstract_sockets")({"connect to an abstract socket": _connect_to_an_abstract_socket})
_refused_by()({"see packets": lambda _scene: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM).close()})
