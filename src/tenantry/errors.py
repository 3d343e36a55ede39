"""Every error that the engine raises: a family, then a cause, with facts and a remedy.

Callers react to the family (the CLI's exit code, the API's status); the cause says what went wrong. A cause
is a dataclass of facts with two templates, SENTENCE and REMEDY, which are filled in with the facts. The back
office fills in translations of the same templates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from string import Formatter
from typing import Any, ClassVar, TypeVar, dataclass_transform

Words = str | tuple[str, ...]
"""A template in the form of `str.format`, or several: the first whose facts are all there, else the last.

The format of a row is what stands between its entries: `{missing: and }`; without one, a comma.
"""
_FACT = re.compile(r"\{(\w+)")


class TenantryError(Exception):
    """Base of all; `str(error)` is one sentence, `remedy` says what to do about it."""

    SENTENCE: ClassVar[Words] = ""
    REMEDY: ClassVar[Words] = ""
    WORDS: ClassVar[tuple[str, ...]] = ()
    """The facts that are words of the engine's, which are translated, too."""
    exit_code = 1
    retryable = False
    remedy = ""

    def __post_init__(self) -> None:
        for fact, value in vars(self).items():
            if isinstance(value, Collection) and not isinstance(value, str):
                vars(self)[fact] = tuple(value)
        sentence, self.remedy = self.told()
        self.args = (sentence,)

    @classmethod
    def remedies(cls) -> tuple[Words, ...]:
        """The templates of the remedy, sentence by sentence where they are chosen separately."""
        return (cls.REMEDY,)

    def told(self, translate: Callable[[str], str] = str) -> tuple[str, str]:
        """The sentence and the remedy. translate: from a template, or one of our words, to another language.

        Raises AttributeError without a fact: an agent of another version sent the error.
        """
        filled = _Filled(self, translate)
        remedy = " ".join(filter(None, map(filled.of, self.remedies())))
        return filled.of(self.SENTENCE) or str(self), remedy or self.remedy


class _Filled(Formatter):
    def __init__(self, error: TenantryError, translate: Callable[[str], str]) -> None:
        self._error, self._translate = error, translate

    def of(self, words: Words) -> str:
        *choices, last = (words,) if isinstance(words, str) else words
        found = next((it for it in choices if all(map(self._is_there, _FACT.findall(it)))), last)
        return self.vformat(self._translate(found) if found else "", (), {})

    def _is_there(self, fact: str) -> bool:
        return getattr(self._error, fact) not in ("", None, ())

    def get_value(self, key: int | str, _args: Any, _facts: Any) -> Any:
        value = getattr(self._error, str(key))
        if key not in self._error.WORDS:
            return value
        return self._translate(value) if isinstance(value, str) else tuple(map(self._translate, value))

    def format_field(self, value: Any, form: str) -> str:
        return (form or ", ").join(map(str, value)) if isinstance(value, tuple) else format(value, form)


_Cause = TypeVar("_Cause", bound=TenantryError)


@dataclass_transform(eq_default=False)
def cause(kind: type[_Cause]) -> type[_Cause]:
    """A class that is made from its facts."""
    return dataclass(eq=False, repr=False)(kind)


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


@cause
class InstallationNotFound(NotFound):
    """looked_at: each place, and why it was not taken.

    new: where `tenantry up` would make one; None: it may not, since what is there is not trusted.
    """

    SENTENCE = "No installation was found: {looked_at:; }."
    REMEDY = (
        "Name its folder in TENANTRY_HOME, or go there. For the first one: `tenantry up`, which makes {new}.",
        "Name its folder in TENANTRY_HOME, or go there. For the first one: `tenantry up` in another folder.",
    )
    looked_at: Collection[str]
    new: Path | None = None


@cause
class Interrupted(TenantryError):
    """The user pressed Ctrl-C. left: what is left, as the rest of the sentence."""

    SENTENCE = "Interrupted; {left}."
    exit_code = 130
    left: str
    remedy: str = ""


# ---------------------------------------------------------------- invalid input


@cause
class InvalidName(InvalidInput):
    SENTENCE = "{name!r} cannot be a name: {reason}."
    REMEDY = (
        "Use 3 to 50 lower-case letters, digits and single dashes, for example {suggestion!r}.",
        "Use 3 to 50 lower-case letters, digits and single dashes.",
    )
    WORDS = ("reason",)
    name: str
    reason: str
    suggestion: str = ""


