"""Two tenants' processes as a zygote forks them, of which one tries everything; run as a program of its own.

    python confined.py '{"own_user": true, "landlock": true, "filter_calls": true, "folder": "/tmp/..."}'

It prints a JSON object: `protection` as `confine` told it, and under `outcomes` for each deed below "done" or
the name of the error. The spawner here is this program; started as root, its zygote is an unprivileged user
with no capability but the two that change users, or none of them where `own_user` is false.
"""

from __future__ import annotations

import ctypes
import datetime
import encodings.idna
import errno
import fcntl
import importlib.resources
import json
import multiprocessing.connection
import os
import resource
import shutil
import signal
import socket
import ssl
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
import zoneinfo
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

import psutil

# The tenants cannot read where this Python is: what it would load late is loaded here.
_LOADED = (encodings.idna, importlib.resources)

sys.path.insert(0, str(Path(__file__).parents[2] / "addons" / "saas_process"))
import confinement  # noqa: E402

ZYGOTE, TEMPLATES, VICTIM, SUBJECT = 23000, 23001, 23002, 23003
"""Users of an installation that root started."""
TASKS, OPEN_FILES, MEMORY_BYTES = 64, 256, 4 << 30
SECRET = b"the other tenant's password"
_MEMORY = ctypes.create_string_buffer(len(SECRET))
"""At the same address in each child; only the other tenant's holds the secret."""
_OPENED = fcntl.fcntl(os.open("/etc/passwd", os.O_RDONLY), fcntl.F_DUPFD_CLOEXEC, 200)
"""What the zygote happens to have open, under a number that nothing takes again."""

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.process_vm_readv.restype = ctypes.c_ssize_t

_CLONE_NEWUSER, _CLONE_NEWNS = 0x10000000, 0x00020000
_MS_BIND = 4096
_PTRACE_ATTACH = 16
_IPPROTO_MPTCP, _IPPROTO_SCTP = 262, 132


def native(name: str, *arguments: Any) -> int:
    """Call libc as a program would that came without Python."""
    result: int = getattr(_libc, name)(*arguments)
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


@dataclass(frozen=True)
class Scene:
    own_user: bool
    folder: Path
    spawner: int
    zygote: int
    victim: int
    program: int
    port: int
    listener: socket.socket

    @property
    def mine(self) -> Path:
        return self.folder / "mine"

    @property
    def other(self) -> Path:
        return self.folder / "other"

    @property
    def template(self) -> Path:
        return self.folder / "template"


Deed = Callable[[Scene], object]
DEEDS: dict[str, Deed] = {}


def deed(function: Deed) -> Deed:
    DEEDS[function.__name__] = function
    return function


class HadNoEffect(Exception):
    """The kernel said yes and did nothing."""


# ------------------------------------------------------------ another tenant's files


def native_open(path: Path, flags: int) -> None:
    os.close(native("open", os.fsencode(path), flags, 0o600))


@deed
def read_anothers_file(scene: Scene) -> None:
    native_open(scene.other / "secret", os.O_RDONLY)


@deed
def write_anothers_file(scene: Scene) -> None:
    native_open(scene.other / "secret", os.O_WRONLY)


@deed
def truncate_anothers_file(scene: Scene) -> None:
    native("truncate", os.fsencode(scene.other / "secret"), ctypes.c_long(0))


@deed
def read_anothers_file_by_a_symbolic_link(scene: Scene) -> None:
    native_open(scene.mine / "link-to-anothers", os.O_RDONLY)


@deed
def read_anothers_file_by_its_folder(scene: Scene) -> None:
    """A descriptor of a folder above it that may be opened as a path is no way around."""
    above = os.open(scene.folder, os.O_PATH)
    try:
        os.close(os.open("other/secret", os.O_RDONLY, dir_fd=above))
    finally:
        os.close(above)


@deed
def read_anothers_file_by_the_root_in_proc(scene: Scene) -> None:
    native_open(Path("/proc/self/root") / (scene.other / "secret").relative_to("/"), os.O_RDONLY)


@deed
def hard_link_anothers_file(scene: Scene) -> None:
    native("link", os.fsencode(scene.other / "secret"), os.fsencode(scene.mine / "stolen"))


