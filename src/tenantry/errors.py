"""Every error the engine raises: family, then cause, with the facts and a remedy.

A family is what a caller reacts to (the CLI's exit code, the API's status); a cause is
what went wrong. Each class builds its own sentence from its facts.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path


class TenantryError(Exception):
    """Base of all; `str(error)` is one sentence, `remedy` says what to do about it."""

    exit_code = 1
    retryable = False
    remedy = ""


# ---------------------------------------------------------------- families


class InvalidInput(TenantryError):
    """The caller asked for something that can never work."""

    exit_code = 2


class NotFound(TenantryError):
    """What was named is not there."""

    exit_code = 3


class Conflict(TenantryError):
    """What was asked for collides with what is there."""

    exit_code = 4


class DependencyFailure(TenantryError):
    """PostgreSQL, Odoo or the machine did not do its part."""

    exit_code = 5


class AccessRefused(TenantryError):
    """Who asks is not known, or may not do it."""

    exit_code = 6


# ---------------------------------------------------------------- invalid input


class InvalidName(InvalidInput):
    def __init__(self, name: str, reason: str, suggestion: str = "") -> None:
        self.name, self.reason, self.suggestion = name, reason, suggestion
        super().__init__(f"{name!r} cannot be a name: {reason}.")
        self.remedy = "Use 3 to 50 lower-case letters, digits and single dashes" + (
            f", for example {suggestion!r}." if suggestion else "."
        )


class InvalidCode(InvalidName):
    def __init__(self, code: str, most: int, suggestion: str = "") -> None:
        super().__init__(code, f"a code is a slug of at most {most} characters that begins with a letter")
        example = f", for example {suggestion!r}" if suggestion else ""
        self.remedy = f"Use 1 to {most} lower-case letters, digits and single dashes{example}."


class InvalidValue(InvalidInput):
    def __init__(self, field: str, value: str, expected: str) -> None:
        self.field, self.value, self.expected = field, value, expected
        super().__init__(f"{value!r} is not a valid {field}.")
        self.remedy = f"Give {expected}."


class InvalidRecipe(InvalidInput):
    def __init__(self, source: str, reason: str) -> None:
        self.source, self.reason = source, reason
        super().__init__(f"The recipe {source} is not valid: {reason}.")
        self.remedy = "Correct the recipe; docs/howto/templates.md lists its keys."


class InvalidSetting(InvalidInput):
    def __init__(self, name: str, value: str, expected: str) -> None:
        self.name, self.value = name, value
        super().__init__(f"The setting {name} cannot be {value!r}.")
        self.remedy = f"Set {name} to {expected}."


class UnsupportedSeries(InvalidInput):
    def __init__(self, series: str, supported: Collection[str]) -> None:
        self.series, self.supported = series, tuple(supported)
        super().__init__(f"Odoo {series} is not supported.")
        self.remedy = f"Use one of: {', '.join(self.supported)}."


class ModuleNotFound(InvalidInput):
    """T7: a module of the recipe is on no addons path."""

    def __init__(self, modules: Collection[str], addons_path: Collection[Path]) -> None:
        self.modules, self.addons_path = tuple(modules), tuple(addons_path)
        super().__init__(f"No addons path holds {', '.join(self.modules)}.")
        self.remedy = (
            "Correct the module's name, or add its folder to TENANTRY_ADDONS_PATH. Searched: "
            + ", ".join(str(path) for path in self.addons_path)
            + "."
        )


class SealBroken(InvalidInput):
    """X5: a sealed secret cannot be read with this installation's sealing key."""

    def __init__(self) -> None:
        super().__init__("A stored secret cannot be read: it was sealed with another key.")
        self.remedy = "Restore the `sealing.key` that belongs to this database, or enter the secret anew."


class RoleWithoutPassword(InvalidInput):
    """A role's password was asked for that no key derives, or another key does."""

    def __init__(self, role: str) -> None:
        self.role = role
        super().__init__(f"The role {role!r} has no password that could be derived.")
        self.remedy = "Only roles of instances, and those of names.INFRASTRUCTURE_ROLES, log in."