class InvalidCode(InvalidName):
    SENTENCE = (
        "{name!r} cannot be a name: a code is a slug of at most {most} characters that begins with a letter."
    )
    REMEDY = (
        "Use 1 to {most} lower-case letters, digits and single dashes, for example {suggestion!r}.",
        "Use 1 to {most} lower-case letters, digits and single dashes.",
    )

    def __init__(self, code: str, most: int, suggestion: str = "") -> None:
        self.most = most
        super().__init__(code, "", suggestion)


@cause
class InvalidValue(InvalidInput):
    SENTENCE = "{value!r} is not a valid {field}."
    REMEDY = "Give {expected}."
    WORDS = ("field", "expected")
    field: str
    value: str
    expected: str


@cause
class InvalidRecipe(InvalidInput):
    SENTENCE = "The recipe {source} is not valid: {reason}."
    REMEDY = "Correct the recipe; docs/howto/templates.md lists its keys."
    WORDS = ("reason",)
    source: str
    reason: str


@cause
class InvalidSetting(InvalidInput):
    SENTENCE = "The setting {name} cannot be {value!r}."
    REMEDY = "Set {name} to {expected}."
    name: str
    value: str
    expected: str


@cause
class UploadRefused(InvalidInput):
    """A backup of another system that cannot be loaded, or must not be."""

    SENTENCE = "{file} cannot be loaded: {reason}."
    REMEDY = "Make the backup again, by Odoo's database manager or by pg_dump of that one database."
    file: str
    reason: str


@cause
class UnsupportedSeries(InvalidInput):
    SENTENCE = "Odoo {series} is not supported."
    REMEDY = "Use one of: {supported}."
    series: str
    supported: Collection[str]


@cause
class SameServer(InvalidInput):
    SENTENCE = "{name!r} cannot move to the server {server!r}: it is there."
    REMEDY = "Name another server."
    name: str
    server: str


@cause
class OtherInstallation(InvalidInput):
    """Servers of two installations have different keys: neither reads the other's archives."""

    SENTENCE = "{name!r} cannot move to the server {server!r}, which belongs to another installation."
    REMEDY = "Dump it into a store with `tenantry archive dump`, and load it there."
    name: str
    server: str


@cause
class ModuleNotFound(InvalidInput):
    """T7: a module of the recipe is on no addons path. similar: existing modules that may have been meant.

    The searched folders are a fact, and not in the remedy, which users of the back office read, too.
    """

    SENTENCE = "No addons path holds {modules}."
    REMEDY = (
        "Did you mean {similar}? A module of your own: add its folder to TENANTRY_ADDONS_PATH.",
        "Correct the module's name. A module of your own: add its folder to TENANTRY_ADDONS_PATH.",
    )
    modules: Collection[str]
    addons_path: Collection[Path]
    similar: Collection[str] = ()


@cause
class SealBroken(InvalidInput):
    """X5: a sealed secret cannot be read with this installation's sealing key."""

    SENTENCE = "A stored secret cannot be read: it was sealed with another key."
    REMEDY = "Restore the `sealing.key` that belongs to this database, or enter the secret anew."


@cause
class RoleWithoutPassword(InvalidInput):
    """No password can be derived for this role from this key."""

    SENTENCE = "The role {role!r} has no derived password."
    REMEDY = "Only instances' roles and those in names.INFRASTRUCTURE_ROLES have passwords."
    role: str


@cause
class StartedInside(InvalidInput):
    """The back office called the engine to start or stop servers, and is one of them itself."""

    SENTENCE = "The master cannot start or stop servers."
    REMEDY = "Run `tenantry up` or `tenantry stop` on the machine."


@cause
class NotOnRailway(InvalidInput):
    """Instances on Railway are not ours to change: there is no cluster, template or process of ours."""

    SENTENCE = "This cannot be done on the server {server!r}, whose instances run on Railway."
    REMEDY = (
        "Instances there can be created, listed, shown and terminated. For anything else use Railway's own "
        "dashboard, or a server of another runtime; see docs/howto/railway.md."
    )
    server: str


@cause
class InvalidStore(InvalidInput):
    """The address of a store of archives is not valid."""

    SENTENCE = "{url!r} cannot be used as a store of archives: {reason}."
    REMEDY = "Give a folder, or an address such as s3://bucket/folder; see docs/howto/archives.md."
    url: str
    reason: str


# ---------------------------------------------------------------- not found


