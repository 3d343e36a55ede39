"""A stand-in for the official image `odoo:19.0`, made from Debian's packages where no registry is needed.

From outside it is the official one: same user, folders, ports, variables and first program (`container/`).
Inside are Debian, and the Odoo and wheels that all tests use, with the translations of two languages only.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from pathlib import Path

from tenantry.odoo.finding.apt_sources import AptSource, derive_source, machine_source_files
from tenantry.odoo.finding.cachefolder import exclusive, work_folder
from tenantry.odoo.finding.candidate import Search
from tenantry.odoo.finding.debian import from_debian
from tenantry.odoo.finding.python_environment import digest
from tenantry.process import run
from tenantry.settings import ServerSettings
from tests.support.docker_image import write_image

NAME = "odoo:19.0"
UID, GID = 100, 101
"""As in the official images since series 18."""

_SUITES = {("sid", "3.11"): "bookworm", ("sid", "3.13"): "trixie", ("devel", "3.12"): "noble"}
"""By the archive's newest suite, and the Python for which the wheels are: the suite that has it."""

_OURS = Path(__file__).parent / "container"
_PACKAGES = ("python3", "libmagic1", "ca-certificates")
_LANGUAGES = ("fr", "vi")
_CONFIG = {
    "User": "odoo",
    "ExposedPorts": {"8069/tcp": {}, "8071/tcp": {}, "8072/tcp": {}},
    "Env": [
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG=en_US.UTF-8",
        "ODOO_VERSION=19.0",
        "ODOO_RC=/etc/odoo/odoo.conf",
    ],
    "Entrypoint": ["/entrypoint.sh"],
    "Cmd": ["odoo"],
    "Volumes": {"/mnt/extra-addons": {}, "/var/lib/odoo": {}},
}
_CONFIGURATION = "[options]\naddons_path = /mnt/extra-addons\ndata_dir = /var/lib/odoo\n"
_LEFT_OUT = ("./dev/*", "./proc/*", "./sys/*", "./var/cache/*", "./var/lib/apt/lists/*", "./var/log/*")
_LEFT_OUT += ("./usr/share/doc/*", "./usr/share/man/*", "./usr/share/locale/*", "./usr/share/info/*")


class Unavailable(Exception):
    """Why there can be no image, for people."""


def odoo_image(settings: ServerSettings) -> Path:
    """The folder of the image, for `DockerEngine.load_folder`; made once on a machine, in minutes.

    Raises Unavailable; TenantryError if a program fails.
    """
    odoo = from_debian(Search(settings, print))
    cache = settings.installation.cache / "test-images"
    python = next((odoo.python.parents[1] / "lib").glob("python3.*"))
    recipe = [file.read_text() for file in (Path(__file__), *sorted(_OURS.glob("*.py")))]
    folder = cache / f"odoo-{settings.odoo_series}-{digest(odoo.source.parents[3].name, *recipe)}"
    with exclusive(cache, print):
        if not folder.is_dir():
            with work_folder(cache) as work:
                root = work / "root"
                _debian(root, python.name.removeprefix("python"))
                _add_odoo(root, odoo.source.parents[2], python / "site-packages")
                _compile(root, odoo.python)
                _add_interface(root)
                _pack(root, work / "image")
                (work / "image").rename(folder)
        os.utime(folder)
        remove_unused(cache)
    return folder


def remove_unused(cache: Path) -> None:
    """Other versions, unless another checkout used them in the last day."""
    for image in cache.glob("odoo-*"):
        if time.time() - image.stat().st_mtime > 24 * 3600:
            shutil.rmtree(image)