@deed
def rename_anothers_file_to_me(scene: Scene) -> None:
    native("rename", os.fsencode(scene.other / "movable"), os.fsencode(scene.mine / "taken"))


@deed
def rename_my_file_to_another(scene: Scene) -> None:
    (scene.mine / "gift").touch()
    native("rename", os.fsencode(scene.mine / "gift"), os.fsencode(scene.other / "gift"))


@deed
def exchange_my_folder_for_anothers(scene: Scene) -> None:
    (scene.mine / "swap").mkdir(exist_ok=True)
    mine, other = os.fsencode(scene.mine / "swap"), os.fsencode(scene.other / "folder")
    native("renameat2", -100, mine, -100, other, 2)


@deed
def delete_anothers_file(scene: Scene) -> None:
    native("unlink", os.fsencode(scene.other / "spare"))


@deed
def make_a_file_at_anothers(scene: Scene) -> None:
    native_open(scene.other / "new", os.O_CREAT | os.O_WRONLY)


@deed
def list_anothers_folder(scene: Scene) -> None:
    native_open(scene.other, os.O_RDONLY | os.O_DIRECTORY)


@deed
def list_who_is_there(scene: Scene) -> None:
    native_open(scene.folder, os.O_RDONLY | os.O_DIRECTORY)


@deed
def change_the_mode_of_anothers_file(scene: Scene) -> None:
    with _must_change(scene.other, lambda found: stat.S_IMODE(found.st_mode)):
        native("chmod", os.fsencode(scene.other), 0o777)


@deed
def change_the_owner_of_anothers_file(scene: Scene) -> None:
    with _must_change(scene.other, lambda found: found.st_ctime_ns):
        native("chown", os.fsencode(scene.other), os.getuid(), os.getgid())


@deed
def set_an_attribute_of_anothers_file(scene: Scene) -> None:
    native("setxattr", os.fsencode(scene.other), b"user.mark", b"1", ctypes.c_size_t(1), 0)


@deed
def watch_anothers_folder(scene: Scene) -> None:
    watch = native("inotify_init1", 0)
    try:
        native("inotify_add_watch", watch, os.fsencode(scene.other), 0xFFF)
    finally:
        os.close(watch)


@contextmanager
def _must_change(path: Path, part: Callable[[os.stat_result], int]) -> Iterator[None]:
    before = part(path.stat())
    yield
    if part(path.stat()) == before:
        raise HadNoEffect


@deed
def write_the_template_by_a_hard_link(scene: Scene) -> None:
    native_open(scene.mine / "of-the-template", os.O_WRONLY)


@deed
def change_the_mode_of_the_templates_file(scene: Scene) -> None:
    path = scene.mine / "of-the-template"
    with _must_change(path, lambda found: stat.S_IMODE(found.st_mode)):
        native("chmod", os.fsencode(path), 0o666)


# ------------------------------------------------------------ the machine


@deed
def read_the_shadow_file(_scene: Scene) -> None:
    native_open(Path("/etc/shadow"), os.O_RDONLY)


@deed
def read_shared_memory(_scene: Scene) -> None:
    native_open(Path("/dev/shm"), os.O_RDONLY | os.O_DIRECTORY)


@deed
def write_the_systems_files(_scene: Scene) -> None:
    native_open(Path("/usr/planted"), os.O_CREAT | os.O_WRONLY)


@deed
def write_to_tmp(scene: Scene) -> None:
    path = Path("/tmp") / f"planted-{scene.folder.name}"
    native_open(path, os.O_CREAT | os.O_WRONLY)
    path.unlink()


@deed
def open_a_disk(_scene: Scene) -> None:
    disk = next(path for path in Path("/dev").iterdir() if path.is_block_device() or path.name == "kmsg")
    native_open(disk, os.O_RDONLY)


@deed
def mount(scene: Scene) -> None:
    native("mount", os.fsencode(scene.other), os.fsencode(scene.mine / "folder"), None, _MS_BIND, None)


@deed
def change_the_root(scene: Scene) -> None:
    native("chroot", os.fsencode(scene.mine))