@cause
class ArchiveNotFound(NotFound):
    """An archive without a manifest does not exist, such as one whose dump was killed."""

    SENTENCE = "There is no archive {archive!r} in {url}."
    REMEDY = "See `tenantry archive list {url}`."
    url: str
    archive: str


@cause
class InstanceNotFound(NotFound):
    SENTENCE = "There is no instance {name!r}."
    REMEDY = "See `tenantry instance list`."
    name: str


@cause
class TemplateNotFound(NotFound):
    """known: the codes of the templates that there are; unbuilt: those of recipes without a template."""

    SENTENCE = "There is no template {code!r}."
    code: str
    known: Collection[str] = ()
    unbuilt: Collection[str] = ()

    @classmethod
    def remedies(cls) -> tuple[Words, ...]:
        return (
            ("Did you mean {like: or }?", ""),
            ("The templates are: {known}.", "See `tenantry template list`."),
            ("Build it with `tenantry template build {buildable}`.", "Not built yet: {unbuilt}.", ""),
        )

    @property
    def like(self) -> tuple[str, ...]:
        return () if self.buildable else _similar(self.code, (*self.known, *self.unbuilt))

    @property
    def buildable(self) -> str:
        return self.code if self.code in self.unbuilt else ""


@cause
class RecipeNotFound(NotFound):
    SENTENCE = "There is no recipe {code!r}."
    REMEDY = (
        "Did you mean {like: or }? Use one of {known}, or give its modules with --module.",
        "Use one of {known}, or give its modules with --module.",
    )
    code: str
    known: Collection[str]

    @property
    def like(self) -> tuple[str, ...]:
        return _similar(self.code, self.known)


def _similar(code: str, known: Collection[str]) -> tuple[str, ...]:
    return tuple(get_close_matches(code, [*known], n=2))


@cause
class ServerNotFound(NotFound):
    SENTENCE = "There is no server {name!r}."
    REMEDY = "Use one of {known}, or add it to settings.toml."
    name: str
    known: Collection[str]


@cause
class MasterNotInstalled(NotFound):
    SENTENCE = "There is no master yet."
    REMEDY = "Run `tenantry up`, which installs it."


# ---------------------------------------------------------------- conflict


@cause
class NameTaken(Conflict):
    SENTENCE = "The name {name!r} is taken."
    REMEDY = ("Choose another name, for example {alternatives}.", "Choose another name.")
    name: str
    alternatives: Collection[str] = ()


@cause
class DatabaseExists(Conflict):
    """T7: the name is in use in the cluster."""

    SENTENCE = "The database {name!r} exists already."
    REMEDY = "Choose another name."
    name: str


@cause
class ForeignDatabase(Conflict):
    """A database has one of our names, but not our label. It is not ours, so we do not change it."""

    SENTENCE = "The database {name!r} was not created by Tenantry."
    REMEDY = (
        "Rename that database (ALTER DATABASE ... RENAME TO), or choose another name here: Tenantry "
        "never changes a database that it did not create."
    )
    name: str


@cause
class ForeignRole(Conflict):
    """A role has one of our names, but not our mark."""

    SENTENCE = "The PostgreSQL role {name!r} was not created by Tenantry."
    REMEDY = (
        "Rename that role (ALTER ROLE ... RENAME TO), or choose another name here: Tenantry never "
        "changes a role that it did not create."
    )
    name: str


@cause
class ClusterTaken(Conflict):
    """One cluster is one server's: its roles of fixed names, and every instance there.

    server: "" where only its installation's passwords tell. installation: `this` or `another`.
    """

    SENTENCE = (
        "The PostgreSQL cluster at {address} belongs to the server {server!r} "
        "of {installation} installation.",
        "The PostgreSQL cluster at {address} belongs to {installation} installation.",
    )
    REMEDY = (
        "Give this server a cluster of its own. If that one is gone, or the cluster was copied or"
        " restored, run there: COMMENT ON ROLE tenantry_dump IS 'tenantry free'; then `tenantry up`."
    )
    WORDS = ("installation",)
    address: str
    server: str
    installation: str


@cause
class DatabaseInUse(Conflict):
    SENTENCE = "The database {name!r} has open connections."
    REMEDY = "Try again once its sessions have ended."
    retryable = True
    name: str