def _debian(root: Path, python: str) -> None:
    source = derive_source(machine_source_files())
    if not shutil.which("debootstrap") or os.geteuid() != 0:
        raise Unavailable("the image needs root, and: apt install debootstrap")
    suite = _SUITES.get((source.suite, python)) if source else None
    if not source or not suite:
        raise Unavailable(f"apt's sources lead to no release with Python {python}, for which the wheels are")
    # What it mounts vanishes with it, also if it is killed: removing its folder never reaches the machine's.
    command = ["unshare", "--mount", "debootstrap", "--variant=minbase", f"--include={','.join(_PACKAGES)}"]
    command += [f"--keyring={source.signed_by}"] if source.signed_by.startswith("/") else []
    run([*command, suite, root, _mirror(source)], timeout_s=500, environment=_proxy())


def _mirror(source: AptSource) -> str:
    mirrors = [uri for uri in source.uris.split() if re.match("https?://", uri)]
    if not mirrors:
        raise Unavailable(f"debootstrap does not understand apt's source {source.uris}")
    return mirrors[0]


def _proxy() -> dict[str, str]:
    """apt's own, which debootstrap does not know."""
    proxy = run(["apt-config", "shell", "PROXY", "Acquire::http::Proxy"]).strip()
    return {"http_proxy": proxy.partition("=")[2].strip("'")} if proxy else {}


def _add_odoo(root: Path, usr: Path, wheels: Path) -> None:
    """At the places of the official image, where Debian's Python finds both."""
    copy = ["tar", "-c", "--exclude=./share/doc", "--exclude=./share/lintian", "--exclude=./share/bug"]
    _copy([*copy, "-C", usr, "."], root / "usr")
    without = ("./pip", "./pip-*", "./odoo-source.pth", "./sasstests.py")
    ours = root / "usr" / "local" / "lib" / wheels.parent.name / "dist-packages"
    _copy(["tar", "-c", *(f"--exclude={name}" for name in without), "-C", wheels, "."], ours)
    kept = {f"{language}.po" for language in _LANGUAGES}
    for file in (root / "usr/lib/python3/dist-packages/odoo/addons").glob("*/i18n*/*.po"):
        if file.name not in kept:
            file.unlink()


def _copy(packing: list[object], target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    words = " ".join(f"'{word}'" for word in packing)
    unpack = f"tar -x --no-same-owner --keep-directory-symlink -C '{target}'"
    run(["bash", "-o", "pipefail", "-c", f"{words} | {unpack}"], timeout_s=300)


def _compile(root: Path, python: Path) -> None:
    """With a read-only root each start would compile everything anew. The wheels are compiled already."""
    odoo = root / "usr" / "lib" / "python3" / "dist-packages" / "odoo"
    run([python, "-m", "compileall", "-q", "-j", "2", "-s", root, "-p", "/", odoo], timeout_s=500)


def _add_interface(root: Path) -> None:
    programs = {"entrypoint": "entrypoint.sh", "wait_for_psql": "usr/local/bin/wait-for-psql.py"}
    for file, place in programs.items():
        shutil.copy(_OURS / f"{file}.py", root / place)
        (root / place).chmod(0o755)
    (root / "usr" / "bin" / "odoo").chmod(0o755)
    run(["chroot", root, "groupadd", "--gid", GID, "odoo"])
    user = ["useradd", "--system", "--uid", UID, "--gid", GID, "--home-dir", "/var/lib/odoo"]
    run(["chroot", root, *user, "--shell", "/usr/sbin/nologin", "odoo"])
    configuration = root / "etc" / "odoo" / "odoo.conf"
    for folder in ("etc/odoo", "mnt/extra-addons", "var/lib/odoo"):
        (root / folder).mkdir(parents=True, exist_ok=True)
    configuration.write_text(_CONFIGURATION)
    for place in ("etc/odoo/odoo.conf", "mnt/extra-addons", "var/lib/odoo"):
        os.chown(root / place, UID, GID)


def _pack(root: Path, image: Path) -> None:
    image.mkdir()
    left_out = [f"--exclude={pattern}" for pattern in _LEFT_OUT]
    command = ["tar", "-c", "-f", image / "layer.tar", "--sort=name", "--numeric-owner", *left_out]
    run([*command, "-C", root, "."], timeout_s=500)
    write_image(image, NAME, _CONFIG)