@deed
def unshare_mounts(_scene: Scene) -> None:
    native("unshare", _CLONE_NEWNS)


@deed
def become_root_of_a_namespace(_scene: Scene) -> None:
    _in_a_child(lambda: native("unshare", _CLONE_NEWUSER))


@deed
def clone_into_a_namespace(_scene: Scene) -> None:
    clone = 56 if os.uname().machine == "x86_64" else 220
    child = native("syscall", *map(ctypes.c_long, (clone, _CLONE_NEWUSER | signal.SIGCHLD, 0, 0, 0, 0)))
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


@deed
def clone3_into_a_namespace(_scene: Scene) -> None:
    arguments = struct.pack("11Q", _CLONE_NEWUSER, *[0] * 3, signal.SIGCHLD, *[0] * 6)
    child = native("syscall", ctypes.c_long(435), arguments, ctypes.c_long(len(arguments)))
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


@deed
def mount_in_a_namespace(scene: Scene) -> None:
    """What a user namespace is for, to an attacker."""

    def attack() -> None:
        native("unshare", _CLONE_NEWUSER | _CLONE_NEWNS)
        native("mount", os.fsencode(scene.other), os.fsencode(scene.mine / "folder"), None, _MS_BIND, None)

    _in_a_child(attack)


def _in_a_child(attack: Callable[[], object]) -> None:
    """Do it where it changes nobody else, and raise its error here."""
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


@deed
def make_a_key_for_the_user(_scene: Scene) -> None:
    add_key, keyctl = (248, 250) if os.uname().machine == "x86_64" else (217, 219)
    unlink, of_the_user = 9, ctypes.c_long(-4)
    key = native("syscall", ctypes.c_long(add_key), b"user", b"mark", b"1", ctypes.c_long(1), of_the_user)
    native("syscall", *map(ctypes.c_long, (keyctl, unlink, key)), of_the_user)


@deed
def make_system_v_memory(_scene: Scene) -> None:
    made = native("shmget", 0, ctypes.c_size_t(4096), 0o1600)
    native("shmctl", made, 0, None)


@deed
def make_a_ring(_scene: Scene) -> None:
    os.close(native("syscall", ctypes.c_long(425), ctypes.c_long(4), bytes(120)))


# ------------------------------------------------------------ other processes


@deed
def read_anothers_memory_file(scene: Scene) -> None:
    native_open(Path(f"/proc/{scene.victim}/mem"), os.O_RDONLY)


@deed
def read_anothers_environment(scene: Scene) -> None:
    Path(f"/proc/{scene.victim}/environ").read_bytes()


@deed
def read_anothers_maps(scene: Scene) -> None:
    Path(f"/proc/{scene.victim}/maps").read_bytes()


@deed
def list_anothers_descriptors(scene: Scene) -> None:
    list(Path(f"/proc/{scene.victim}/fd").iterdir())


@deed
def read_anothers_command_line(scene: Scene) -> None:
    Path(f"/proc/{scene.victim}/cmdline").read_bytes()


@deed
def follow_anothers_root(scene: Scene) -> None:
    Path(f"/proc/{scene.victim}/root/etc/passwd").read_bytes()


@deed
def read_anothers_memory(scene: Scene) -> None:
    _read_memory(scene.victim)


@deed
def read_the_zygotes_memory(scene: Scene) -> None:
    _read_memory(scene.zygote)


def _read_memory(pid: int) -> None:
    found = ctypes.create_string_buffer(len(SECRET))
    here = (ctypes.c_size_t * 2)(ctypes.addressof(found), len(SECRET))
    there = (ctypes.c_size_t * 2)(ctypes.addressof(_MEMORY), len(SECRET))
    one, flags = ctypes.c_ulong(1), ctypes.c_ulong(0)
    native("process_vm_readv", pid, here, one, there, one, flags)


@deed
def trace_another(scene: Scene) -> None:
    _trace(scene.victim)


@deed
def trace_anothers_program(scene: Scene) -> None:
    """One that the other tenant runs may be looked into again: it is an exec that decides."""
    _trace(scene.program)


