"""Odoo's own test runner on a copy of the master's database, which stays as it is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tenantry import process
from tenantry.engine import Engine
from tenantry.errors import ProgramFailed
from tenantry.model.names import MASTER_BUILDING
from tenantry.odoo.config import write_config
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.ports import free_port
from tests.support.master import UnusedMaster, remove_copy
from tests.support.odoo_report import Report

_TIMEOUT_S = 600


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

    def test(self, addons: Sequence[str], tags: Sequence[str]) -> Report:
        """Install or update the addons, and run the tests with these tags."""
        verb = "-u" if self.installed().issuperset(addons) else "-i"
        arguments = [verb, ",".join(addons), "--test-tags", ",".join(tags), "--stop-after-init"]
        return self.run(*arguments, "--http-port", str(free_port()))

    def uninstall(self, addon: str) -> None:
        """Raises AssertionError when Odoo complains."""
        script = (
            f"env['ir.module.module'].search([('name', '=', '{addon}')]).button_immediate_uninstall()\n"
            "env.cr.commit()\n"
        )
        report = self.run("--no-http", command="shell", stdin=script)
        assert report.of_nobody == []
        assert not report.failure, report.end

    def installed(self) -> set[str]:
        return {name for (name,) in self.rows("SELECT name FROM ir_module_module WHERE state = 'installed'")}

    def rows(self, query: str) -> list[tuple]:
        with self.engine.context.cluster.connect(self.name) as inside:
            return inside.execute(query.encode()).fetchall()

    def run(self, *arguments: str, command: str = "", stdin: str | None = None) -> Report:
        """Run Odoo on the copy."""
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
        return Report(self.log.read_text(errors="replace"), failure)


@contextmanager
def trial(unused: UnusedMaster, folder: Path, extra_addons: Sequence[Path] = ()) -> Iterator[Trial]:
    """Copy the master as it was installed, and throw the copy away at the end.

    folder: for the log and the configuration.
    """
    engine = unused.engine
    # No agent need run: the engine is in the same process.
    odoo = replace(engine.master.odoo(print), variables=engine.settings.to_environment())
    copy = Trial(engine, odoo, MASTER_BUILDING, folder / "trial.log")
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