@cause
class NotYet(Conflict):
    """An operation must wait, and returns to its caller meanwhile: when it is run again, it continues.

    Nothing has failed, and the completed steps are kept.
    """

    SENTENCE = "{subject} waits for {waits_for}."
    REMEDY = "Run it again in {after_s:.0f} s; it continues then."
    WORDS = ("subject", "waits_for")
    retryable = True
    subject: str
    waits_for: str
    after_s: float


@cause
class Busy(Conflict):
    """Another operation holds the lock."""

    SENTENCE = "Another operation is working on {subject}."
    REMEDY = "Wait for it to end, then try again."
    WORDS = ("subject",)
    retryable = True
    subject: str


@cause
class InvalidTransition(Conflict):
    SENTENCE = "{name!r} is {state}: it cannot {action}."
    REMEDY = "See its state with `tenantry instance show`."
    WORDS = ("state", "action")
    name: str
    state: str
    action: str


@cause
class NotPrepared(Conflict):
    """I5, I6: an instance with the template's identities, or without an administrator, is not published."""

    SENTENCE = "{name!r} cannot be published: {missing: and } did not run."
    REMEDY = "Run all earlier steps of the creation first, in order."
    name: str
    missing: Collection[str]


@cause
class Tampered(Conflict):
    """A customer's database prevents us from reading or writing it; a retry would not help."""

    SENTENCE = "The database of {name!r} does not behave as Odoo's does: {reason}."
    REMEDY = (
        "Check its triggers, views, policies and types: its owner may have changed them. Nothing was written."
    )
    WORDS = ("reason",)
    name: str
    reason: str


@cause
class TemplateNotReady(Conflict):
    """T3: a template that is not ready is never cloned."""

    SENTENCE = "The template {code!r} is {state}, not ready."
    REMEDY = "Wait for its build, or run `tenantry template build {code}`."
    WORDS = ("state",)
    code: str
    state: str


@cause
class ModuleRenamed(Conflict):
    """A module that is not ours depends on one of the master's by a name that it has no more."""

    SENTENCE = "The master's module {module!r} depends on {old!r}, which is {new!r} now."
    REMEDY = "Name {new!r} in the dependencies of its manifest, then run `tenantry up`."
    module: str
    old: str
    new: str


@cause
class AdministratorMissing(Conflict):
    """The customer deleted or archived the user that Odoo calls its administrator."""

    SENTENCE = "{name!r} has no administrator: the user was archived or deleted there."
    REMEDY = "Another administrator of this Odoo can unarchive the user, under Settings, Users."
    name: str


@cause
class TenantModuleMissing(Conflict):
    """I13: without this module an instance cannot enforce limits."""

    SENTENCE = "{name!r} was created without the module saas_tenant: it cannot enforce limits."
    REMEDY = "Rebuild its template, and install saas_tenant in the instance."
    name: str


@cause
class ArchiveDamaged(Conflict):
    """Objects in the store are missing or were changed; nothing of the archive was used."""

    SENTENCE = "The archive {archive!r} is damaged: {reason}."
    REMEDY = "Load another archive, or restore the object from a copy of the store."
    archive: str
    reason: str


@cause
class ArchiveNotTrusted(Conflict):
    """Anybody who can write to the store can add an archive, so only signed archives are loaded."""

    SENTENCE = "The archive {archive!r} was not signed by this installation, but by {signer}."
    REMEDY = (
        "If another installation that you trust made it, give that installation's public key, which "
        "`tenantry archive key` shows there."
    )
    archive: str
    signer: str


@cause
class BackupsUnreadable(Conflict):
    """Without their manifests nobody knows which files they need, so no file was removed."""

    SENTENCE = "No files were removed from {url}, because these backups cannot be read: {backups}."
    REMEDY = (
        "See why with `tenantry backup show`; those beyond repair are removed by `tenantry backup remove`."
    )
    url: str
    backups: Collection[str]


@cause
class FinalBackupFailed(DependencyFailure):
    """The instance is as it was: nothing is dropped without a backup, unless somebody wants that."""

    SENTENCE = "{name!r} was not terminated, because its final backup failed: {reason}"
    REMEDY = "Fix the cause and try again, or terminate it without a backup (--without-backup)."
    retryable = True
    name: str
    reason: str


@cause
class ArchiveKeyMissing(Conflict):
    SENTENCE = "No key of this installation can decrypt the archive {archive!r}."
    REMEDY = (
        "Add the private key of one of these recipients to secrets/archive.key, on a line of its own: "
        "{recipients}."
    )
    archive: str
    recipients: Collection[str]


