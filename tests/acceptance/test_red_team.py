"""A tenant's administrator with native code in the tenant's process reaches nothing of other tenants."""

from __future__ import annotations

import contextlib
import mmap
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.support import hostile, intruder
from tests.support.confined.attacks import ATTACKS
from tests.support.odoo_client import OdooClient
from tests.support.tenants import create, status, swept
from tests.support.waiting import wait_until

from tenantry import process, sandbox
from tenantry.engine import Engine
from tenantry.model import names
from tenantry.model.catalog import Kind
from tenantry.postgres import databases
from tenantry.settings import ServerSettings
from tenantry.spawner import identity
from tenantry.spawner.control import CONTROL_FILE

ORDINARY_USER = 12345
_REPOSITORY = Path(__file__).parents[2]
_PRELUDE = """
import sys, types

def load(name, text):
    parent = ""
    for part in name.split(".")[:-1]:
        parent = f"{parent}.{part}".lstrip(".")
        sys.modules.setdefault(parent, types.ModuleType(parent))
    module = sys.modules[name] = types.ModuleType(name)
    exec(compile(text, name, "exec"), vars(module))
    return module

"""
_TRY_EVERYTHING = """
result = load("intruder", there["source"]).try_everything(there)
"""
_SEARCH_MEMORY = """
result = load("intruder", there["source"]).memory_holds(there["masked"])
"""
_LEAVE_A_PROCESS = """
result = load("intruder", there["source"]).leave_a_process_behind(600)
"""
_LOAD_LIBRARY = """
import ctypes
from pathlib import Path
file = Path(there["mine"], "library.so")
file.write_bytes(bytes.fromhex(there["library"]))
result = ctypes.CDLL(str(file)).answer()
"""
# Attacks on the limits of the whole process would end it; another test does them.
_NOT_HERE = {"take too much memory", "open too many files", "start too many processes"}
_ATTACK = """
scene = load("tests.support.confined.scene", there["scene"])
attacks = load("tests.support.confined.attacks", there["attacks"]).ATTACKS
from pathlib import Path
from odoo.addons.saas_process import confinement
named = {key: Path(value) if key == "folder" else value for key, value in there["facts"].items()}

class Scene(scene.Scene):
    mine = property(lambda self: self.folder / "acme")
    other = property(lambda self: self.folder / "beta")
    secret = property(lambda self: self.folder / "beta" / "secret")

subject = Scene(**named, listener=None)
protection = confinement._protection(confinement.landlock_abi(), own_user=there["own_user"], is_filtered=True)
found = {name: scene.outcome(attack.deed, subject) for name, attack in attacks.items()
         if name not in there["not_here"]}
result = {"found": found, "missing": protection.missing}
"""


@dataclass(frozen=True)
class Scene:
    """acme belongs to the intruder."""

    engine: Engine
    acme: OdooClient

    @property
    def context(self) -> Any:
        return self.engine.context

    def folder(self, name: str) -> Path:
        return self.context.filestores.folder(name)

    def run(self, code: str, **there: Any) -> Any:
        return hostile.run(self.acme, _PRELUDE + code, source=hostile.source_of("intruder"), **there)

    @property
    def processes(self) -> dict[str, int]:
        """All processes of the installation except acme's own."""
        keeper = psutil.Process(self.engine.runtime.pid)
        mine = self.pids["acme"]
        family = {f"{p.name()} {p.pid}": p.pid for p in (keeper, *keeper.children(recursive=True))}
        postmaster = int((postgres_data(self.engine) / "postmaster.pid").read_text().split()[0])
        return {name: pid for name, pid in family.items() if pid != mine} | {
            "PostgreSQL": postmaster,
            "beta": self.pids["beta"],
        }

    @property
    def pids(self) -> dict[str, int]:
        return {activity.name: activity.pid for activity in self.engine.instances.activities()}

    def pid_of(self, marker: str) -> int:
        """The pid of the program, not of its launcher or of a tenant (which has a zygote's command line)."""
        (found,) = {
            pid
            for pid in self.processes.values()
            if pid not in self.pids.values()
            and marker in " ".join(command_line(pid))
            and psutil.Process(pid).name() not in ("bwrap", "sh")
        }
        return found


def command_line(pid: int) -> list[str]:
    try:
        return psutil.Process(pid).cmdline()
    except psutil.Error:
        return []


def postgres_data(engine: Engine) -> Path:
    assert engine._embedded
    return engine._embedded.data


@pytest.fixture(scope="module")
def scene(engine: Engine) -> Iterator[Scene]:
    with swept(engine), hostile.allowing_native_code(engine) as inside:
        create(inside, "beta")
        creation = create(inside, "acme")
        inside.instances.install_modules("acme", [hostile.MODULE])
        plant(inside)
        # The zygote gets beta's secrets before it forks acme.
        inside.runtime.end("acme")
        inside.runtime.end("beta")
        assert status(inside, "beta") == status(inside, "acme") == 200
        yield Scene(inside, OdooClient(inside, creation))