class StartedInside(InvalidInput):
    """The back office asked the engine to start or stop servers, itself among them."""

    def __init__(self) -> None:
        super().__init__("The master cannot start or stop servers.")
        self.remedy = "Run `tenantry up` or `tenantry stop` on the machine."


class InvalidStore(InvalidInput):
    """Where archives are to be kept cannot be understood."""

    def __init__(self, url: str, reason: str) -> None:
        self.url, self.reason = url, reason
        super().__init__(f"{url!r} is no store of archives: {reason}.")
        self.remedy = "Give a folder, or an address such as s3://bucket/folder; see docs/howto/archives.md."


# ---------------------------------------------------------------- not found


class ArchiveNotFound(NotFound):
    """An archive without a manifest does not exist: what a killed dump left is none."""

    def __init__(self, url: str, archive: str) -> None:
        self.url, self.archive = url, archive
        super().__init__(f"There is no archive {archive!r} in {url}.")
        self.remedy = f"See `tenantry archive list {url}`."


class InstanceNotFound(NotFound):
    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"There is no instance {name!r}.")
        self.remedy = "See `tenantry instance list`."


class TemplateNotFound(NotFound):
    def __init__(self, code: str) -> None:
        self.code = code
        super().__init__(f"There is no template {code!r}.")
        self.remedy = f"Build it with `tenantry template build {code}`, or see `tenantry template list`."


class RecipeNotFound(NotFound):
    def __init__(self, code: str, known: Collection[str]) -> None:
        self.code, self.known = code, tuple(known)
        super().__init__(f"There is no recipe {code!r}.")
        self.remedy = f"Use one of {', '.join(self.known)}, or give its modules with --module."


class ServerNotFound(NotFound):
    def __init__(self, name: str, known: Collection[str]) -> None:
        self.name, self.known = name, tuple(known)
        super().__init__(f"There is no server {name!r}.")
        self.remedy = f"Use one of {', '.join(self.known)}, or add it to settings.toml."


class MasterNotInstalled(NotFound):
    def __init__(self) -> None:
        super().__init__("There is no master yet.")
        self.remedy = "Run `tenantry up`, which installs it."


# ---------------------------------------------------------------- conflict


class NameTaken(Conflict):
    def __init__(self, name: str, alternatives: Collection[str] = ()) -> None:
        self.name, self.alternatives = name, tuple(alternatives)
        super().__init__(f"The name {name!r} is taken.")
        free = f", for example {', '.join(self.alternatives)}" if self.alternatives else ""
        self.remedy = f"Choose another name{free}."


class DatabaseExists(Conflict):
    """T7: the name is in use in the cluster."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"The database {name!r} exists already.")
        self.remedy = "Choose another name."


class ForeignDatabase(Conflict):
    """A database has one of our names, and not our label: it is somebody's, and stays as it is."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"The database {name!r} is not one that Tenantry made.")
        self.remedy = (
            "Give that database another name (ALTER DATABASE ... RENAME TO), or choose another one here: "
            "what Tenantry did not make it never changes."
        )


class ForeignRole(Conflict):
    """A role has one of our names, and not our mark."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"The PostgreSQL role {name!r} is not one that Tenantry made.")
        self.remedy = (
            "Give that role another name (ALTER ROLE ... RENAME TO), or choose another one here: "
            "what Tenantry did not make it never changes."
        )


class ClusterTaken(Conflict):
    """One cluster is one server's: its roles of fixed names, and every instance there."""

    def __init__(self, address: str, server: str, installation: str) -> None:
        """installation: `this` or `another`."""
        self.address, self.server, self.installation = address, server, installation
        super().__init__(
            f"The PostgreSQL cluster at {address} belongs to the server {server!r}"
            f" of {installation} installation."
        )
        self.remedy = (
            "Give this server a cluster of its own. If that one is gone, or the cluster was copied or"
            " restored, run there: COMMENT ON ROLE tenantry_dump IS 'tenantry'; then start again."
        )


