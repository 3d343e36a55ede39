"""What a tenant's process must be able to do."""

from __future__ import annotations

import datetime
import multiprocessing.connection
import os
import resource
import shutil
import socket
import ssl
import stat
import subprocess
import tempfile
import threading
import time
import zoneinfo
from pathlib import Path

import psutil

from tests.support.confined.scene import Deed, Scene


def _write_and_read(scene: Scene) -> None:
    path = scene.mine / "filestore" / "ab" / "abcdef"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"content")
    path.write_bytes(b"shorter")
    assert path.read_bytes() == b"shorter"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def _rename_in_place(scene: Scene) -> None:
    (scene.mine / "new").write_text("1")
    (scene.mine / "new").replace(scene.mine / "named")
    (scene.mine / "named").unlink()


def _rename_to_another_folder(scene: Scene) -> None:
    (scene.mine / "one").write_text("1")
    (scene.mine / "one").rename(scene.mine / "folder" / "two")
    assert (scene.mine / "folder" / "two").read_text() == "1"


def _move_a_folder(scene: Scene) -> None:
    (scene.mine / "a" / "b").mkdir(parents=True)
    (scene.mine / "a" / "b").rename(scene.mine / "b")
    shutil.rmtree(scene.mine / "a")


def _move_to_the_other_writable_folder(scene: Scene) -> None:
    (scene.mine / "sent").write_text("1")
    (scene.mine / "sent").rename(scene.folder / "temporary" / "sent")


def _hard_link(scene: Scene) -> None:
    (scene.mine / "first").write_text("1")
    (scene.mine / "folder" / "second").hardlink_to(scene.mine / "first")
    (scene.mine / "first").unlink()


def _copy_with_the_mode(scene: Scene) -> None:
    (scene.mine / "original").write_text("1")
    shutil.copy2(scene.mine / "original", scene.mine / "copy")


def _read_the_template(scene: Scene) -> None:
    assert (scene.mine / "of-template").read_text() == "template"


def _remove_the_templates_link(scene: Scene) -> None:
    (scene.mine / "also-of-template").unlink()
    assert (scene.mine / "of-template").stat().st_nlink == 2


def _use_temporary_files(scene: Scene) -> None:
    with tempfile.TemporaryDirectory(dir=scene.folder / "temporary") as folder:
        (Path(folder) / "x").touch()
    with tempfile.TemporaryFile(dir=scene.folder / "temporary") as file:
        file.write(b"x")


def _run_a_program(_scene: Scene) -> None:
    assert subprocess.run(["cat"], input=b"x", stdout=subprocess.PIPE, check=True).stdout == b"x"


def _run_a_shell(scene: Scene) -> None:
    command = f"ls /usr > {scene.mine}/listed 2> /dev/null && sort < {scene.mine}/listed | head -n 1"
    assert subprocess.run(command, shell=True, stdout=subprocess.PIPE, check=True).stdout


def _run_a_python(_scene: Scene) -> None:
    if Path("/usr/bin/python3").exists():
        script = "import ssl, sqlite3, zoneinfo; zoneinfo.ZoneInfo('Europe/Vienna')"
        subprocess.run(["/usr/bin/python3", "-c", script], check=True, stderr=subprocess.PIPE)


def _run_threads(_scene: Scene) -> None:
    threads = [threading.Thread(target=time.sleep, args=(0.01,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _signal_a_child(_scene: Scene) -> None:
    child = subprocess.Popen(["sleep", "60"])
    child.terminate()
    child.wait(5)


def _look_at_myself(_scene: Scene) -> None:
    process = psutil.Process()
    assert process.memory_info().rss > 0
    assert process.memory_full_info().uss > 0
    assert process.num_threads() == len(process.threads()) == 1
    assert process.num_fds() == len(list(Path("/proc/self/fd").iterdir()))
    assert process.cpu_times().user >= 0
    assert process.cmdline()
    assert Path("/proc/self/statm").read_text()


def _look_at_the_machine(_scene: Scene) -> None:
    assert psutil.virtual_memory().total > 0
    assert psutil.cpu_times().idle > 0
    assert psutil.boot_time() > 0
    assert psutil.cpu_count() == os.cpu_count()


def _limit_myself(_scene: Scene) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, resource.getrlimit(resource.RLIMIT_NOFILE))
    os.setpriority(os.PRIO_PROCESS, 0, os.getpriority(os.PRIO_PROCESS, 0))


def _use_devices(_scene: Scene) -> None:
    Path("/dev/null").write_text("x")
    for path in ("/dev/zero", "/dev/full", "/dev/random", "/dev/urandom"):
        with Path(path).open("rb", buffering=0) as device:
            assert len(device.read(4)) == 4


def _look_names_up(_scene: Scene) -> None:
    assert socket.getaddrinfo("localhost", 80)
    assert socket.getservbyname("https") == 443


def _know_time_zones(_scene: Scene) -> None:
    assert zoneinfo.ZoneInfo("America/New_York").utcoffset(datetime.datetime(2026, 7, 1))


def _talk_through_a_pipe(_scene: Scene) -> None:
    ours, theirs = multiprocessing.Pipe()
    ours.send(1)
    assert theirs.recv() == 1


def _send_by_udp(scene: Scene) -> None:
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        sender.sendto(b"x", ("127.0.0.1", scene.port))


def _serve_the_inherited_socket(scene: Scene) -> None:
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(scene.listener.getsockname())
        served, _address = scene.listener.accept()
        with served:
            client.sendall(b"x")
            assert served.recv(1) == b"x"


NEEDS: dict[str, Deed] = {
    "write and read a file": _write_and_read,
    "rename a file in its folder": _rename_in_place,
    "copy a file with its mode": _copy_with_the_mode,
    "read the template by a hard link": _read_the_template,
    "remove a hard link to the template": _remove_the_templates_link,
    "use temporary files": _use_temporary_files,
    "run a program": _run_a_program,
    "run a shell": _run_a_shell,
    "run a Python": _run_a_python,
    "run threads": _run_threads,
    "signal a child": _signal_a_child,
    "look at myself": _look_at_myself,
    "look at the machine": _look_at_the_machine,
    "limit myself": _limit_myself,
    "use devices": _use_devices,
    "look names up": _look_names_up,
    "trust authorities": lambda _scene: ssl.create_default_context(),
    "know time zones": _know_time_zones,
    "talk through a pipe": _talk_through_a_pipe,
    "connect by TCP": lambda scene: socket.create_connection(("127.0.0.1", scene.port), timeout=5).close(),
    "send by UDP": _send_by_udp,
    "serve the inherited socket": _serve_the_inherited_socket,
}
COMFORTS: dict[str, Deed] = {
    "rename a file to another folder": _rename_to_another_folder,
    "move a folder": _move_a_folder,
    "move a file to the other writable folder": _move_to_the_other_writable_folder,
    "hard link to another folder": _hard_link,
}
"""Refused where `renames` is missing."""