@cause
class BackupNotWhole(Conflict):
    """It was restored, and is not what was backed up, or lacks what its own database needs."""

    SENTENCE = "The backup {backup!r} is not whole: {differences}."
    REMEDY = "Make another backup; if it is not whole either, the instance itself lacks these files or rows."
    backup: str
    differences: Collection[str]


@cause
class BackupNotServed(Conflict):
    """A real Odoo was given the restored backup."""

    SENTENCE = "The backup {backup!r} cannot be served: {reason}."
    REMEDY = "See whether the instance itself can be; Odoo's log is {log}."
    backup: str
    reason: str
    log: Path


@cause
class BackupNotCounted(Conflict):
    """Nothing is wrong as far as it is known, but not all of it is known."""

    SENTENCE = "Not everything in the backup {backup!r} could be compared: {unknown}."
    REMEDY = "Make another backup; what is named here cannot be read with the instance's own rights."
    backup: str
    unknown: Collection[str]


@cause
class MoveUnsupported(Conflict):
    SENTENCE = "{name!r} needs {needs}; the server {server!r} has {here}."
    REMEDY = "Move it to a server that has it, or upgrade it first."
    name: str
    server: str
    needs: str
    here: str


@cause
class ArchiveUnsupported(Conflict):
    """The archive is complete, but needs newer software than this installation has."""

    SENTENCE = "The archive {archive!r} needs {needs}; this installation has {here}."
    REMEDY = "Load it into an installation that has it, or upgrade this one first."
    archive: str
    needs: str
    here: str


@cause
class UploadUnsupported(Conflict):
    """A backup of another system that this server's Odoo cannot run."""

    SENTENCE = "{file} is of {needs}; this server runs {here}."
    REMEDY = "Load it on a server that runs its version of Odoo: tenantry --server NAME archive import."
    file: str
    needs: str
    here: str


# ---------------------------------------------------------------- dependencies


@cause
class RailwayUnreachable(DependencyFailure):
    """Railway did not answer. What was asked may have been done: it is looked up before it is asked again."""

    SENTENCE = "Railway at {url} does not answer: {reason}."
    REMEDY = "Check the network, and Railway's state at https://status.railway.com, then try again."
    retryable = True
    url: str
    reason: str


@cause
class RailwayRefused(DependencyFailure):
    """request: the name of Railway's own query or mutation."""

    SENTENCE = "Railway refused {request}: {reason}."
    REMEDY = "Fix what its message says, then try again."
    request: str
    reason: str


@cause
class RailwayQuotaExceeded(DependencyFailure):
    SENTENCE = "Railway's plan does not allow {request}: {reason}."
    REMEDY = "Upgrade the plan of the workspace in Railway's dashboard, or delete projects there."
    request: str
    reason: str


@cause
class RailwayDeploymentFailed(DependencyFailure):
    """status: Railway's word. reason: the last lines of the deployment's log."""

    SENTENCE = (
        "The deployment of {service} on Railway ended as {status}: {reason}.",
        "The deployment of {service} on Railway ended as {status}.",
    )
    REMEDY = "Check the image and the plan of the workspace, then create the instance again."
    service: str
    status: str
    reason: str = ""


@cause
class PostgresUnreachable(DependencyFailure):
    """T7."""

    SENTENCE = "PostgreSQL at {address} does not answer: {reason}."
    REMEDY = "Check that it runs (`tenantry up`) and that TENANTRY_PG_DSN is right."
    retryable = True
    address: str
    reason: str


@cause
class InsufficientRights(DependencyFailure):
    """T7: the engine's role lacks CREATEDB or CREATEROLE."""

    SENTENCE = "The PostgreSQL role {role!r} lacks {missing: and }."
    REMEDY = 'As a superuser: ALTER ROLE "{role}" {missing: };'
    role: str
    missing: Collection[str]


@cause
class RoleNotAdministered(DependencyFailure):
    """Another role made it: from PostgreSQL 16 on, CREATEROLE alone does not allow changing it."""

    SENTENCE = "The PostgreSQL role {by!r} may not change the role {role!r}."
    REMEDY = 'As a superuser: GRANT "{role}" TO "{by}" WITH ADMIN OPTION;'
    role: str
    by: str


@cause
class PostgresFailure(DependencyFailure):
    """PostgreSQL refused a statement, for a reason without a class of its own."""

    SENTENCE = "PostgreSQL refused to {action}: {reason}."
    REMEDY = "Read PostgreSQL's log."
    action: str
    reason: str


