"""Running Odoo's own initialisation on an empty database, as a process with a limit and a log."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from tenantry import process, sandbox
from tenantry.errors import (
    InitialisationFailed,
    InitialisationTimeout,
    ModuleNotFound,
    ModulesNotInstalled,
    ProgramFailed,
    ProgramTimeout,
)
from tenantry.model.recipe import Recipe
from tenantry.odoo.installation import OdooInstallation
from tenantry.postgres.cluster import Connection, translated
from tenantry.sandbox import View

# A user id without an entry in passwd has neither a home nor a name.
_SOMEBODY = {"HOME": "/tmp", "LOGNAME": "odoo", "USER": "odoo"}


@dataclass(frozen=True)
class Initialisation:
    """How Odoo is run on one database: its configuration, its log, how long it may take.

    view: what it sees and who it is; None: all that we see, as who we are.
    """

    odoo: OdooInstallation
    config: Path
    log: Path
    database: str
    timeout_s: float
    view: View | None = None

    def install(self, recipe: Recipe) -> None:
        """Install the recipe's modules and languages.

        Raises InitialisationTimeout, InitialisationFailed.
        """
        self._run(
            ["-d", self.database, "-i", ",".join(recipe.modules)]
            + ["--load-language", ",".join(recipe.languages), "--stop-after-init", "--no-http"]
        )

    def update(self, modules: Collection[str], new: Collection[str] = ()) -> None:
        """Bring installed modules up to their code, and install new ones. Raises as `install` does."""
        install = ["-i", ",".join(new)] if new else []
        self._run(["-d", self.database, "-u", ",".join(modules), *install, "--stop-after-init", "--no-http"])

    def add(self, modules: Collection[str]) -> None:
        """Install further modules in a database that is in use. Raises as `install` does."""
        arguments = ["shell", "-d", self.database, "-i", ",".join(modules), "--no-http"]
        self._run(arguments, stdin=_script("install_modules.py"))

    def prepare(self, recipe: Recipe) -> None:
        """Do what needs Odoo's ORM: the company's country, and the web assets everybody needs."""
        self._run(
            ["shell", "-d", self.database, "--no-http"],
            stdin=_script("prepare_template.py"),
            environment={"TENANTRY_RECIPE": json.dumps(recipe.as_mapping())},
        )

    def _run(
        self, arguments: Sequence[str], stdin: str | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        # A subcommand such as `shell` must come first.
        head, rest = (arguments[:1], arguments[1:]) if arguments[0][0] != "-" else ([], arguments)
        command = self.odoo.command(*head, "-c", str(self.config), *rest)
        try:
            process.run(
                sandbox.command(self.view, command, ends_with_caller=True) if self.view else command,
                timeout_s=self.timeout_s,
                environment={**_SOMEBODY, **self.odoo.environment, **(environment or {})},
                stdin=stdin,
                log=self.log,
            )
        except ProgramTimeout as error:
            raise InitialisationTimeout(self.database, self.timeout_s, self.log) from error
        except ProgramFailed as error:
            reason = f"it ended with {error.program_exit_code}: {error.output}"
            raise InitialisationFailed(self.database, reason, self.log) from error


def _script(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")


def check_modules_exist(odoo: OdooInstallation, modules: Collection[str], extra: Sequence[Path]) -> None:
    """Odoo ignores unknown module names with a warning; we do not. Raises ModuleNotFound."""
    missing = [module for module in modules if not odoo.find_module(module, extra)]
    if missing:
        raise ModuleNotFound(missing, [*extra, *odoo.addons])


def installed_modules(connection: Connection) -> list[str]:
    """The modules installed in the connected database; what could be none is left out."""
    query = """
        SELECT name FROM ir_module_module
         WHERE state = 'installed' AND length(name) <= 100 ORDER BY name LIMIT 10000
    """
    with translated(connection, "read the installed modules"):
        return [row[0] for row in connection.execute(query)]


def verify_modules(connection: Connection, modules: Collection[str], log: Path) -> None:
    """T2: every module asked for is installed. Raises ModulesNotInstalled."""
    missing = set(modules) - set(installed_modules(connection))
    if missing:
        raise ModulesNotInstalled(sorted(missing), log)