def plant(engine: Engine) -> None:
    """Files to find: each belongs to the same user as the files around it."""
    filestores = engine.context.filestores
    mine, other = (filestores.folder(name) for name in ("acme", "beta"))
    for folder in (mine / "folder", other / "folder"):
        give(folder, folder.parent)
    for name in ("secret", "spare", "movable"):
        (other / name).write_text("another's")
        give(other / name, other)
    (mine / "link-to-anothers").symlink_to(other / "secret")
    if engine.context.filestores.may_link:
        some_file = next(path for path in template_folder(engine).rglob("*") if path.is_file())
        (mine / "of-template").hardlink_to(some_file)
    master = engine.settings.installation.master_data_dir
    master.mkdir(parents=True, exist_ok=True)
    (master / "planted").write_text("the master's")


def template_folder(engine: Engine) -> Path:
    with engine.context.maintenance() as connection:
        (template,) = databases.listing(connection, Kind.TEMPLATE)
    return engine.context.filestores.folder(template.filestore)


def give(path: Path, owner: Path) -> None:
    if not path.exists():
        path.mkdir()
    path.chmod(0o700 if path.is_dir() else 0o600)
    os.chown(path, owner.stat().st_uid, owner.stat().st_gid)


# ---------------------------------------------------------------- attacks


def test_native_code_runs_in_the_tenants_process(scene: Scene, tmp_path: Path):
    """Without native code the other tests would prove nothing."""
    (tmp_path / "library.c").write_text("int answer(void) { return 42; }\n")
    library = tmp_path / "library.so"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, tmp_path / "library.c"], check=True)
    answer = scene.run(_LOAD_LIBRARY, mine=scene.folder("acme"), library=library.read_bytes().hex())
    assert answer == 42


@pytest.fixture(scope="module")
def outcomes(scene: Scene) -> dict[str, str]:
    return scene.run(_TRY_EVERYTHING, **facts(scene))


def facts(scene: Scene) -> dict[str, Any]:
    engine, settings = scene.engine, scene.engine.settings
    hosts = settings.home / "hosts"
    with scene.context.maintenance() as connection:
        known = sorted(databases.names(connection) | {"template1", "template0", names.MASTER_DATABASE})
    mine = scene.folder("acme")
    return {
        "name": "acme",
        "mine": str(mine),
        "log": str(settings.log_dir / "tenants" / "acme.log"),
        "board": str(settings.run_dir / "awake" / "acme.board"),
        "processes": scene.processes,
        "users": users(scene),
        "private_files": [str(path) for path in private_files(scene)],
        "private_folders": [str(path) for path in private_folders(scene)],
        "sockets": [str(hosts / "beta.localhost.sock"), str(settings.run_dir / CONTROL_FILE)],
        "code_files": code_files(engine),
        "code_folders": tuple(engine.runtime._config(engine.odoo, scene.context.cluster, 1, 2).readable),
        "links_to_template": [str(p) for p in mine.rglob("*") if p.is_file() and p.stat().st_nlink > 1],
        "pg_host": scene.context.cluster.host,
        "pg_port": scene.context.cluster.port,
        "roles": ["beta", "postgres", "root", *names.INFRASTRUCTURE_ROLES, zygote_database(scene)],
        "databases": [name for name in known if name != "acme"],
    }


def users(scene: Scene) -> list[int]:
    if not identity.is_root():
        return [0]
    return [0, identity.ZYGOTE, identity.FRONT, identity.BUILDER, scene.folder("beta").stat().st_uid]


def private_files(scene: Scene) -> list[Path]:
    settings = scene.engine.settings
    found = [
        *settings.installation.secrets_dir.iterdir(),
        *(path for path in settings.run_dir.rglob("*") if path.is_file()),
        *(path for path in settings.log_dir.rglob("*.log") if path.name != "acme.log"),
        scene.folder("beta") / "secret",
        settings.installation.master_data_dir / "planted",
        postgres_data(scene.engine) / "pg_hba.conf",
        postgres_data(scene.engine) / "global" / "pg_control",
    ]
    return [path for path in found if "addons" not in path.parts and path.name != "acme.board"]


def private_folders(scene: Scene) -> list[Path]:
    settings = scene.engine.settings
    of_others = [
        settings.installation.secrets_dir,
        settings.log_dir,
        settings.run_dir,
        settings.installation.master_data_dir,
    ]
    beta = scene.folder("beta")
    return [
        *of_others,
        settings.home / "hosts",
        beta,
        beta / ".sessions",
        beta.parent,
        postgres_data(scene.engine),
    ]


