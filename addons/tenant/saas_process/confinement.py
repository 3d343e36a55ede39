"""Confine a tenant's process: a user of its own, resource limits, Landlock, and a filter of system calls.

The child of a zygote calls `confine` before it uses any data of its tenant. This file uses the standard
library only, because Odoo's Python may be another one than ours (3.10 or newer).
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import stat
import struct
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

SYSTEM_PATHS = (
    *"""
    /usr /bin /sbin /lib /lib32 /lib64 /etc/ld.so.cache /etc/alternatives

    /etc/hosts /etc/host.conf /etc/gai.conf /etc/nsswitch.conf /etc/resolv.conf /etc/protocols /etc/services
    /etc/passwd /etc/group /run/systemd/resolve /run/resolvconf

    /etc/ssl/certs /etc/ssl/cert.pem /etc/ssl/openssl.cnf /etc/ca-certificates /etc/crypto-policies
    /etc/pki/ca-trust /etc/pki/tls/certs /etc/pki/tls/cert.pem /etc/pki/tls/openssl.cnf
    /var/lib/ca-certificates

    /etc/localtime /etc/timezone /etc/locale.alias /etc/mime.types /etc/magic /etc/fonts /var/cache/fontconfig

    /proc/cpuinfo /proc/filesystems /proc/loadavg /proc/meminfo /proc/stat /proc/uptime /proc/version
    /proc/vmstat /proc/zoneinfo /proc/sys/kernel/cap_last_cap /proc/sys/kernel/ngroups_max
    /proc/sys/kernel/osrelease /proc/sys/kernel/random /proc/sys/vm/overcommit_memory
    /sys/devices/system/cpu /sys/kernel/mm/transparent_hugepage /dev/random /dev/urandom
    """.split(),  # noqa: SIM905
    *sorted(map(str, Path("/etc").glob("python3*"))),
)
"""What a process may read and run besides Odoo's code; a path that does not exist is skipped.

Programs and libraries; names of hosts and users; certificates of authorities, never keys; time zones, file
types and fonts; and facts about the machine that psutil and glibc read, but none about other processes.
"""


@dataclass(frozen=True)
class Limits:
    """Limits of one process; `tasks` is for all processes of the user. None: leave the limit unchanged."""

    memory_bytes: int | None = None
    """Of the address space, which is several times larger than the memory in use."""
    tasks: int | None = None
    """Processes and threads. It is set only if the tenant has its own user: the kernel counts by user."""
    open_files: int | None = None
    file_size_bytes: int | None = None


@dataclass(frozen=True)
class Protection:
    """The protections of this process, for logs and `tenantry doctor`."""

    landlock_abi: int
    """0: the kernel has no Landlock."""
    own_user: bool
    no_groups: bool
    no_new_privileges: bool
    system_calls: bool
    """System calls are filtered."""
    files: bool
    """Files are protected by path, whoever their owner is."""
    renames: bool
    """Files can be renamed between the process's own folders: a convenience, no protection."""
    truncation: bool
    tcp_listening: bool
    devices: bool
    signals: bool
    abstract_sockets: bool

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(name for name, holds in asdict(self).items() if not holds)


class ConfinementFailed(RuntimeError):
    """The process could not be confined, and must end."""


def confine(
    uid: int | None,
    gid: int | None,
    readable: Iterable[str],
    writable: Iterable[str],
    limits: Limits,
    *,
    keep: Collection[int] = (),
    landlock: bool = True,
    filter_calls: bool = True,
) -> Protection:
    """Give up, permanently, the rights that neither this process nor its children need.

    uid, gid: the tenant's own user and group. None: keep the current user, which must not be root.
    readable: files and folders to read and run, besides the process's own folder in /proc. A path that
        does not exist or cannot be reached is skipped.
    writable: folders in which everything is allowed except running programs and creating symbolic links,
        pipes and devices.
    keep: the descriptors above 2 that stay open. Python objects of the other descriptors must not close them
        later, because the numbers may be reused.
    landlock, filter_calls: False omits this layer, so that tests can prove each layer alone.

    Raises ConfinementFailed, and OSError when the kernel refuses something. A layer that the kernel lacks
    raises nothing: see `Protection.missing`.
    """
    _check_start(uid, gid)
    if os.getsid(0) != os.getpid():  # the first process of a container has a session of its own
        os.setsid()
    _close_descriptors(keep)
    os.umask(0o077)
    _limit(limits, own_user=uid is not None)
    former = os.getuid()
    _become(uid, gid)
    _drop_capabilities()
    _check_no_return(former)
    _prctl(_PR_SET_DUMPABLE, 0)
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    abi = _restrict(readable, writable) if landlock else 0
    is_filtered = filter_calls and _filter_calls(own_user=uid is not None)
    return _protection(abi, own_user=uid is not None, is_filtered=is_filtered)