@deed
def read_the_environment_of_anothers_program(scene: Scene) -> None:
    Path(f"/proc/{scene.program}/environ").read_bytes()


@deed
def signal_anothers_program(scene: Scene) -> None:
    native("kill", scene.program, 0)


@deed
def trace_the_zygote(scene: Scene) -> None:
    _trace(scene.zygote)


def _trace(pid: int) -> None:
    native("ptrace", *map(ctypes.c_long, (_PTRACE_ATTACH, pid, 0, 0)))
    os.waitpid(pid, 0)
    native("ptrace", *map(ctypes.c_long, (17, pid, 0, 0)))


@deed
def take_anothers_descriptor(scene: Scene) -> None:
    with _handle(scene.victim) as handle:
        os.close(native("syscall", *map(ctypes.c_long, (438, handle, 0, 0))))


@contextmanager
def _handle(pid: int) -> Iterator[int]:
    handle = os.pidfd_open(pid)
    try:
        yield handle
    finally:
        os.close(handle)


@deed
def signal_another(scene: Scene) -> None:
    native("kill", scene.victim, 0)


@deed
def signal_another_by_a_handle(scene: Scene) -> None:
    with _handle(scene.victim) as handle:
        signal.pidfd_send_signal(handle, 0)


@deed
def signal_the_zygote(scene: Scene) -> None:
    native("kill", scene.zygote, 0)


@deed
def signal_the_spawner(scene: Scene) -> None:
    native("kill", scene.spawner, 0)


@deed
def lower_anothers_limits(scene: Scene) -> None:
    resource.prlimit(scene.victim, resource.RLIMIT_CORE, (0, 0))


@deed
def slow_another_down(scene: Scene) -> None:
    native("setpriority", 0, scene.victim, 1)


@deed
def move_another_to_a_core(scene: Scene) -> None:
    os.sched_setaffinity(scene.victim, os.sched_getaffinity(0))


# ------------------------------------------------------------ back to what it was


@deed
def become_root(_scene: Scene) -> None:
    _in_a_child(lambda: native("setuid", 0))


@deed
def become_the_zygote(scene: Scene) -> None:
    user = ZYGOTE if scene.own_user else 0
    _in_a_child(lambda: native("setresuid", user, user, user))


@deed
def become_another(_scene: Scene) -> None:
    _in_a_child(lambda: native("setresuid", VICTIM, VICTIM, VICTIM))


@deed
def join_a_group(_scene: Scene) -> None:
    _in_a_child(lambda: native("setgroups", ctypes.c_size_t(1), struct.pack("I", 0)))


@deed
def raise_a_capability(_scene: Scene) -> None:
    set_uid = 1 << 7
    _in_a_child(
        lambda: native("capset", struct.pack("Ii", 0x20080522, 0), struct.pack("6I", *[set_uid] * 3, 0, 0, 0))
    )


@deed
def raise_a_limit(_scene: Scene) -> None:
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    except ValueError as error:  # how Python tells EPERM
        raise PermissionError(errno.EPERM, str(error)) from error


@deed
def take_more_memory_than_allowed(_scene: Scene) -> None:
    try:
        bytearray(MEMORY_BYTES)
    except MemoryError as error:
        raise OSError(errno.ENOMEM, "no memory") from error


@deed
def start_more_processes_than_allowed(_scene: Scene) -> None:
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


@deed
def open_more_files_than_allowed(_scene: Scene) -> None:
    opened: list[int] = []
    try:
        opened.extend(os.open("/dev/null", os.O_RDONLY) for _ in range(OPEN_FILES))
    finally:
        for descriptor in opened:
            os.close(descriptor)


@deed
def read_an_inherited_descriptor(_scene: Scene) -> None:
    native("lseek", _OPENED, ctypes.c_long(0), 0)


# ------------------------------------------------------------ the network


@deed
def bind_a_tcp_port(_scene: Scene) -> None:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))


@deed
def listen_at_any_tcp_port(_scene: Scene) -> None:
    with socket.socket() as tried:
        native("listen", tried.fileno(), 1)


@deed
def bind_by_multipath_tcp(_scene: Scene) -> None:
    with socket.socket(proto=_IPPROTO_MPTCP) as tried:
        tried.bind(("127.0.0.1", 0))