def code_files(engine: Engine) -> list[str]:
    addon = engine.settings.addons_path[0] / hostile.MODULE / "models.py"
    tenants = engine.settings.run_dir / "addons" / "tenants"
    ours = (tenants / "saas_process" / "patches.py", tenants / "saas_agreed.py")
    return [str(path) for path in (engine.odoo.source / "odoo" / "http.py", addon, *ours)]


def zygote_database(scene: Scene) -> str:
    with scene.context.maintenance() as connection:
        return databases.listing(connection, Kind.ZYGOTE)[0].name


@pytest.mark.parametrize("name", intruder.ATTEMPTS)
def test_native_code_cannot(outcomes: dict[str, str], name: str):
    assert outcomes[name] in intruder.REFUSALS


def test_the_targets_of_the_attacks_exist(scene: Scene):
    """The attacks name real targets: seen from outside, all of them exist."""
    told = facts(scene)
    for path in (*told["private_files"], *told["private_folders"], *told["sockets"], *told["code_files"]):
        assert os.path.lexists(path), path
    assert all(psutil.pid_exists(pid) for pid in told["processes"].values())
    assert len(told["processes"]) >= 5


@pytest.fixture(scope="module")
def attacked(scene: Scene) -> dict[str, Any]:
    filestores = scene.context.filestores
    return scene.run(
        _ATTACK,
        scene=hostile.source_of("confined.scene"),
        attacks=hostile.source_of("confined.attacks"),
        own_user=identity.is_root(),
        not_here=sorted(_NOT_HERE),
        facts={
            "folder": filestores.root,
            # An ordinary user's tenants all run as that user; so take another user of the machine.
            "other_user": scene.folder("beta").stat().st_uid if identity.is_root() else ORDINARY_USER + 1,
            "zygote_user": identity.ZYGOTE,
            "spawner": scene.pid_of("-m tenantry.spawner /"),
            "zygote": scene.pid_of("start_zygote.py"),
            "victim": scene.pids["beta"],
            "program": scene.pid_of("caddy"),
            "opened": 200,
            "port": scene.context.cluster.port,
        },
    )


@pytest.mark.parametrize("name", sorted(ATTACKS.keys() - _NOT_HERE))
def test_the_attacks_of_the_confinement_test_fail_in_a_real_tenant(attacked: dict[str, Any], name: str):
    refused_by = ATTACKS[name].refused_by
    if refused_by and set(refused_by) <= set(attacked["missing"]):
        pytest.skip(f"this machine lacks {', '.join(refused_by)}")
    assert attacked["found"][name] != "done"


# ---------------------------------------------------------------- memory


def test_the_intruders_memory_holds_no_secret_of_others(scene: Scene):
    masked = {name: mask(secret.encode()).hex() for name, secret in secrets(scene).items()}
    assert scene.run(_SEARCH_MEMORY, masked=masked) == ["acme's password"]


@pytest.mark.parametrize("name", ["acme", "beta"])
def test_a_newly_forked_process_holds_no_secret_of_others(scene: Scene, name: str):
    """The secrets that its zygote got before, of others and its own; root looks from outside."""
    if not identity.is_root():
        pytest.skip("an ordinary user cannot look into it either")
    for other in ("beta", "acme", "beta", name):
        scene.engine.runtime.end(other)
        assert status(scene.engine, other) == 200
    memory = memory_of(scene.pids[name])
    found = [
        what for what, secret in secrets(scene).items() if any(secret.encode() in part for part in memory)
    ]
    assert found == [f"{name}'s password"]


def test_the_zygote_holds_no_secret(scene: Scene):
    """A secret left in the zygote would be in the next process it forks."""
    if not identity.is_root():
        pytest.skip("an ordinary user cannot look into it either")
    for name in ("acme", "beta", "acme"):
        scene.engine.runtime.end(name)
        assert status(scene.engine, name) == 200
    memory = memory_of(scene.pid_of("start_zygote.py"))
    assert [
        what for what, secret in secrets(scene).items() if any(secret.encode() in m for m in memory)
    ] == []


def memory_of(pid: int) -> list[bytes]:
    """The content of each writable region, without pages that are not in memory."""
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as memory:
        lines = (line.split() for line in Path(f"/proc/{pid}/maps").read_text().splitlines())
        regions = [line[0].split("-") for line in lines if line[1].startswith("rw")]
        return [b"".join(pages(memory, int(begin, 16), int(end, 16))) for begin, end in regions]


def pages(memory: RawIOBase, begin: int, end: int, size: int = 2**20) -> Iterator[bytes]:
    for address in range(begin, end, size):
        memory.seek(address)
        wanted = min(size, end - address)
        with contextlib.suppress(OSError):
            found = memory.read(wanted) or b""
            if len(found) == wanted:
                yield found
                continue
        if size > mmap.PAGESIZE:
            yield from pages(memory, address, address + wanted, mmap.PAGESIZE)