class DatabaseInUse(Conflict):
    retryable = True

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"Somebody is connected to the database {name!r}.")
        self.remedy = "Try again once its sessions have ended."


class NotYet(Conflict):
    """An operation waits for something, and gives its caller's thread back: run again, it goes on.

    Nothing failed, and what was done stays.
    """

    retryable = True

    def __init__(self, subject: str, waits_for: str, after_s: float) -> None:
        self.subject, self.waits_for, self.after_s = subject, waits_for, after_s
        super().__init__(f"{subject} waits for {waits_for}.")
        self.remedy = f"Run it again in {after_s:.0f} s; it goes on."


class Busy(Conflict):
    """Another operation holds the lock."""

    retryable = True

    def __init__(self, subject: str) -> None:
        self.subject = subject
        super().__init__(f"Another operation is working on {subject}.")
        self.remedy = "Wait for it to end, then try again."


class InvalidTransition(Conflict):
    def __init__(self, name: str, state: str, action: str) -> None:
        self.name, self.state, self.action = name, state, action
        super().__init__(f"{name!r} is {state}: it cannot {action}.")
        self.remedy = "See its state with `tenantry instance show`."


class NotPrepared(Conflict):
    """I5, I6: what still has the template's identities, or no administrator, is not published."""

    def __init__(self, name: str, missing: Collection[str]) -> None:
        self.name, self.missing = name, tuple(missing)
        super().__init__(f"{name!r} cannot be published: {' and '.join(missing)} did not run.")
        self.remedy = "Run every part of the creation, in order, before the last."


class Tampered(Conflict):
    """What is in a customer's database does not let us read or write it; trying again would not help."""

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"The database of {name!r} does not behave as Odoo's does: {reason}.")
        self.remedy = (
            "Look at its triggers, views, policies and types: whoever may write there can have changed them. "
            "What we wanted to write is not written."
        )


class TemplateNotReady(Conflict):
    """T3: a template that is not ready is never cloned."""

    def __init__(self, code: str, state: str) -> None:
        self.code, self.state = code, state
        super().__init__(f"The template {code!r} is {state}, not ready.")
        self.remedy = f"Wait for its build, or run `tenantry template build {code}`."


class TenantModuleMissing(Conflict):
    """I13: without its module an instance knows no limits."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{name!r} was made without the module saas_tenant: it cannot enforce limits.")
        self.remedy = "Rebuild its template, and install saas_tenant in the instance."


class ArchiveDamaged(Conflict):
    """What is in the store is not what was put there; nothing of it was used."""

    def __init__(self, archive: str, reason: str) -> None:
        self.archive, self.reason = archive, reason
        super().__init__(f"The archive {archive!r} is damaged: {reason}.")
        self.remedy = "Load another archive, or bring this object back from another copy of the store."


class ArchiveNotTrusted(Conflict):
    """Whoever can write to the store can put an archive there: only signed ones are loaded."""

    def __init__(self, archive: str, signer: str) -> None:
        self.archive, self.signer = archive, signer
        super().__init__(f"The archive {archive!r} was not signed by this installation, but by {signer}.")
        self.remedy = (
            "If it is another installation's that you trust, name its public key, "
            "which `tenantry archive key` shows there."
        )


class ArchiveKeyMissing(Conflict):
    def __init__(self, archive: str, recipients: Collection[str]) -> None:
        self.archive, self.recipients = archive, tuple(recipients)
        super().__init__(f"No key of this installation opens the archive {archive!r}.")
        self.remedy = (
            "Add the private key of one of these to secrets/archive.key, a line each: "
            + ", ".join(self.recipients)
            + "."
        )


class ArchiveUnsupported(Conflict):
    """It is whole, but made by something newer than what is here."""

    def __init__(self, archive: str, needs: str, here: str) -> None:
        self.archive, self.needs, self.here = archive, needs, here
        super().__init__(f"The archive {archive!r} needs {needs}; here is {here}.")
        self.remedy = "Load it where that is, or bring this installation up to it first."


# ---------------------------------------------------------------- dependencies


class PostgresUnreachable(DependencyFailure):
    """T7."""

    retryable = True

    def __init__(self, address: str, reason: str) -> None:
        self.address, self.reason = address, reason
        super().__init__(f"PostgreSQL at {address} does not answer: {reason}.")
        self.remedy = "Check that it runs (`tenantry up`) and that TENANTRY_PG_DSN is right."


class InsufficientRights(DependencyFailure):
    """T7: the engine's role lacks CREATEDB or CREATEROLE."""

    def __init__(self, role: str, *missing: str) -> None:
        self.role, self.missing = role, missing
        super().__init__(f"The PostgreSQL role {role!r} lacks {' and '.join(missing)}.")
        self.remedy = f'As a superuser: ALTER ROLE "{role}" {" ".join(missing)};'


