"""Images that need no registry: one layer of files, with an id that follows from its content."""

from __future__ import annotations

import hashlib
import json
import platform
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path

_PROBE = Path(__file__).parent / "container" / "probe.c"
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}

PROBE = "tenantry-test/probe:1"
"""The tiny image, with `/probe` alone, as a user without rights."""


def write_image(folder: Path, name: str, config: Mapping[str, object]) -> None:
    """Write what `docker load` needs beside `folder/layer.tar`. config: as in `docker inspect`."""
    with (folder / "layer.tar").open("rb") as stream:
        layer = hashlib.file_digest(stream, "sha256").hexdigest()
    machine = platform.machine()
    image = json.dumps({
        "architecture": _MACHINES.get(machine, machine),
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer}"]},
    })  # fmt: skip
    file = f"{hashlib.sha256(image.encode()).hexdigest()}.json"
    (folder / file).write_text(image)
    manifest = [{"Config": file, "RepoTags": [name], "Layers": ["layer.tar"]}]
    (folder / "manifest.json").write_text(json.dumps(manifest))


def write_probe(folder: Path) -> None:
    """Compile the program of the tiny image and write the image into a folder. Raises CalledProcessError."""
    program = folder / "probe"
    command = ["gcc", "-static", "-Os", "-s", "-Wall", "-Wextra", "-Werror", "-o", program, _PROBE]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    with tarfile.open(folder / "layer.tar", "w") as layer:
        layer.add(program, "probe", filter=_plain)
    program.unlink()
    write_image(folder, PROBE, {"Entrypoint": ["/probe"], "Cmd": ["sleep"], "User": "65534:65534"})


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without what differs from one machine to the next."""
    member.uid = member.gid = member.mtime = 0
    member.uname = member.gname = ""
    member.mode = 0o755
    return member
