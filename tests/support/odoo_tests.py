"""Odoo's own test runner on a copy of the master's database, which stays as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tenantry import process
from tenantry.engine import Engine
from tenantry.errors import ProgramFailed
from tenantry.model.names import MASTER_BUILDING
from tenantry.odoo.config import write_config
from tenantry.odoo.installation import OdooInstallation
from tenantry.ports import free_port
from tests.support.master import UnusedMaster, remove_copy

_TIMEOUT_S = 600
_RECORD = re.compile(r"\d{4}-\d\d-\d\d [\d:,]+ \d+ (?P<level>[A-Z]+) ")
_LEFT_OUT = re.compile(r"assetsbundle: .*mail/static/lib/selfie_segmentation/")
"""Debian's package has not got it; Odoo misses it when it makes all bundles, as before a test over HTTP."""
_TESTS_RUN = re.compile(r"odoo\.tests\.stats: (\w+): (\d+) tests ")


def complaints(output: str) -> list[str]:
    """The lines of a log that nobody may ignore: errors, and warnings about what is ours."""
    found = []
    for line in output.splitlines():
        record = _RECORD.match(line)
        level = record["level"] if record and not _LEFT_OUT.search(line) else ""
        if level in ("ERROR", "CRITICAL") or (level == "WARNING" and "saas_" in line):
            found.append(line)
    return found


def count_tests(output: str) -> dict[str, int]:
    """How many tests of each addon Odoo says it has run."""
    return {addon: int(count) for addon, count in _TESTS_RUN.findall(output)}


@dataclass(frozen=True)
class Trial:
    """A throw-away copy of the master's database, and the Odoo to run on it.

    It has the name a master is installed under: PostgreSQL lets the master's role in there.
    """

    engine: Engine
    odoo: OdooInstallation
    name: str
    log: Path

    @property
    def config(self) -> Path:
        return self.log.with_suffix(".conf")

    def test(self, *addons: str) -> str:
        """Update the addons, or install what is new, and run their tests; return Odoo's log."""
        verb = "-u" if self.installed().issuperset(addons) else "-i"
        tags = ",".join(f"/{addon}" for addon in addons)
        arguments = [verb, ",".join(addons), "--test-tags", tags, "--stop-after-init"]
        return self.run(*arguments, "--http-port", str(free_port()))

    def uninstall(self, addon: str) -> str:
        script = (
            f"env['ir.module.module'].search([('name', '=', '{addon}')]).button_immediate_uninstall()\n"
            "env.cr.commit()\n"
        )
        return self.run("--no-http", command="shell", stdin=script)

    def installed(self) -> set[str]:
        return {name for (name,) in self.rows("SELECT name FROM ir_module_module WHERE state = 'installed'")}

    def rows(self, query: str) -> list[tuple]:
        with self.engine.context.cluster.connect(self.name) as inside:
            return inside.execute(query.encode()).fetchall()

    def run(self, *arguments: str, command: str = "", stdin: str | None = None) -> str:
        """Run Odoo on the copy; return its log. Raises AssertionError when it complains."""
        self.log.unlink(missing_ok=True)
        head = [command] if command else []
        failure = ""
        try:
            process.run(
                self.odoo.command(*head, "-c", self.config, "-d", self.name, *arguments),
                timeout_s=_TIMEOUT_S,
                environment=self.odoo.environment,
                stdin=stdin,
                log=self.log,
            )
        except ProgramFailed as error:
            failure = str(error)
        output = self.log.read_text(errors="replace")
        found = complaints(output)
        if failure or found:
            raise AssertionError("\n".join([failure, *found, output[-4000:]]))
        return output


@contextmanager
def trial(unused: UnusedMaster, folder: Path, extra_addons: Sequence[Path] = ()) -> Iterator[Trial]:
    """Copy the master as it was installed, and throw the copy away at the end.

    folder: for the log and the configuration.
    """
    engine = unused.engine
    copy = Trial(engine, engine.master.odoo(print), MASTER_BUILDING, folder / "trial.log")
    try:
        remove_copy(engine, copy.name)
        unused.copy_to(copy.name)
        _write_config(copy, extra_addons)
        yield copy
    finally:
        remove_copy(engine, copy.name)


def _write_config(copy: Trial, extra_addons: Sequence[Path]) -> None:
    context, runtime = copy.engine.context, copy.engine.master.runtime
    options = dict(runtime.options(copy.odoo, context.cluster))
    options["addons_path"] = ",".join([*map(str, extra_addons), options["addons_path"]])
    write_config(copy.config, options)