@deed
def bind_by_sctp(_scene: Scene) -> None:
    with socket.socket(type=socket.SOCK_SEQPACKET) as tried:
        tried.bind(("127.0.0.1", 0))


@deed
def open_a_packet_socket(_scene: Scene) -> None:
    socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM).close()


@deed
def open_a_vsock(_scene: Scene) -> None:
    socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM).close()


@deed
def connect_to_an_abstract_socket(scene: Scene) -> None:
    with socket.socket(socket.AF_UNIX) as tried:
        tried.connect(f"\0{scene.folder.name}")


# ------------------------------------------------------------ what a tenant's folder is not for


@deed
def run_a_program_of_mine(scene: Scene) -> None:
    shutil.copyfile("/bin/true", scene.mine / "program")
    descriptor = os.open(scene.mine / "program", os.O_RDONLY)
    os.fchmod(descriptor, 0o700)
    os.close(descriptor)
    subprocess.run([scene.mine / "program"], check=True)


@deed
def make_a_symbolic_link(scene: Scene) -> None:
    (scene.mine / "made-link").symlink_to("/etc/passwd")


@deed
def make_a_pipe(scene: Scene) -> None:
    os.mkfifo(scene.mine / "made-pipe")


@deed
def make_a_device(scene: Scene) -> None:
    os.mknod(scene.mine / "made-device", 0o600 | stat.S_IFCHR, os.makedev(1, 3))


# ------------------------------------------------------------ what must work


@deed
def write_and_read_my_file(scene: Scene) -> None:
    path = scene.mine / "filestore" / "ab" / "abcdef"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"content")
    path.write_bytes(b"shorter")
    assert path.read_bytes() == b"shorter"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@deed
def rename_within_my_folder(scene: Scene) -> None:
    (scene.mine / "one").write_text("1")
    (scene.mine / "one").rename(scene.mine / "folder" / "two")
    assert (scene.mine / "folder" / "two").read_text() == "1"


@deed
def rename_a_folder_of_mine(scene: Scene) -> None:
    (scene.mine / "a" / "b").mkdir(parents=True)
    (scene.mine / "a" / "b").rename(scene.mine / "b")
    shutil.rmtree(scene.mine / "a")


@deed
def move_to_my_other_folder(scene: Scene) -> None:
    (scene.mine / "sent").write_text("1")
    (scene.mine / "sent").rename(scene.folder / "temporary" / "sent")


@deed
def hard_link_within_my_folder(scene: Scene) -> None:
    (scene.mine / "first").write_text("1")
    (scene.mine / "folder" / "second").hardlink_to(scene.mine / "first")
    (scene.mine / "first").unlink()


@deed
def copy_with_the_mode(scene: Scene) -> None:
    (scene.mine / "original").write_text("1")
    shutil.copy2(scene.mine / "original", scene.mine / "copy")


@deed
def read_the_template_by_a_hard_link(scene: Scene) -> None:
    assert (scene.mine / "of-the-template").read_text() == "template"


@deed
def remove_the_templates_hard_link(scene: Scene) -> None:
    (scene.mine / "also-of-the-template").unlink()
    assert (scene.mine / "of-the-template").stat().st_nlink == 2


@deed
def use_a_temporary_file(scene: Scene) -> None:
    with tempfile.TemporaryDirectory(dir=scene.folder / "temporary") as folder:
        (Path(folder) / "x").touch()
    with tempfile.TemporaryFile(dir=scene.folder / "temporary") as file:
        file.write(b"x")


@deed
def run_a_program(_scene: Scene) -> None:
    assert subprocess.run(["cat"], input=b"x", stdout=subprocess.PIPE, check=True).stdout == b"x"


@deed
def run_a_program_through_a_shell(scene: Scene) -> None:
    command = f"ls /usr > {scene.mine}/listed 2> /dev/null && sort < {scene.mine}/listed | head -n 1"
    assert subprocess.run(command, shell=True, stdout=subprocess.PIPE, check=True).stdout