def _protection(abi: int, *, own_user: bool, is_filtered: bool) -> Protection:
    return Protection(
        landlock_abi=abi,
        own_user=own_user,
        no_groups=not os.getgroups(),
        no_new_privileges=_prctl(_PR_GET_NO_NEW_PRIVS) == 1,
        system_calls=is_filtered,
        files=abi >= 1,
        renames=abi >= 2,
        truncation=abi >= 3,
        tcp_listening=abi >= 4 and is_filtered,
        devices=abi >= 5,
        signals=abi >= 6 or own_user,
        abstract_sockets=abi >= 6,
    )


# ------------------------------------------------------------ the process and its user

_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS, _PR_GET_NO_NEW_PRIVS = 4, 38, 39
_PR_CAPBSET_DROP = 24
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)
_libc.prctl.argtypes = [ctypes.c_int] + [ctypes.c_ulong] * 4
_libc.syscall.restype = ctypes.c_long


def _checked(result: int) -> int:
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def _prctl(option: int, *arguments: int) -> int:
    return _checked(_libc.prctl(option, *arguments, *[0] * (4 - len(arguments))))


def _check_start(uid: int | None, gid: int | None) -> None:
    if (os.getuid() if uid is None else uid) == 0 or gid == 0:
        raise ConfinementFailed("a tenant's process must not be root's")
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise ConfinementFailed("the other threads of the process would stay unconfined")


def _close_descriptors(keep: Collection[int]) -> None:
    for entry in Path("/proc/self/fd").iterdir():
        descriptor = int(entry.name)
        if descriptor > 2 and descriptor not in keep:
            os.closerange(descriptor, descriptor + 1)  # ignores the listing's own descriptor, closed by now


def _limit(limits: Limits, *, own_user: bool) -> None:
    wanted = {
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_NPROC: limits.tasks if own_user else None,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_FSIZE: limits.file_size_bytes,
        resource.RLIMIT_CORE: 0,
    }
    for kind, value in wanted.items():
        if value is not None:
            hard = resource.getrlimit(kind)[1]
            allowed = value if hard == resource.RLIM_INFINITY else min(value, hard)
            resource.setrlimit(kind, (allowed, allowed))


def _become(uid: int | None, gid: int | None) -> None:
    if uid is None:
        return
    group = uid if gid is None else gid
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(uid, uid, uid)


def _drop_capabilities() -> None:
    """Drop all capabilities: the kernel does so only when a process leaves the user root."""
    for capability in range(64):
        try:
            _prctl(_PR_CAPBSET_DROP, capability)
        except OSError:
            break  # after the last one; or it is not allowed, and no_new_privileges is enough
    _prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL)
    header = struct.pack("Ii", _CAPABILITY_VERSION_3, 0)
    _checked(_libc.capset(header, bytes(24)))
    left = ctypes.create_string_buffer(24)
    _checked(_libc.capget(header, left))
    if any(left.raw):
        raise ConfinementFailed("the process has capabilities left")


def _check_no_return(former: int) -> None:
    for user in {0, former} - {os.getuid()}:
        try:
            os.setresuid(user, user, user)
        except OSError as error:
            # EINVAL: in bubblewrap's namespace, when an ordinary user started it, there is no such user.
            if error.errno in (errno.EPERM, errno.EINVAL):
                continue
            raise
        raise ConfinementFailed(f"the process could become user {user}")


# ------------------------------------------------------------ files, signals, sockets: Landlock
# Numbers: include/uapi/linux/landlock.h

