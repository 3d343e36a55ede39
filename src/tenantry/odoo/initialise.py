"""Run Odoo's own initialisation on a database, as a process with a time limit and a log."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from tenantry import process, sandbox
from tenantry.errors import (
    CannotMirror,
    InitialisationFailed,
    InitialisationTimeout,
    ModuleNotFound,
    ModulesNotInstalled,
    ProgramFailed,
    ProgramTimeout,
)
from tenantry.model.recipe import LANGUAGE, Recipe
from tenantry.odoo.finding.installation import OdooInstallation
from tenantry.odoo.modules import similar
from tenantry.odoo.view import MIRRORING_PROGRAM, USER_VARIABLES
from tenantry.postgres.cluster import Connection, translated
from tenantry.sandbox import View

INSTALL = "install"
"""The title of the command that installs modules in a database that is in use."""
_RIGHT_TO_LEFT = ("ar_", "fa_", "he_")


@dataclass(frozen=True)
class OdooCommand:
    """A command of Odoo's for one database.

    title: the first part of its log file's name. arguments: a subcommand and its options, without
    configuration and database. script: its standard input.
    """

    title: str
    arguments: tuple[str, ...]
    script: str


def install_command(modules: Collection[str]) -> OdooCommand:
    """The command that installs modules in a database that is in use."""
    arguments = ("shell", "-i", ",".join(modules), "--no-http")
    return OdooCommand(INSTALL, arguments, _script("install_modules.py"))


def neutralize_command() -> OdooCommand:
    """Odoo's own command that keeps a copy from sending mails, running jobs and making payments."""
    return OdooCommand("neutralize", ("neutralize",), "")


@dataclass(frozen=True)
class Initialisation:
    """How Odoo is run on one database: its configuration, its log, how long it may take.

    view: the files that it sees, and its user; None: it sees what we see, as our own user.
    """

    odoo: OdooInstallation
    config: Path
    log: Path
    database: str
    timeout_s: float
    view: View | None = None

    def begin(self, recipe: Recipe) -> None:
        """Install `base` and the recipe's languages only. Raises as `install` does."""
        self._install(["base"], recipe)

    def install(self, recipe: Recipe) -> None:
        """Install the recipe's modules and languages.

        Raises InitialisationTimeout, InitialisationFailed.
        """
        self._install(recipe.modules, recipe)

    def _install(self, modules: Collection[str], recipe: Recipe) -> None:
        languages = dict.fromkeys([*recipe.languages, "en_US"])
        self._run(
            ["-d", self.database, "-i", ",".join(modules)]
            + ["--load-language", ",".join(languages), "--stop-after-init", "--no-http"]
        )

    def update(self, modules: Collection[str], new: Collection[str] = ()) -> None:
        """Update installed modules, and install new ones. Raises as `install` does."""
        install = ["-i", ",".join(new)] if new else []
        self._run(["-d", self.database, "-u", ",".join(modules), *install, "--stop-after-init", "--no-http"])

    def run(self, command: OdooCommand) -> None:
        """Raises as `install` does."""
        head, *rest = command.arguments
        self._run([head, "-d", self.database, *rest], stdin=command.script)

    def prepare(self) -> None:
        """Generate the web assets that every user needs, with Odoo's ORM."""
        self._run(["shell", "-d", self.database, "--no-http"], stdin=_script("prepare_template.py"))

    def _run(self, arguments: Sequence[str], stdin: str | None = None) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        # A subcommand such as `shell` must come first.
        head, rest = (arguments[:1], arguments[1:]) if arguments[0][0] != "-" else ([], arguments)
        command = self.odoo.command(*head, "-c", str(self.config), *rest)
        try:
            process.run(
                sandbox.command(self.view, command, ends_with_caller=True) if self.view else command,
                timeout_s=self.timeout_s,
                environment={**USER_VARIABLES, **self.odoo.environment},
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
    """Check that modules exist, since Odoo only logs a warning for unknown ones. Raises ModuleNotFound."""
    missing = [module for module in modules if not odoo.find_module(module, extra)]
    if missing:
        searched = [*odoo.addons, *extra]
        raise ModuleNotFound(missing, searched, similar(missing, searched))


def check_can_mirror(languages: Collection[str]) -> None:
    """Check for the program by which Odoo mirrors pages for right-to-left languages. Raises CannotMirror."""
    mirrored = [language for language in languages if language.startswith(_RIGHT_TO_LEFT)]
    if mirrored and not shutil.which(MIRRORING_PROGRAM):
        raise CannotMirror(mirrored)


def installed_modules(connection: Connection) -> list[str]:
    """The modules installed in the connected database; names too long for a module are left out."""
    query = """
        SELECT name FROM ir_module_module
         WHERE state = 'installed' AND length(name) <= 100 ORDER BY name LIMIT 10000
    """
    with translated(connection, "read the installed modules"):
        return [row[0] for row in connection.execute(query)]


def verify_modules(connection: Connection, modules: Collection[str], log: Path) -> None:
    """T2: check that these modules are installed. Raises ModulesNotInstalled."""
    missing = set(modules) - set(installed_modules(connection))
    if missing:
        raise ModulesNotInstalled(sorted(missing), log)


def loaded_languages(connection: Connection) -> tuple[str, ...]:
    """The codes of the active languages in the connected database; invalid codes are left out."""
    query = "SELECT code FROM res_lang WHERE active AND code ~ %s ORDER BY code LIMIT 500"
    with translated(connection, "read the languages"):
        return tuple(code for (code,) in connection.execute(query, [f"^{LANGUAGE.pattern}$"]))


def country_of_chart(connection: Connection) -> str:
    """The ISO code of the fiscal country of its first company; "" without accounting or such a country."""
    query = """
        SELECT country.code FROM res_company AS company
          JOIN res_country AS country ON country.id = company.account_fiscal_country_id
         WHERE country.code ~ '^[A-Z]{2}$' ORDER BY company.id LIMIT 1
    """
    if "account" not in installed_modules(connection):
        return ""
    with translated(connection, "read the fiscal country"):
        found = connection.execute(query).fetchone()
    return found[0] if found else ""