@cause
class PostgresNotFound(DependencyFailure):
    SENTENCE = "No PostgreSQL server programs were found."
    REMEDY = "Install postgresql, or set TENANTRY_PG_DSN. Searched: {searched}."
    searched: Collection[str]


@cause
class MailServerFailed(DependencyFailure):
    SENTENCE = "The mail server {address} did not take a mail: {reason}."
    REMEDY = "Check its address, its port, how it is encrypted, the login and the sender."
    retryable = True
    address: str
    reason: str


@cause
class MailServerNotSet(NotFound):
    SENTENCE = "No mail server is set."
    REMEDY = "Set one: `tenantry mail set --help`."


@cause
class KeyLost(DependencyFailure):
    """A key is missing or empty while others exist: existing data could not be read with a new one."""

    SENTENCE = "The key {file} is missing or empty."
    REMEDY = "Restore it from your backup of {file.parent}."
    file: Path


@cause
class OdooNotFound(DependencyFailure):
    """T7."""

    SENTENCE = "Odoo {series} was not found."
    REMEDY = "Set ODOO_SOURCE to its folder. Tried: {searched:; }."
    series: str
    searched: Collection[str]


@cause
class CaddyNotFound(DependencyFailure):
    """There is no wheel for this machine, or the Python environment lacks it."""

    SENTENCE = "The program Caddy, the reverse proxy of the tenants, was not found."
    REMEDY = "Install the Python package {package} into Tenantry's environment."
    package: str


@cause
class ContainerEngineFailure(DependencyFailure):
    """The Docker engine does not answer, or it cannot get the image."""

    SENTENCE = "The Docker engine at {engine} cannot run the image {image}: {reason}."
    REMEDY = "Check that it runs and lets us in (TENANTRY_DOCKER_HOST), and the image (TENANTRY_IMAGE)."
    retryable = True
    engine: str
    image: str
    reason: str


@cause
class ImageOfOtherSeries(DependencyFailure):
    SENTENCE = "The image {image} has Odoo {there}, and this server runs Odoo {series}."
    REMEDY = (
        "Choose an image of Odoo {series} with TENANTRY_IMAGE, or another series with TENANTRY_ODOO_SERIES."
    )
    image: str
    there: str
    series: str


@cause
class FirewallMissing(DependencyFailure):
    SENTENCE = "The containers' firewall is not in force: {reason}."
    REMEDY = "`tenantry --server {server} up` sets its rules. It needs iptables, and root."
    server: str
    reason: str


@cause
class ProtectionsMissing(DependencyFailure):
    """missing: each with its reason."""

    SENTENCE = "Instances are not separated by {missing:; }."
    REMEDY = "See docs/isolation.md for what is possible without it, and how to enable it."
    missing: Collection[str]


@cause
class PythonTooOld(DependencyFailure):
    SENTENCE = "The master cannot run on Python {version} ({python})."
    REMEDY = "Use an Odoo that runs on Python 3.11 or newer: see ODOO_SOURCE in the settings."
    python: Path
    version: str


@cause
class PackagesNotInstalled(DependencyFailure):
    SENTENCE = "The master's Python packages are not installed in {folder} yet."
    REMEDY = "`tenantry up` installs them."
    folder: Path


@cause
class DamagedDownload(DependencyFailure):
    SENTENCE = "The download of the package {package} is missing or damaged."
    REMEDY = "Try again."
    retryable = True
    package: str


@cause
class DanglingLinks(DependencyFailure):
    """Without these fonts or libraries Odoo would answer some pages with 500, so it is not used."""

    SENTENCE = "Broken links in {root}: {names}."
    REMEDY = "Find the Debian package that contains these files now, and report it as a bug."
    root: Path
    links: Collection[Path]

    @property
    def names(self) -> tuple[Path, ...]:
        return tuple(link.relative_to(self.root) for link in self.links)


@cause
class InitialisationTimeout(DependencyFailure):
    """T7."""

    SENTENCE = "Odoo did not initialise {database!r} within {timeout_s:.0f} s."
    REMEDY = "Raise TENANTRY_INIT_TIMEOUT_S; Odoo's log is {log}."
    database: str
    timeout_s: float
    log: Path


@cause
class InitialisationFailed(DependencyFailure):
    SENTENCE = "Odoo could not initialise {database!r}: {reason}."
    REMEDY = "Read Odoo's log, {log}."
    database: str
    reason: str
    log: Path


