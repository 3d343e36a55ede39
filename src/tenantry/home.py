"""Where an installation is: in the folder that is named, in or above the current one, or remembered.

Its settings decide which programs run, so a folder that was not named must belong to the user who runs the
command: somebody else could have put it there, for root to find.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from tenantry.errors import InstallationNotFound
from tenantry.keyfile import write_private

NAME = ".tenantry"
VARIABLE = "TENANTRY_HOME"
USUAL = Path("/var/lib/tenantry")
_REMEMBERED = "home"


@dataclass(frozen=True)
class Home:
    """folder: of the installation, or where a new one would be. is_there: whether there is one.

    found: how it was found, for people; "" if it stands in the current folder, was named, or is not there.
    looked_at: the other places, and why they were not taken. is_refused: something that we do not trust is
    where a new one would be, so nothing there may be read, run or made.
    """

    folder: Path
    is_there: bool
    found: str = ""
    looked_at: tuple[str, ...] = ()
    is_refused: bool = False


def find_home(environment: Mapping[str, str], current: Path | None = None, usual: Path | None = None) -> Home:
    """Find the installation that commands are about."""
    named = environment.get(VARIABLE)
    if named:
        folder = Path(named).expanduser().absolute()
        return Home(folder, folder.is_dir(), looked_at=(f"{folder}, which {VARIABLE} names, is not there",))
    current = (current or Path.cwd()).absolute()
    looked_at = []
    for parent in (current, *current.parents):
        if fault := _fault(parent / NAME):
            looked_at.append(f"{parent / NAME} {fault}")
        else:
            found = "" if parent == current else f"it is above {current}"
            return Home(parent / NAME, True, found, tuple(looked_at))
    # Most of them are not there: one sentence is enough for those.
    looked_at = [it for it in looked_at if not it.endswith(_ABSENT)]
    looked_at.insert(0, f"{NAME} in {current} and above {_ABSENT}")
    others = {_remembered(environment): "it was started before", usual or USUAL: "it is the usual place"}
    for other, how in others.items():
        if other is None:
            continue
        fault = _fault(other) or ("" if (other / "secrets").is_dir() else "has no installation")
        if not fault:
            return Home(other, True, how, tuple(looked_at))
        looked_at.append(f"{other} {fault}")
    here = current / NAME
    return Home(here, False, looked_at=tuple(looked_at), is_refused=_fault(here) != _ABSENT)


def usable_home(environment: Mapping[str, str]) -> Home:
    """Find the installation, or where a new one may be made. Raises InstallationNotFound if it may not."""
    home = find_home(environment)
    if home.is_refused:
        raise InstallationNotFound(home.looked_at)
    return home


def config_dir(environment: Mapping[str, str]) -> Path:
    """The user's folder of the login and of the remembered installation."""
    named = environment.get("TENANTRY_CONFIG")
    return Path(named or platformdirs.user_config_dir("tenantry")).expanduser().absolute()


def remember(environment: Mapping[str, str], folder: Path) -> None:
    """Let commands in other folders find it, unless they find another one that is still there.

    Without a folder for configurations that we may write nothing is remembered.
    """
    before = _remembered(environment)
    if before and not _fault(before):
        return
    with contextlib.suppress(OSError):
        config_dir(environment).mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(config_dir(environment) / _REMEMBERED, f"{folder}\n")


def _remembered(environment: Mapping[str, str]) -> Path | None:
    file = config_dir(environment) / _REMEMBERED
    try:
        if file.lstat().st_uid != os.geteuid():
            return None
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return Path(text) if text.startswith("/") else None


_ABSENT = "is not there"


def _fault(folder: Path) -> str:
    """Why a folder cannot be an installation that we trust; "" if it can.

    A link of ours is followed: we say with it where the installation is. Then nobody else may be able to put
    another folder into the place that it leads to.
    """
    try:
        is_link = stat.S_ISLNK(folder.lstat().st_mode)
    except OSError:
        return _ABSENT
    if not is_link:
        return _fault_of_folder(folder)
    try:
        target = folder.resolve(strict=True)
        if others := _owner_of_link(folder):
            return f"is a link of {others}"
        for parent in target.parents:
            if fault := _fault_of_parent(parent):
                return f"leads to {target}, but {parent} {fault}"
    except (OSError, RuntimeError):  # a circle is a RuntimeError before Python 3.13
        return "is a link that leads nowhere"
    fault = _fault_of_folder(target)
    return f"leads to {target}, which {fault}" if fault else ""


def _owner_of_link(link: Path) -> str:
    """The other user to whom a link, or one that it leads to, belongs; "" if all are ours."""
    while link.is_symlink():
        if (owner := link.lstat().st_uid) != os.geteuid():
            return _user(owner)
        link = link.parent / link.readlink()
    return ""


def _fault_of_folder(folder: Path) -> str:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return "is no folder"
    if found.st_uid != os.geteuid():
        return f"belongs to {_user(found.st_uid)}"
    return "can be changed by everybody" if found.st_mode & stat.S_IWOTH else ""


def _fault_of_parent(folder: Path) -> str:
    """As of a folder, but it may be root's, and open as /tmp is, where nobody can rename what is ours."""
    found = folder.lstat()
    if found.st_uid not in (0, os.geteuid()):
        return f"belongs to {_user(found.st_uid)}"
    is_open = found.st_mode & stat.S_IWOTH and not found.st_mode & stat.S_ISVTX
    return "can be changed by everybody" if is_open else ""


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