@deed
def run_the_systems_python(_scene: Scene) -> None:
    python = next(path for path in ("/usr/bin/python3", "/bin/sh") if Path(path).exists())
    script = (
        "import ssl, sqlite3, zoneinfo; zoneinfo.ZoneInfo('Europe/Vienna')" if "python" in python else "true"
    )
    subprocess.run([python, "-c", script], check=True, stderr=subprocess.PIPE)


@deed
def run_threads(_scene: Scene) -> None:
    threads = [threading.Thread(target=time.sleep, args=(0.01,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@deed
def signal_my_child(_scene: Scene) -> None:
    child = subprocess.Popen(["sleep", "60"])
    child.terminate()
    child.wait(5)


@deed
def look_at_myself(_scene: Scene) -> None:
    process = psutil.Process()
    assert process.memory_info().rss > 0
    assert process.memory_full_info().uss > 0
    assert process.num_threads() == len(process.threads()) == 1
    assert process.num_fds() == len(list(Path("/proc/self/fd").iterdir()))
    assert process.cpu_times().user >= 0
    assert process.cmdline()
    assert Path("/proc/self/statm").read_text()


@deed
def look_at_the_machine(_scene: Scene) -> None:
    assert psutil.virtual_memory().total > 0
    assert psutil.cpu_times().idle > 0
    assert psutil.boot_time() > 0
    assert psutil.cpu_count() == os.cpu_count()


@deed
def limit_myself(_scene: Scene) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE))
    os.nice(0)
    os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0))


@deed
def use_devices(_scene: Scene) -> None:
    Path("/dev/null").write_text("x")
    for path in ("/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"):
        with Path(path).open("rb", buffering=0) as device:
            assert len(device.read(4)) == 4
    assert os.urandom(4)


@deed
def look_a_name_up(_scene: Scene) -> None:
    assert socket.getaddrinfo("localhost", 80)
    assert socket.getservbyname("https") == 443


@deed
def trust_authorities(_scene: Scene) -> None:
    ssl.create_default_context()


@deed
def know_time_zones(_scene: Scene) -> None:
    assert zoneinfo.ZoneInfo("America/New_York").utcoffset(datetime.datetime(2026, 7, 1))


@deed
def talk_through_a_pipe(_scene: Scene) -> None:
    ours, theirs = multiprocessing.Pipe()
    ours.send(1)
    assert theirs.recv() == 1


@deed
def connect_by_tcp(scene: Scene) -> None:
    socket.create_connection(("127.0.0.1", scene.port), timeout=5).close()


@deed
def send_by_udp(scene: Scene) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("127.0.0.1", scene.port))


@deed
def serve_the_inherited_socket(scene: Scene) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(scene.listener.getsockname())
        served, _address = scene.listener.accept()
        with served:
            client.sendall(b"x")
            assert served.recv(1) == b"x"


# ------------------------------------------------------------ the play


def main() -> None:
    order = json.loads(sys.argv[1])
    folder = Path(order["folder"])
    is_root = os.getuid() == 0
    if is_root:
        set_the_stage(folder, owners=OWNERS if order["own_user"] else dict.fromkeys(OWNERS, ZYGOTE))
    else:
        set_the_stage(folder, owners={})
    reading, writing = os.pipe()
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "mine.sock"))
        listener.listen()
        (folder / "mine.sock").chmod(0o666)
        zygote = os.fork()
        if zygote == 0:
            if is_root:
                become_zygote(may_change_users=order["own_user"])
            be_the_zygote(order, server.getsockname()[1], listener, writing)
    os.close(writing)
    with os.fdopen(reading) as results:
        found = json.load(results)
    os.waitpid(zygote, 0)
    for pid in found.pop("left"):
        os.kill(pid, signal.SIGKILL)  # the zygote could not: they are another user's
    print(json.dumps(found))


OWNERS = {"template": TEMPLATES, "other": VICTIM, "mine": SUBJECT, "temporary": SUBJECT}