class PostgresFailure(DependencyFailure):
    """PostgreSQL refused a statement for a reason no other class names."""

    def __init__(self, action: str, reason: str) -> None:
        self.action, self.reason = action, reason
        super().__init__(f"PostgreSQL refused to {action}: {reason}.")
        self.remedy = "Read PostgreSQL's log."


class PostgresNotFound(DependencyFailure):
    def __init__(self, searched: Collection[str]) -> None:
        super().__init__("No PostgreSQL server programs were found.")
        self.remedy = "Install postgresql, or set TENANTRY_PG_DSN. Searched: " + ", ".join(searched) + "."


class KeyLost(DependencyFailure):
    """A key is missing or empty while others are there: a new one would open nothing that is there."""

    def __init__(self, file: Path) -> None:
        self.file = file
        super().__init__(f"The key {file} is missing or empty.")
        self.remedy = f"Restore it from the copy you kept of {file.parent}."


class OdooNotFound(DependencyFailure):
    """T7."""

    def __init__(self, series: str, searched: Collection[str]) -> None:
        self.series, self.searched = series, tuple(searched)
        super().__init__(f"Odoo {series} was not found.")
        self.remedy = "Set ODOO_SOURCE to its folder. Tried: " + "; ".join(self.searched) + "."


class CaddyNotFound(DependencyFailure):
    """No wheel for this machine, or an environment that was made without it."""

    def __init__(self, package: str) -> None:
        self.package = package
        super().__init__("The program Caddy was not found, which stands before the tenants.")
        self.remedy = f"Install the Python package {package} beside Tenantry."


class PythonTooOld(DependencyFailure):
    def __init__(self, python: Path, version: str) -> None:
        self.python, self.version = python, version
        super().__init__(f"The master cannot run on Python {version}, which is {python}.")
        self.remedy = "Give it an Odoo on Python 3.11 or newer: see ODOO_SOURCE in the settings."


class PackagesNotInstalled(DependencyFailure):
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(f"The master's Python packages are not in {folder} yet.")
        self.remedy = "`tenantry up` installs them."


class DamagedDownload(DependencyFailure):
    retryable = True

    def __init__(self, package: str) -> None:
        self.package = package
        super().__init__(f"The download of the package {package} is missing or damaged.")
        self.remedy = "Try again."


class DanglingLinks(DependencyFailure):
    """Odoo answers 500 on pages whose fonts or libraries are missing: better no Odoo than that."""

    def __init__(self, root: Path, links: Collection[Path]) -> None:
        self.root, self.links = root, tuple(links)
        names = ", ".join(str(link.relative_to(root)) for link in self.links)
        super().__init__(f"Links in {root} lead nowhere: {names}.")
        self.remedy = "Find the Debian package that holds these files now and report it as a bug."


class InitialisationTimeout(DependencyFailure):
    """T7."""

    def __init__(self, database: str, timeout_s: float, log: Path) -> None:
        self.database, self.timeout_s, self.log = database, timeout_s, log
        super().__init__(f"Odoo did not initialise {database!r} within {timeout_s:.0f} s.")
        self.remedy = f"Raise TENANTRY_INIT_TIMEOUT_S; Odoo's log is {log}."