def secrets(scene: Scene) -> dict[str, str]:
    keys = scene.engine.keys
    found = {
        "the instances' key": keys.instances,
        "the roles' key": keys.roles,
        "the signing key": keys.signing,
        "the sealing key": keys.sealing,
        "acme's password": keys.role_password("acme"),
        "beta's password": keys.role_password("beta"),
        "the spawner's password": keys.role_password(names.SPAWNER_ROLE),
        "the engine's password": keys.role_password(names.ENGINE_ROLE),
        "the templates' password": keys.role_password(names.TEMPLATE_OWNER),
        "the zygote's password": keys.role_password(zygote_database(scene)),
    }
    return {name: secret.reveal() for name, secret in found.items()}


def mask(text: bytes) -> bytes:
    return bytes(value ^ intruder._MASK for value in text)


# ---------------------------------------------------------------- afterwards


def test_the_attacks_changed_nothing(scene: Scene, outcomes: dict[str, str], attacked: dict[str, Any]):
    other = scene.folder("beta")
    assert {"secret", "spare", "movable"} <= {path.name for path in other.iterdir()}
    assert (other / "secret").read_text() == "another's"
    assert not any("planted" in path.name for path in other.iterdir())
    assert status(scene.engine, "beta") == status(scene.engine, "acme") == 200


def test_a_process_left_by_a_tenant_ends_when_the_tenant_is_suspended(scene: Scene):
    if not identity.is_root():
        pytest.skip("an ordinary user has neither control groups nor other user ids")
    left = scene.run(_LEAVE_A_PROCESS)
    wait_until(lambda: process.is_running(left, marker="sleep"))
    scene.engine.instances.suspend("acme")
    try:
        assert not process.is_running(left, marker="sleep")
    finally:
        scene.engine.instances.reactivate("acme")


# ---------------------------------------------------------------- an ordinary user's installation


@pytest.mark.skipif(os.geteuid() != 0, reason="then all tests above are an ordinary user's already")
@pytest.mark.timeout(900)
def test_the_attacks_fail_too_when_an_ordinary_user_started_everything(engine: Engine):
    """Run this file again as an ordinary user, in a view where that user can run this Python."""
    obstacle = sandbox.available()
    assert not obstacle, f"this Python cannot be another user's: {obstacle}"
    place = Path(tempfile.mkdtemp(prefix="tenantry-ordinary-", dir="/var/tmp"))
    try:
        os.chown(place, ORDINARY_USER, ORDINARY_USER)
        told = subprocess.run(
            in_a_view_with_views(view_of_an_ordinary_user(engine.settings, place), pytest_again()),
            env=environment(engine.settings, place),
            cwd=_REPOSITORY,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert told.returncode == 0, told.stdout[-8000:]
    finally:
        shutil.rmtree(place, ignore_errors=True)


def in_a_view_with_views(view: sandbox.View, arguments: list[object]) -> list[str]:
    """A view in which programs can make further views: an ordinary user writes id maps in /proc for that."""
    words = sandbox.command(view, arguments)
    at = words.index("/proc")
    assert words[at - 1] == "--ro-bind"
    return [*words[: at - 1], "--bind", *words[at:]]


def pytest_again() -> list[object]:
    options = ["-p", "no:cacheprovider", "-q", "--maxfail=5", "--tb=short"]
    return [sys.executable, "-m", "pytest", *options, __file__]


def environment(settings: ServerSettings, place: Path) -> dict[str, str]:
    return process.clean_environment(
        {
            "TENANTRY_CACHE": str(settings.installation.cache),
            "TENANTRY_HOME": str(place / "home"),
            "HOME": str(place),
            "TMPDIR": str(place),
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(_REPOSITORY / "src"),
            # Other ports than those of this process's installation.
            "PYTEST_XDIST_WORKER": f"gw{40 + int(os.environ.get('PYTEST_XDIST_WORKER', 'gw0')[2:])}",
        }
    )


def view_of_an_ordinary_user(settings: ServerSettings, place: Path) -> sandbox.View:
    passwd = place / "passwd"
    known = Path("/etc/passwd").read_text()
    passwd.write_text(f"{known}ordinary:x:{ORDINARY_USER}:{ORDINARY_USER}::{place}:/bin/sh\n")
    passwd.chmod(0o644)
    return sandbox.View(
        readable=(*sandbox.python_folders(Path(sys.executable)), _REPOSITORY, settings.installation.cache),
        writable=(place,),
        user=ORDINARY_USER,
        binds={Path("/etc/passwd"): passwd},
    )