_LANDLOCK_CREATE_RULESET, _LANDLOCK_ADD_RULE, _LANDLOCK_RESTRICT_SELF = 444, 445, 446
_LANDLOCK_CREATE_RULESET_VERSION, _LANDLOCK_RULE_PATH_BENEATH, _LANDLOCK_RULE_NET_PORT = 1, 1, 2
_ABI_OF_PORTS = 4
_NEWEST_KNOWN_ABI = 7

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR, _REMOVE_FILE = (1 << bit for bit in range(6))
_MAKE_DIR, _MAKE_REG, _MAKE_SOCK = 1 << 7, 1 << 8, 1 << 9
_REFER, _TRUNCATE, _IOCTL_DEV = (1 << bit for bit in range(13, 16))
_RIGHTS_KNOWN = (0, 13, 14, 15, 15, 16, 16, 16)
"""For each ABI the number of its file rights, which are the lowest bits."""
_RIGHTS_ON_A_FILE = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _IOCTL_DEV

_LOOK = _READ_FILE | _READ_DIR
_REMOVE = _REMOVE_FILE | _REMOVE_DIR
# No links or pipes: a program that copies a tenant's folder must neither leave it nor block.
_MAKE = _MAKE_REG | _MAKE_DIR | _MAKE_SOCK | _REFER
_CHANGE = _WRITE_FILE | _TRUNCATE | _REMOVE | _MAKE

_BIND_TCP, _CONNECT_TCP = 1, 2
_SCOPE_ABSTRACT_UNIX_SOCKET, _SCOPE_SIGNAL = 1, 2
_LOG_SAME_EXEC_OFF, _LOG_SUBDOMAINS_OFF = 1, 4


def landlock_abi() -> int:
    """The newest ABI that this kernel and this file know; 0 without Landlock."""
    try:
        newest = _syscall(_LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_CREATE_RULESET_VERSION)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM):
            return 0
        raise
    return min(newest, _NEWEST_KNOWN_ABI)


def connect_only_to(port: int) -> bool:
    """Allow TCP connections to this port only, on any machine; return False if the kernel cannot do that."""
    abi = landlock_abi()
    if abi < _ABI_OF_PORTS:
        return False
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    ruleset = _syscall(_LANDLOCK_CREATE_RULESET, struct.pack("2Q", 0, _CONNECT_TCP), 16, 0)
    rule = struct.pack("2Q", _CONNECT_TCP, port)
    _syscall(_LANDLOCK_ADD_RULE, ruleset, _LANDLOCK_RULE_NET_PORT, rule, 0)
    _syscall(_LANDLOCK_RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    return True


def _syscall(number: int, *arguments: object) -> int:
    wide = [ctypes.c_long(value) if isinstance(value, int) else value for value in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *wide))


def _restrict(readable: Iterable[str], writable: Iterable[str]) -> int:
    """Restrict the process by Landlock; return the ABI that was used, 0 without Landlock."""
    abi = landlock_abi()
    if not abi:
        return 0
    handled = (1 << _RIGHTS_KNOWN[abi]) - 1
    scopes = _SCOPE_ABSTRACT_UNIX_SOCKET | _SCOPE_SIGNAL
    size_bytes = 24 if abi >= 6 else 16 if abi >= 4 else 8
    ruleset = _syscall(_LANDLOCK_CREATE_RULESET, struct.pack("3Q", handled, _BIND_TCP, scopes), size_bytes, 0)
    for descriptor, rights in _rules(readable, writable):
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        granted = rights & handled & (-1 if is_folder else _RIGHTS_ON_A_FILE)
        rule = struct.pack("=Qi", granted, descriptor)
        _syscall(_LANDLOCK_ADD_RULE, ruleset, _LANDLOCK_RULE_PATH_BENEATH, rule, 0)
    _syscall(_LANDLOCK_RESTRICT_SELF, ruleset, _LOG_SAME_EXEC_OFF | _LOG_SUBDOMAINS_OFF if abi >= 7 else 0)
    os.close(ruleset)
    return abi