@cause
class ModulesNotInstalled(DependencyFailure):
    """T2: Odoo ended without an error, but modules of the recipe are not installed."""

    SENTENCE = "Odoo did not install {modules}."
    REMEDY = "Read Odoo's log, {log}."
    modules: Collection[str]
    log: Path


@cause
class ProgramFailed(DependencyFailure):
    SENTENCE = "{program} ended with {program_exit_code}: {output}"
    REMEDY = "Fix what its message says, then try again."
    program: str
    program_exit_code: int
    output: str


@cause
class ProgramNotFound(DependencyFailure):
    SENTENCE = "The program {program!r} is not installed on this machine."
    REMEDY = "Install {program}."
    program: str


@cause
class CannotMirror(DependencyFailure):
    """Without rtlcss the template's pages would have a wrong layout in right-to-left languages."""

    SENTENCE = "The pages for {languages} cannot be mirrored: rtlcss is missing."
    REMEDY = "Run npm install --global rtlcss; `tenantry doctor` shows whether it is found."
    languages: Collection[str]


@cause
class ProgramTimeout(DependencyFailure):
    SENTENCE = "{program} did not end within {timeout_s:.0f} s."
    REMEDY = "Check the machine's load, then try again."
    retryable = True
    program: str
    timeout_s: float


@cause
class ServerNotStarted(DependencyFailure):
    SENTENCE = "{server} did not start: {reason}."
    REMEDY = "Read its log, {log}."
    server: str
    reason: str
    log: Path


@cause
class TenantServerSilent(DependencyFailure):
    SENTENCE = "The tenant server does not answer."
    REMEDY = (
        "`tenantry --server {server} up` starts it; `tenantry --server {server} doctor` says what it lacks."
    )
    server: str


@cause
class DiskNearlyFull(DependencyFailure):
    SENTENCE = "Only {free_percent} % of the disk of {folder} is free."
    REMEDY = "Free some of it, or use a bigger one: the server gets no new instances below {least_percent} %."
    folder: str
    free_percent: int
    least_percent: int


@cause
class PortTaken(DependencyFailure):
    """A server does not change its port by itself, because proxies and bookmarks would no longer work.

    reason: the name of the system's error, such as EADDRINUSE. variable: the setting of the port, or "".
    holder: the program that has the port, if we may see it.
    """

    SENTENCE = (
        "{server} cannot listen on port {port} ({reason}): {holder} listens there.",
        "{server} cannot listen on port {port} ({reason}).",
    )
    REMEDY = (
        "End {holder}, or choose another port with {variable}.",
        "End {holder}.",
        "End the program that listens there (`ss -ltnp sport = :{port}` names it), or choose another port "
        "with {variable}.",
        "End the program that listens there (`ss -ltnp sport = :{port}` names it).",
    )
    retryable = True
    server: str
    port: int
    reason: str
    variable: str = ""
    holder: str = ""


@cause
class AgentLost(DependencyFailure):
    """The agent ended, or the connection to it was lost; the running operation ended with it."""

    SENTENCE = "The connection to the engine's agent was lost: {reason}."
    REMEDY = "Run it again; it continues where it stopped. `tenantry up` starts missing servers."
    retryable = True
    reason: str


@cause
class NotOffered(DependencyFailure):
    """The agent is asked for something that it does not do, as one of another version is."""

    SENTENCE = "The engine's agent does not offer {method!r}."
    REMEDY = "Upgrade the older Tenantry: the caller's, or the agent's."
    method: str


@cause
class AgentFailed(DependencyFailure):
    """The engine raised an error that is not one of its own classes."""

    SENTENCE = "The engine's agent met an unexpected error, {kind}."
    REMEDY = "Read the agent's log, agent.log, which has the full error."
    kind: str


@cause
class FilestoreFailure(DependencyFailure):
    """The disk is full or not writable; incomplete copies were removed."""

    SENTENCE = "The filestore {folder} could not be written: {reason}."
    REMEDY = "Free some disk space, or correct the folder's permissions, then try again."
    folder: Path
    reason: str


@cause
class LoginRefused(DependencyFailure):
    SENTENCE = "{url} refused the login of {login!r}."
    REMEDY = "Terminate the instance and create it again; keep the tenant server's log."
    url: str
    login: str


@cause
class CallRefused(DependencyFailure):
    """An Odoo refused a call of ours. said: its message."""

    SENTENCE = "{path} was refused: {said}"
    REMEDY = "Fix what its message says, then try again."
    path: str
    said: str


