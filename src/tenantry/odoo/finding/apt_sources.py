"""Derive a private apt source from the machine's own: same mirror and keys, newer suite."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_ETC_APT = Path("/etc/apt")
_ONE_LINE = re.compile(r"^deb\s+(?:\[(?P<options>[^\]]*)\]\s+)?(?P<uri>\S+)\s+(?P<suite>\S+)\s+(?P<rest>.+)$")
_MINIMUM_SCORE = 2
_SIDE_SUITES = ("security", "updates", "backports", "proposed")

Stanza = Mapping[str, str]


@dataclass(frozen=True)
class AptSource:
    """One archive in apt's deb822 terms; `signed_by` is "" where apt's default keys apply."""

    uris: str
    suite: str
    components: str
    signed_by: str

    @property
    def text(self) -> str:
        signed_by = f"Signed-By: {self.signed_by}\n" if self.signed_by else ""
        return (
            f"Types: deb\nURIs: {self.uris}\nSuites: {self.suite}\nComponents: {self.components}\n{signed_by}"
        )


def machine_source_files(etc: Path = _ETC_APT) -> dict[str, str]:
    """The machine's apt sources by file name: what apt itself would read."""
    parts = sorted((etc / "sources.list.d").glob("*"))
    files = [etc / "sources.list", *(part for part in parts if part.suffix in (".list", ".sources"))]
    return {file.name: file.read_text(encoding="utf-8") for file in files if file.is_file()}


def derive_source(files: Mapping[str, str]) -> AptSource | None:
    """The machine's main archive, with the suite that has the newest packages.

    `files` maps file names to texts; `.sources` is deb822, anything else one line each.
    None when no main archive of Debian or Ubuntu is among them.
    """
    stanzas = [stanza for name, text in files.items() for stanza in _stanzas(name, text)]
    main = max(stanzas, key=_score, default={})
    if _score(main) < _MINIMUM_SCORE:
        return None
    ubuntu = "ubuntu" in f"{_folders(main)} {main.get('signed-by', '')}"
    suite, components = ("devel", "main universe") if ubuntu else ("sid", "main")
    return AptSource(main["uris"], suite, components, main.get("signed-by", ""))


def _score(stanza: Stanza) -> int:
    """How much a stanza looks like the main archive; third parties use `/debian` and `main`, too."""
    suites = stanza.get("suites", "").split()
    plain = [suite for suite in suites if not suite.endswith(_SIDE_SUITES)]
    if not plain or "main" not in stanza.get("components", "").split():
        return 0
    archive = bool(re.search(r"\b(debian|ubuntu|ubuntu-ports)\b", _folders(stanza)))
    keyring = bool(re.search(r"\b(debian|ubuntu)-archive-keyring\b", stanza.get("signed-by", "")))
    return 2 * archive + 2 * keyring + (len(suites) > len(plain))


def _folders(stanza: Stanza) -> str:
    """The last folder of each address; a mirror list (`debian.list`) counts by its stem."""
    names = [PurePosixPath(uri.rstrip("/")).name for uri in stanza.get("uris", "").split()]
    return " ".join(name.removesuffix(".list") for name in names)


def _stanzas(name: str, text: str) -> Iterator[Stanza]:
    parse = _deb822 if name.endswith(".sources") else _one_line
    for stanza in parse(text):
        if not stanza.get("uris", "").startswith(("cdrom:", "file:")):
            yield stanza


def _deb822(text: str) -> Iterator[Stanza]:
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    for block in re.split(r"\n\s*\n", "\n".join(lines)):
        # Indented lines continue a field; Signed-By may contain a whole key in this way.
        fields = re.findall(r"^([\w-]+):[ \t]*(.*(?:\n[ \t].*)*)", block, re.MULTILINE)
        stanza = {key.lower(): value.strip() for key, value in fields}
        if "deb" in stanza.get("types", "").split() and stanza.get("enabled", "yes") != "no":
            yield stanza


def _one_line(text: str) -> Iterator[Stanza]:
    """One stanza per address, with the suites of all its lines: an archive and its updates have two lines."""
    gathered: dict[tuple[str, str, str], list[str]] = {}
    for line in text.splitlines():
        found = _ONE_LINE.match(line.partition("#")[0].strip())
        if found:
            signed_by = re.search(r"signed-by=(\S+)", found["options"] or "")
            key = (found["uri"], found["rest"], signed_by[1] if signed_by else "")
            gathered.setdefault(key, []).append(found["suite"])
    for (uri, components, key_file), suites in gathered.items():
        yield {
            "uris": uri,
            "suites": " ".join(suites),
            "components": components,
            "signed-by": key_file.replace(",", " "),
        }