def _rules(readable: Iterable[str], writable: Iterable[str]) -> Iterator[tuple[int, int]]:
    """A descriptor for each path, and the rights on it.

    The descriptors stay open. A rule belongs to an inode. Without an open descriptor the kernel may forget
    the inode and create another one later: in /proc, and for files in the lower layer of an overlay.
    """
    yield os.open("/proc/self", os.O_PATH), _LOOK
    for path in writable:
        yield os.open(path, os.O_PATH | os.O_DIRECTORY), _LOOK | _CHANGE
    for path in ("/dev/null", "/dev/zero", "/dev/full"):
        yield os.open(path, os.O_PATH), _READ_FILE | _WRITE_FILE
    for path in readable:
        try:
            descriptor = os.open(path, os.O_PATH)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        yield descriptor, _LOOK | _EXECUTE


# ------------------------------------------------------------ system calls: a filter of seccomp's
# Numbers: include/uapi/linux/{seccomp,bpf_common,audit}.h, include/linux/socket.h

_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 22, 2
_AUDIT_ARCHES = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}
"""The machines whose numbers of calls are known, in the order of the tables' columns."""


def _table(text: str) -> list[list[int]]:
    """Rows `name x86_64 aarch64`; -1 for a call that a machine lacks."""
    words = text.split()
    return [list(map(int, words[start + 1 : start + 3])) for start in range(0, len(words), 3)]


# Namespaces, in which every user is root and can reach the least tested code of the kernel; access to other
# processes; interfaces by which the kernel works without system calls that this filter sees; objects that
# belong to a user and outlive the process; notifications that show the names of others' files; and `listen`,
# which binds an unbound socket without asking Landlock.
_REFUSED = _table("""
    unshare 272 97              setns 308 268               ptrace 101 117              kcmp 312 272
    process_vm_readv 310 270    process_vm_writev 311 271   process_madvise 440 440     pidfd_getfd 438 438
    io_uring_setup 425 425      userfaultfd 323 282         perf_event_open 298 241     bpf 321 280
    add_key 248 217             request_key 249 218         keyctl 250 219
    shmget 29 194               shmat 30 196                shmctl 31 195
    semget 64 190               semop 65 193                semtimedop 220 192          semctl 66 191
    msgget 68 186               msgsnd 69 189               msgrcv 70 188               msgctl 71 187
    mq_open 240 180             mq_unlink 241 181
    inotify_init 253 -1         inotify_init1 294 26        fanotify_init 300 262       listen 50 201
""")
# A filter cannot read the flags of this call; glibc uses `clone` instead when it gets ENOSYS.
_UNKNOWN = _table("clone3 435 435")

# Landlock does not control the mode and the attributes of a file, and before ABI 3 its length. Where all
# tenants run as one user, every tenant is the owner. A change of mode is ignored and reported as successful:
# libraries copy modes, and the umask is strict.
_NOT_SUPPORTED = _table("""
    setxattr 188 5              lsetxattr 189 6             setxattrat 463 463          file_setattr 469 469
    removexattr 197 14          lremovexattr 198 15         removexattrat 466 466       truncate 76 45
""")
_PRETENDED = _table("""
    chmod 90 -1                 fchmodat 268 53             fchmodat2 452 452
    chown 92 -1                 lchown 94 -1                fchownat 260 54
""")

# These calls can change any process of the user. Only 0, the calling process, is allowed.
_PROCESS_IS_FIRST = _table("""
    prlimit64 302 261           sched_setaffinity 203 122   sched_setattr 314 274
    sched_setscheduler 144 119  sched_setparam 142 118
""")
_PROCESS_IS_SECOND = _table("setpriority 141 140  ioprio_set 251 30")

_CLONE, _SOCKET = _table("clone 56 220  socket 41 198")
_CLONE_NEW_ANY = 0x7E020000
_AF_UNIX, _OTHER_FAMILIES = 1, (2, 10, 16)
"""IPv4, IPv6, netlink."""
_KIND_MASK, _KINDS, _PROTOCOLS = 0xF, (1, 2, 3), (0, 1, 6, 17, 58)
"""Streams, datagrams, raw; ICMP, TCP, UDP. Landlock does not control listening by MPTCP and SCTP."""