@cause
class DemoFailed(DependencyFailure):
    SENTENCE = ("{subject} is {state}: {reason}.", "{subject} is {state}: it took too long.")
    REMEDY = "Read its log in the back office (`tenantry master url`)."
    subject: str
    state: str
    reason: str


@cause
class MoveDiffers(DependencyFailure):
    """The copy was removed; the instance serves at the server where it was."""

    SENTENCE = "The copy of {name!r} on the server {server!r} differs in {differences}."
    REMEDY = "Move it again; if it differs again, look for a trigger or a default in these tables."
    name: str
    server: str
    differences: Collection[str]


@cause
class ProbeFailed(DependencyFailure):
    """I5: the public route did not give the expected answer."""

    SENTENCE = "{url} did not answer {expected} within {waited_s:.0f} s; last: {answer}."
    REMEDY = "Check that the tenant server runs (`tenantry up`) and read its log."
    retryable = True
    url: str
    expected: int
    answer: str
    waited_s: float


@cause
class FolderNotFound(NotFound):
    SENTENCE = "{path} does not exist, but a program needs it to run."
    REMEDY = "Correct the setting with this path, or restore the folder."
    path: Path


@cause
class FolderUnreachable(DependencyFailure):
    """Without bubblewrap a program can use only what its user can access."""

    SENTENCE = "User {user} cannot use {path}, and bubblewrap does not work: {reason}"
    REMEDY = (
        "Make bubblewrap work (`apt install bubblewrap`; a container needs CAP_SYS_ADMIN), or move "
        "TENANTRY_HOME, TENANTRY_CACHE and the Python to folders that other users can enter."
    )
    path: Path
    user: int
    reason: str


@cause
class ViewUnavailable(DependencyFailure):
    """The view needs bubblewrap, because a folder has another path in it."""

    SENTENCE = "bubblewrap does not work here: {reason}"
    REMEDY = "Fix what its message says, or run `apt install bubblewrap`."
    reason: str


@cause
class StoreFailure(DependencyFailure):
    """The store does not answer, or a request to it failed."""

    SENTENCE = "The store {url} failed: {reason}."
    REMEDY = "Check its address, its disk space and the network, then try again."
    retryable = True
    url: str
    reason: str


@cause
class StoreRefused(DependencyFailure):
    SENTENCE = "The store {url} refused access: {reason}."
    REMEDY = "Check the credentials in secrets/stores.toml; see docs/howto/archives.md."
    url: str
    reason: str


@cause
class ClientNotFound(DependencyFailure):
    """pg_dump refuses newer servers, and older servers may refuse what a newer pg_restore sends."""

    SENTENCE = "No {program} of PostgreSQL {version}, the server's version, was found."
    REMEDY = "Install postgresql-client-{version}, or set TENANTRY_PG_BIN. Searched: {searched}."
    program: str
    version: int
    searched: Collection[Path]


@cause
class DumpFailed(DependencyFailure):
    SENTENCE = "The database of {name!r} could not be dumped: {said}."
    REMEDY = (
        "If another role owns a table in it, change the owner to the instance's role. If access to "
        "pg_database or pg_roles is refused, prepare the cluster as docs/howto/given-postgresql.md says."
    )
    name: str
    said: str


@cause
class ExportFailed(DependencyFailure):
    SENTENCE = "{file} could not be written: {reason}."
    REMEDY = "Give a new file, in a folder that you may write to, on a disk with enough free space."
    file: str
    reason: str


@cause
class RestoreFailed(DependencyFailure):
    """The incomplete database was removed. The cause may be a function of the tenant."""

    SENTENCE = "The database of the archive {archive!r} could not be restored: {said}."
    REMEDY = "Fix the cause in the original instance and dump it again, or load an older archive."
    archive: str
    said: str


# ---------------------------------------------------------------- access


@cause
class RailwayTokenMissing(AccessRefused):
    SENTENCE = "The server {server!r} has no token for Railway."
    REMEDY = "Make a workspace token in Railway's dashboard, then run `tenantry server token {server}`."
    server: str


@cause
class RailwayTokenRefused(AccessRefused):
    SENTENCE = "Railway refused the token of the server {server!r}: {reason}."
    REMEDY = (
        "Make a token of the right workspace in Railway's dashboard (a project's token is not enough), then "
        "run `tenantry server token {server}`."
    )
    server: str
    reason: str