class InitialisationFailed(DependencyFailure):
    def __init__(self, database: str, reason: str, log: Path) -> None:
        self.database, self.reason, self.log = database, reason, log
        super().__init__(f"Odoo could not initialise {database!r}: {reason}.")
        self.remedy = f"Read Odoo's log, {log}."


class ModulesNotInstalled(DependencyFailure):
    """T2: Odoo ended well, yet modules of the recipe are not installed."""

    def __init__(self, modules: Collection[str], log: Path) -> None:
        self.modules, self.log = tuple(modules), log
        super().__init__(f"Odoo did not install {', '.join(self.modules)}.")
        self.remedy = f"Read Odoo's log, {log}."


class ProgramFailed(DependencyFailure):
    def __init__(self, program: str, exit_code: int, output: str) -> None:
        self.program, self.program_exit_code, self.output = program, exit_code, output
        super().__init__(f"{program} ended with {exit_code}: {output}")
        self.remedy = "Mend what it says, then try again."


class ProgramNotFound(DependencyFailure):
    def __init__(self, program: str) -> None:
        self.program = program
        super().__init__(f"The program {program!r} is not on this machine.")
        self.remedy = f"Install {program}."


class CannotMirror(DependencyFailure):
    """Without the program Odoo's pages would be wrong for who reads from right to left, and stay so."""

    def __init__(self, languages: Collection[str]) -> None:
        self.languages = tuple(languages)
        super().__init__(f"Nothing mirrors the pages for {', '.join(languages)}: rtlcss is missing.")
        self.remedy = "Run npm install --global rtlcss; `tenantry doctor` shows when it is found."


class ProgramTimeout(DependencyFailure):
    retryable = True

    def __init__(self, program: str, timeout_s: float) -> None:
        self.program, self.timeout_s = program, timeout_s
        super().__init__(f"{program} did not end within {timeout_s:.0f} s.")
        self.remedy = "Look at the machine's load, then try again."


class ServerNotStarted(DependencyFailure):
    def __init__(self, server: str, reason: str, log: Path) -> None:
        self.server, self.reason, self.log = server, reason, log
        super().__init__(f"{server} did not start: {reason}.")
        self.remedy = f"Read its log, {log}."


class PortTaken(DependencyFailure):
    """A server does not move to another port by itself: proxies and bookmarks would lead nowhere.

    reason: the system's name of it, such as EADDRINUSE. variable: the setting that chooses the port, or "".
    """

    retryable = True

    def __init__(self, server: str, port: int, reason: str, variable: str = "") -> None:
        self.server, self.port, self.reason, self.variable = server, port, reason, variable
        super().__init__(f"{server} cannot listen on port {port} ({reason}).")
        choose = f", or choose another port with {variable}" if variable else ""
        self.remedy = f"End what listens there (`ss -ltnp sport = :{port}` names it){choose}."


class AgentLost(DependencyFailure):
    """Whoever works for us behind a pipe, or the way to them, went away; what was under way ended with it."""

    retryable = True

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The engine's agent went away: {reason}.")
        self.remedy = "Run it again; it goes on where it was. `tenantry up` starts what does not run."


