"""The results of a run of Odoo's tests, read from its log by class; and the classes to run."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

_RECORD = re.compile(r"\d{4}-\d\d-\d\d [\d:,]+ \d+ (?P<level>[A-Z]+) \S+ (?P<logger>\S+): (?P<text>.*)")
_TEST_MODULE = re.compile(r"odoo\.addons\.(\w+)\.tests\.(\w+)")
_STARTING = re.compile(r"Starting (\w+)\.(\w+) \.\.\.")
_ABOUT_A_CLASS = re.compile(r"\((?:odoo\.addons\.)(\w+)\.tests\.(\w+)\.(\w+)\)")
_SUMMARY = re.compile(
    r"Module \w+: \d+ failures, \d+ errors of|At least one test failed|\d+ failed, \d+ error\(s\) of"
)
_LEFT_OUT = re.compile(r"Could not get content for mail/static/lib/selfie_segmentation/")
"""Debian's package has not got it; Odoo misses it when it makes all bundles, as before a test over HTTP."""
_END = 4000


@dataclass(frozen=True)
class OdooClass:
    """A class of tests of an addon. methods: its tests, those of its bases too."""

    addon: str
    module: str
    name: str
    methods: frozenset[str] = field(default=frozenset(), compare=False)

    def __str__(self) -> str:
        return f"{self.addon}.{self.module}.{self.name}"

    @property
    def tag(self) -> str:
        """The test tag that makes Odoo run the class."""
        return f"/{self.addon}/tests/{self.module}.py:{self.name}"


def classes_in(addons: Iterable[Path]) -> list[OdooClass]:
    """All classes with tests, read from the source: one that Odoo does not find is among them."""
    defined = list(_definitions(addons))
    by_name = defaultdict(list)
    for _addon, _module, node in defined:
        by_name[node.name].append(node)

    def methods(node: ast.ClassDef) -> set[str]:
        own = {item.name for item in node.body if isinstance(item, ast.FunctionDef)}
        bases = [base for name in node.bases if isinstance(name, ast.Name) for base in by_name[name.id]]
        inherited = [methods(base) for base in bases if base is not node]
        return {name for name in own.union(*inherited) if name.startswith("test_")}

    found = [OdooClass(addon, module, node.name, frozenset(methods(node))) for addon, module, node in defined]
    return sorted((it for it in found if it.methods and it.module.startswith("test_")), key=str)


def _definitions(addons: Iterable[Path]) -> Iterator[tuple[str, str, ast.ClassDef]]:
    for addon in addons:
        for file in addon.glob("tests/*.py"):
            for node in ast.parse(file.read_text(encoding="utf-8")).body:
                if isinstance(node, ast.ClassDef):
                    yield addon.name, file.stem, node


@dataclass
class Report:
    """The report of one run. failure: how Odoo ended, if it failed.

    ran: the tests that were started. faults: failures, skipped tests, and what else nobody may ignore that
    was logged while a class's tests ran. of_nobody: the same of no test: of an installation, for instance.
    """

    output: str
    failure: str = ""
    ran: dict[OdooClass, set[str]] = field(default_factory=lambda: defaultdict(set))
    faults: dict[OdooClass, list[str]] = field(default_factory=lambda: defaultdict(list))
    of_nobody: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        running = None
        for level, logger, text in _records(self.output):
            module, starting = _TEST_MODULE.fullmatch(logger), _STARTING.match(text)
            if module and starting:
                running = OdooClass(module[1], module[2], starting[1])
                self.ran[running].add(starting[2])
            elif module and text.startswith("skipped "):
                self._note(_class_named_in(text) or running, text)
            elif _SUMMARY.match(text) and (self.faults or level == "INFO"):
                running = None
            elif _is_complaint(level, logger, text):
                self._note(_class_named_in(text) or running, f"{level} {logger}: {text}")

    @property
    def end(self) -> str:
        return f"{self.failure}\n{self.output[-_END:]}"

    def wrong_with(self, wanted: OdooClass) -> list[str]:
        """Why the class did not pass; [] when every test of it ran, and none complained."""
        missing = sorted(wanted.methods - self.ran.get(wanted, set()))
        not_run = [f"Odoo did not run {', '.join(missing)}.\n{self.end}"] if missing else []
        return self.faults.get(wanted, []) + not_run

    def _note(self, whose: OdooClass | None, fault: str) -> None:
        (self.faults[whose] if whose else self.of_nobody).append(fault)


def _records(output: str) -> Iterator[tuple[str, str, str]]:
    """Level, logger and text of each record; a text may have many lines, such as a traceback."""
    head: tuple[str, str] | None = None
    lines: list[str] = []
    for line in output.splitlines():
        record = _RECORD.match(line)
        if record is None:
            lines.append(line)
            continue
        if head:
            yield *head, "\n".join(lines)
        head, lines = (record["level"], record["logger"]), [record["text"]]
    if head:
        yield *head, "\n".join(lines)


def _is_complaint(level: str, logger: str, text: str) -> bool:
    """Errors, and warnings about our modules."""
    if _LEFT_OUT.search(text):
        return False
    return level in ("ERROR", "CRITICAL") or (level == "WARNING" and "saas_" in f"{logger} {text}")


def _class_named_in(text: str) -> OdooClass | None:
    """Classes whose set-up or tear-down failed or was skipped, which is logged between other tests."""
    found = _ABOUT_A_CLASS.search(text.partition("\n")[0])
    return OdooClass(*found.groups()) if found else None