_LOAD, _RETURN, _AND, _EQUAL, _AT_LEAST, _HAS_BIT = 0x20, 0x06, 0x54, 0x15, 0x35, 0x45
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NUMBER_AT, _ARCH_AT, _ARGUMENTS_AT = 0, 4, 16
_X32_BIT = 0x40000000


def _filter_calls(*, own_user: bool) -> bool:
    """Install the filter; return False on an unknown machine, or if the kernel lacks seccomp."""
    program = _PROGRAMS.get(own_user)
    if program is None:
        return False
    code = ctypes.create_string_buffer(program, len(program))
    described = ctypes.create_string_buffer(struct.pack("HP", len(program) // 8, ctypes.addressof(code)))
    try:
        _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(described))
    except OSError as error:
        if error.errno == errno.EINVAL:
            return False
        raise
    return True


def _program(machine: str, *, own_user: bool) -> Iterator[bytes]:
    column = list(_AUDIT_ARCHES).index(machine)
    yield _instruction(_LOAD, _ARCH_AT)
    yield _instruction(_EQUAL, _AUDIT_ARCHES[machine], 1, 0)
    yield _answer(errno.EPERM)  # a 32-bit call
    yield _instruction(_LOAD, _NUMBER_AT)
    if machine == "x86_64":
        yield from _where(_AT_LEAST, _X32_BIT, [_answer(errno.ENOSYS)])
    for call, answer in _answers(own_user=own_user):
        yield from _where(_EQUAL, call[column] & 0xFFFFFFFF, [_answer(answer)])
    for call, block in _blocks():
        yield from _where(_EQUAL, call[column], [*block, _PASS])
    yield _PASS


def _answers(*, own_user: bool) -> Iterator[tuple[list[int], int]]:
    yield from ((call, errno.EPERM) for call in _REFUSED)
    yield from ((call, errno.ENOSYS) for call in _UNKNOWN)
    if not own_user:
        yield from ((call, errno.EOPNOTSUPP) for call in _NOT_SUPPORTED)
        yield from ((call, 0) for call in _PRETENDED)


def _blocks() -> Iterator[tuple[list[int], list[bytes]]]:
    """The calls that are allowed or refused by their arguments."""
    yield from ((call, _only(0, (0,), errno.EPERM)) for call in _PROCESS_IS_FIRST)
    yield from ((call, _only(1, (0,), errno.EPERM)) for call in _PROCESS_IS_SECOND)
    yield _CLONE, [_argument(0), *_where(_HAS_BIT, _CLONE_NEW_ANY, [_answer(errno.EPERM)])]
    unix = [_argument(0), *_where(_EQUAL, _AF_UNIX, [_PASS])]
    families = _only(0, _OTHER_FAMILIES, errno.EAFNOSUPPORT)
    kinds = _only(1, _KINDS, errno.EPROTONOSUPPORT, mask=_KIND_MASK)
    yield _SOCKET, [*unix, *families, *kinds, *_only(2, _PROTOCOLS, errno.EPROTONOSUPPORT)]


def _instruction(code: int, value: int, skip_if_true: int = 0, skip_if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, skip_if_true, skip_if_false, value)


def _answer(error: int) -> bytes:
    return _instruction(_RETURN, _ERRNO | error)


_PASS = _instruction(_RETURN, _ALLOW)


def _argument(index: int) -> bytes:
    """Load the lower half of an argument. These calls read no more, and it comes first on both machines."""
    return _instruction(_LOAD, _ARGUMENTS_AT + 8 * index)


def _where(test: int, value: int, block: Collection[bytes]) -> list[bytes]:
    """A test and its block. A block that loads an argument must return: later tests need the number."""
    return [_instruction(test, value, 0, len(block)), *block]


def _only(index: int, values: Collection[int], error: int, mask: int = 0xFFFFFFFF) -> list[bytes]:
    """Return the error for all other values of an argument."""
    tests = [_instruction(_EQUAL, value, len(values) - place) for place, value in enumerate(values)]
    return [_argument(index), _instruction(_AND, mask), *tests, _answer(error)]


_PROGRAMS = (
    {own_user: b"".join(_program(platform.machine(), own_user=own_user)) for own_user in (True, False)}
    if platform.machine() in _AUDIT_ARCHES
    else {}
)
"""Computed before the fork."""