class AgentFailed(DependencyFailure):
    """The engine met an error that is none of its own."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(f"The engine's agent met an unexpected error, {kind}.")
        self.remedy = "Read the agent's log, agent.log, where it stands in full."


class FilestoreFailure(DependencyFailure):
    """The disk is full or not writable; what was half copied is gone again."""

    def __init__(self, folder: Path, reason: str) -> None:
        self.folder, self.reason = folder, reason
        super().__init__(f"The filestore {folder} could not be written: {reason}.")
        self.remedy = "Free some disk space, or mend the folder's rights, then try again."


class LoginRefused(DependencyFailure):
    def __init__(self, url: str, login: str) -> None:
        self.url, self.login = url, login
        super().__init__(f"{url} refused the login of {login!r}.")
        self.remedy = "Terminate the instance and create it again; keep the tenant server's log."


class CallRefused(DependencyFailure):
    """An Odoo refused a call of ours; what it said."""

    def __init__(self, path: str, said: str) -> None:
        self.path, self.said = path, said
        super().__init__(f"{path} was refused: {said}")
        self.remedy = "Mend what it says, then try again."


class DemoFailed(DependencyFailure):
    def __init__(self, subject: str, state: str, reason: str) -> None:
        self.subject, self.state, self.reason = subject, state, reason
        super().__init__(f"{subject} is {state}: {reason or 'it took too long'}.")
        self.remedy = "Look at its log in the back office (`tenantry master url`)."


class ProbeFailed(DependencyFailure):
    """I5: the public route did not answer as it must."""

    retryable = True

    def __init__(self, url: str, expected: int, answer: str, waited_s: float) -> None:
        self.url, self.expected, self.answer = url, expected, answer
        super().__init__(f"{url} did not answer {expected} within {waited_s:.0f} s; last: {answer}.")
        self.remedy = "Check that the tenant server runs (`tenantry up`) and read its log."


class FolderNotFound(NotFound):
    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"There is no {path}, which a program needs to run.")
        self.remedy = "Correct the setting that names it, or restore it."


class FolderUnreachable(DependencyFailure):
    """Without bubblewrap a program sees what its user sees, and no more."""

    def __init__(self, path: Path, user: int, reason: str) -> None:
        self.path, self.user, self.reason = path, user, reason
        super().__init__(f"User {user} cannot use {path}, and bubblewrap does not work: {reason}")
        self.remedy = (
            "Let bubblewrap work (`apt install bubblewrap`; a container needs CAP_SYS_ADMIN), or move "
            "TENANTRY_HOME, TENANTRY_CACHE and the Python to folders that other users can enter."
        )


class ViewUnavailable(DependencyFailure):
    """A folder cannot have another name without bubblewrap."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"bubblewrap does not work here: {reason}")
        self.remedy = "Mend what it says, or run `apt install bubblewrap`."


class StoreFailure(DependencyFailure):
    """The store does not answer, or cannot do what it was asked for."""

    retryable = True

    def __init__(self, url: str, reason: str) -> None:
        self.url, self.reason = url, reason
        super().__init__(f"The store {url} failed: {reason}.")
        self.remedy = "Check its address, its disk space and the way to it, then try again."


class StoreRefused(DependencyFailure):
    def __init__(self, url: str, reason: str) -> None:
        self.url, self.reason = url, reason
        super().__init__(f"The store {url} refused us: {reason}.")
        self.remedy = "Check the credentials in secrets/stores.toml; docs/howto/archives.md says more."


class ClientNotFound(DependencyFailure):
    """pg_dump refuses a newer server, and what a newer pg_restore says an older server may not understand."""

    def __init__(self, program: str, version: int, searched: Collection[Path]) -> None:
        self.program, self.version, self.searched = program, version, tuple(searched)
        super().__init__(f"No {program} of PostgreSQL {version} was found, which the server is.")
        self.remedy = (
            f"Install postgresql-client-{version}, or set TENANTRY_PG_BIN. Searched: "
            + ", ".join(str(folder) for folder in self.searched)
            + "."
        )


class DumpFailed(DependencyFailure):
    def __init__(self, name: str, said: str) -> None:
        self.name, self.said = name, said
        super().__init__(f"The database of {name!r} could not be dumped: {said}.")
        self.remedy = (
            "If a table of somebody else's is in it, give it to the instance's role. If pg_database or "
            "pg_roles is refused, prepare the cluster as docs/howto/given-postgresql.md says."
        )


class RestoreFailed(DependencyFailure):
    """Nothing of it is left. A function of the tenant's may be what failed."""

    def __init__(self, archive: str, said: str) -> None:
        self.archive, self.said = archive, said
        super().__init__(f"The database of the archive {archive!r} could not be restored: {said}.")
        self.remedy = "Mend what it says where the archive was made, and dump again; or load an older one."