def set_the_stage(folder: Path, owners: dict[str, int]) -> None:
    for name in OWNERS:
        (folder / name / "folder").mkdir(parents=True)
    for name in ("secret", "spare", "movable"):
        (folder / "other" / name).write_text("another's")
    (folder / "template" / "file").write_text("template")
    (folder / "mine" / "link-to-anothers").symlink_to(folder / "other" / "secret")
    for name, owner in owners.items():
        for path in (folder / name, *(folder / name).rglob("*")):
            os.chown(path, owner, owner, follow_symlinks=False)
    for name in OWNERS:
        (folder / name).chmod(0o700)
    (folder / "template" / "file").chmod(0o644)
    for name in ("of-the-template", "also-of-the-template"):
        (folder / "mine" / name).hardlink_to(folder / "template" / "file")


def become_zygote(*, may_change_users: bool) -> None:
    """From root to a user that can do nothing special but, perhaps, change users."""
    keep_capabilities, ambient, ambient_raise, dumpable = 8, 47, 2, 4
    set_gid, set_uid = 6, 7
    os.setgroups([])
    os.setresgid(ZYGOTE, ZYGOTE, ZYGOTE)
    prctl = confinement._prctl
    prctl(keep_capabilities, int(may_change_users))
    os.setresuid(ZYGOTE, ZYGOTE, ZYGOTE)
    if may_change_users:
        both = 1 << set_gid | 1 << set_uid
        native("capset", struct.pack("Ii", 0x20080522, 0), struct.pack("6I", both, both, both, 0, 0, 0))
        for capability in (set_gid, set_uid):
            prctl(ambient, ambient_raise, capability)
    prctl(dumpable, 1)  # as if it had been started so


def be_the_zygote(order: dict[str, Any], port: int, listener: socket.socket, writing: int) -> NoReturn:
    folder = Path(order["folder"])
    ready, tell = os.pipe()
    victim = os.fork()
    if victim == 0:
        be_the_victim(order, folder, tell)
    program = int(os.read(ready, 16))
    scene = Scene(order["own_user"], folder, os.getppid(), os.getpid(), victim, program, port, listener)
    subject = os.fork()
    if subject == 0:
        be_the_subject(order, scene, writing)
    os.waitpid(subject, 0)
    os._exit(0)


def be_the_victim(order: dict[str, Any], folder: Path, tell: int) -> NoReturn:
    """The other tenant: as well confined, with a secret in its memory, an abstract socket and a program."""
    with socket.socket(socket.AF_UNIX) as heard:
        heard.bind(f"\0{folder.name}")
        heard.listen()
        confine(order, VICTIM, [str(folder / "other")], keep=[heard.fileno(), tell])
        _MEMORY.raw = SECRET
        program = subprocess.Popen(["sleep", "60"])
        os.write(tell, b"%d" % program.pid)
        time.sleep(60)
    os._exit(0)


def be_the_subject(order: dict[str, Any], scene: Scene, writing: int) -> NoReturn:
    writable = [str(scene.mine), str(scene.folder / "temporary")]
    began = time.perf_counter()
    protection = confine(order, SUBJECT, writable, keep=[scene.listener.fileno(), writing])
    lasted_ms = (time.perf_counter() - began) * 1000
    found = {
        "left": [scene.victim, scene.program],
        "protection": {**asdict(protection), "missing": protection.missing},
        "status": Path("/proc/self/status").read_text(),
        "leads_a_session": os.getsid(0) == os.getpid(),
        "lasted_ms": lasted_ms,
        "outcomes": {name: _outcome(function, scene) for name, function in DEEDS.items()},
    }
    with os.fdopen(writing, "w") as results:
        json.dump(found, results)
    os._exit(0)


def confine(order: dict[str, Any], user: int, writable: list[str], keep: list[int]) -> confinement.Protection:
    own = user if order["own_user"] else None
    limits = confinement.Limits(memory_bytes=MEMORY_BYTES, tasks=TASKS, open_files=OPEN_FILES)
    layers = {name: order[name] for name in ("landlock", "filter_calls")}
    return confinement.confine(own, own, confinement.SYSTEM_PATHS, writable, limits, keep=keep, **layers)


def _outcome(function: Deed, scene: Scene) -> str:
    try:
        function(scene)
    except OSError as error:
        return errno.errorcode[error.errno or 0]
    except HadNoEffect:
        return "no effect"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "done"


if __name__ == "__main__":
    main()
