"""Acts as spawner, zygote and two tenants; prints JSON with the results of the second one's attacks.

    python -m tests.support.confined '{"own_user": true, "landlock": true, "filter_calls": true, "abi": 7,
                                       "folder": "/tmp/..."}'

The spawner is this program. Started as root, its zygote is an unprivileged user with no capability but the
two that change users, and with none where `own_user` is false.
"""

from __future__ import annotations

import encodings.idna
import fcntl
import importlib.resources
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from tests.support.confined import scene
from tests.support.confined.attacks import ATTACKS
from tests.support.confined.needs import COMFORTS, NEEDS
from tests.support.confined.scene import Scene, native, outcome

sys.path.insert(0, str(Path(__file__).parents[3] / "addons" / "tenant" / "saas_process"))
import confinement

# The tenants cannot read where this Python is: what it would load late is loaded here.
_LOADED = (encodings.idna, importlib.resources)

ZYGOTE, TEMPLATES, VICTIM, SUBJECT, EVERYBODY = 23000, 23001, 23002, 23003, 23004
"""Users of an installation that root started, and a group that the zygote is in."""
OWNERS = {"template": TEMPLATES, "other": VICTIM, "mine": SUBJECT, "temporary": SUBJECT}


def main() -> None:
    order = json.loads(sys.argv[1])
    confinement._NEWEST_KNOWN_ABI = order["abi"]
    is_root = os.getuid() == 0
    owners = OWNERS if order["own_user"] else dict.fromkeys(OWNERS, ZYGOTE)
    set_the_stage(Path(order["folder"]), owners if is_root else {})
    reading, writing = os.pipe()
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{order['folder']}/mine.sock")
        listener.listen()
        Path(f"{order['folder']}/mine.sock").chmod(0o666)
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
    for name in ("of-template", "also-of-template"):
        (folder / "mine" / name).hardlink_to(folder / "template" / "file")


def become_zygote(*, may_change_users: bool) -> None:
    """From root to a user that can do nothing special but, perhaps, change users."""
    keep_capabilities, ambient, ambient_raise, dumpable = 8, 47, 2, 4
    set_gid, set_uid = 6, 7
    os.setgroups([EVERYBODY] if may_change_users else [])
    os.setresgid(ZYGOTE, ZYGOTE, ZYGOTE)
    confinement._prctl(keep_capabilities, int(may_change_users))
    os.setresuid(ZYGOTE, ZYGOTE, ZYGOTE)
    if may_change_users:
        both = 1 << set_gid | 1 << set_uid
        native("capset", struct.pack("Ii", 0x20080522, 0), struct.pack("6I", both, both, both, 0, 0, 0))
        for capability in (set_gid, set_uid):
            confinement._prctl(ambient, ambient_raise, capability)
    confinement._prctl(dumpable, 1)  # as a program is that was started so


def be_the_zygote(order: dict[str, Any], port: int, listener: socket.socket, writing: int) -> NoReturn:
    ready, tell = os.pipe()
    victim = os.fork()
    if victim == 0:
        be_the_victim(order, Path(order["folder"]), tell)
    os.close(tell)
    there = Scene(
        folder=Path(order["folder"]),
        other_user=VICTIM,
        zygote_user=os.getuid(),
        spawner=os.getppid(),
        zygote=os.getpid(),
        victim=victim,
        program=int(os.read(ready, 16)),
        opened=fcntl.fcntl(os.open("/etc/passwd", os.O_RDONLY), fcntl.F_DUPFD_CLOEXEC, 200),
        port=port,
        listener=listener,
    )
    subject = os.fork()
    if subject == 0:
        be_the_subject(order, there, writing)
    os.waitpid(subject, 0)
    os._exit(0)


def be_the_victim(order: dict[str, Any], folder: Path, tell: int) -> NoReturn:
    """The other tenant: as well confined, with a secret in its memory, an abstract socket and a program."""
    with socket.socket(socket.AF_UNIX) as heard:
        heard.bind(f"\0{folder.name}")
        heard.listen()
        confine(order, VICTIM, [str(folder / "other")], keep=[heard.fileno(), tell])
        scene.MEMORY.raw = scene.SECRET
        program = subprocess.Popen(["sleep", "60"])
        os.write(tell, b"%d" % program.pid)
        time.sleep(60)
    os._exit(0)


def be_the_subject(order: dict[str, Any], there: Scene, writing: int) -> NoReturn:
    writable = [str(there.mine), str(there.folder / "temporary")]
    began = time.perf_counter()
    protection = confine(order, SUBJECT, writable, keep=[there.listener.fileno(), writing])
    lasted_ms = (time.perf_counter() - began) * 1000
    found = {
        "left": [there.victim, there.program],
        "protection": asdict(protection),
        "missing": protection.missing,
        "lasted_ms": lasted_ms,
        "status": dict(line.split(":\t", 1) for line in Path("/proc/self/status").read_text().splitlines()),
        "leads_a_session": os.getsid(0) == os.getpid(),
        "holds": [str(path.readlink()) for path in Path("/proc/self/fd").iterdir() if path.is_symlink()],
        "needs": {name: outcome(deed, there) for name, deed in {**NEEDS, **COMFORTS}.items()},
        "attacks": {name: outcome(attack.deed, there) for name, attack in ATTACKS.items()},
    }
    with os.fdopen(writing, "w") as results:
        json.dump(found, results)
    os._exit(0)


def confine(order: dict[str, Any], user: int, writable: list[str], keep: list[int]) -> confinement.Protection:
    own = user if order["own_user"] else None
    limits = confinement.Limits(scene.MEMORY_BYTES, scene.TASKS, scene.OPEN_FILES)
    layers = {name: order[name] for name in ("landlock", "filter_calls")}
    return confinement.confine(own, own, confinement.SYSTEM_PATHS, writable, limits, keep=keep, **layers)


if __name__ == "__main__":
    main()
