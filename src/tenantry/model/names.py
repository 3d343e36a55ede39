"""Names: which ones are valid, and the names of databases, roles and folders.

An instance's database, role and filestore have the name of its subdomain. An instance's name has neither an
underscore nor a double dash, so our own names that have one (`template_blank`, `spare_blank_1a2b3c4d`,
`edit--blank`) cannot be the name of an instance.
"""

from __future__ import annotations

import itertools
import re
import secrets
import unicodedata
from collections.abc import Collection
from enum import StrEnum
from functools import partial

import idna
from anyascii import anyascii
from email_validator import EmailNotValidError, validate_email

from tenantry.errors import InvalidCode, InvalidName, InvalidValue

MIN_LENGTH, MAX_LENGTH = 3, 50
MAX_HOSTNAME, MAX_EMAIL, MAX_CAPTION = 253, 254, 200
MAX_CODE_LENGTH = 32

TEMPLATE_OWNER = "tenantry_template"
"""Owns the objects in every template and spare, but no database (because of REASSIGN OWNED)."""
MAKER_ROLE = "tenantry_maker"
"""Owns each new database until it has its label: this shows that the database is ours. It cannot log in."""
SPAWNER_ROLE = "tenantry_spawner"
"""The spawner reads the catalog with this role, which can do nothing else."""
DUMP_ROLE = "tenantry_dump"
"""The role of pg_dump. During a dump it is a member of one instance's role, otherwise of no role."""
ENGINE_ROLE = "tenantry_engine"
"""The engine's role in the embedded cluster."""
SUPERUSER = "postgres"
"""Used only to prepare the embedded cluster."""

LOCAL_SERVER = "local"
"""The installation's own server, on the machine of the master."""
MASTER_DATABASE = "tenantry_master"
"""The back office's database, and the role that owns the objects in it."""
MASTER_BUILDING = f"{MASTER_DATABASE}__building"
"""The name of the back office's database until its installation is complete."""

INFRASTRUCTURE_ROLES = frozenset(
    {SUPERUSER, ENGINE_ROLE, TEMPLATE_OWNER, MAKER_ROLE, SPAWNER_ROLE, MASTER_DATABASE, DUMP_ROLE}
)
"""The roles that are not instances'. A new one must be added here to get a password."""

CLONE_PREFIX = "clone_"
LOADING_PREFIX = "load_"
STAGING_PREFIX = "stage_"
FORMER_PREFIX = "former_"
PROOF_PREFIX = "proof_"
RESTORING_PREFIX = "restore_"
KEPT_PREFIX = "kept_"
ASIDE_PREFIX = "aside_"
LOST_PREFIX = "lost_"
EDITING_PREFIX = "edit--"
ZYGOTE_PREFIX = "zygote_"

# Names that look as if they were the operator's, and names that PostgreSQL reserves.
RESERVED_NAMES = frozenset(
    """
    abuse account accounts admin administrator api app apps assets auth autoconfig autodiscover
    backup backups billing blog cdn console dashboard demo-admin dev dns docs download edge email
    erp ftp git grafana help host hostmaster imap info internal isatap ldap localdomain localhost
    login mail manage manager master metrics monitor monitoring mta-sts mx my news noreply ns1 ns2
    ns3 ntp odoo office operator pop pop3 portal postgres postgresql postmaster private prometheus
    proxy public register root saas secure security server shop-admin signin signup smtp sso staging
    static status support sysadmin system template0 template1 templates tenantry test test-admin
    usenet vpn web webdisk webhook webhooks webmail webmaster wiki wpad www www1 www2
    none current-user current-role session-user user default
    """.split()  # noqa: SIM905
)

_LABEL = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_WEB_ADDRESS = re.compile(r"(?i:://|\bhttps?:|\bwww\.)|@\S+\.|\.([a-z]{2,}|[A-Z]{2,})[/?#:]\S")
_ZERO_WIDTH_NON_JOINER, _ZERO_WIDTH_JOINER = "\u200c", "\u200d"
"""Persian and Indian names may contain these."""
_checked = partial(validate_email, check_deliverability=False, allow_smtputf8=False, strict=True)
_CODE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class NameFault(StrEnum):
    """Why a name is invalid."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    UPPER_CASE = "upper_case"
    CHARACTERS = "characters"
    DIGITS = "digits"
    RESERVED = "reserved"


_REASONS = {
    NameFault.TOO_SHORT: f"it is shorter than {MIN_LENGTH} characters",
    NameFault.TOO_LONG: f"it is longer than {MAX_LENGTH} characters",
    NameFault.UPPER_CASE: "it has upper-case letters",
    NameFault.CHARACTERS: "only a-z, 0-9 and single dashes between them are allowed",
    NameFault.DIGITS: "it is only a number",
    NameFault.RESERVED: "it is reserved",
}


def instance_name(text: str, reserved: Collection[str] = RESERVED_NAMES) -> str:
    """Return `text` if it is a valid name of an instance (I3). Raises InvalidName with a suggestion."""
    fault = instance_name_fault(text, reserved)
    if fault:
        raise InvalidName(text, _REASONS[fault], suggest(text, reserved))
    return text


def instance_name_fault(text: str, reserved: Collection[str] = RESERVED_NAMES) -> NameFault | None:
    """The first reason why a name is invalid for an instance (I3); None when it is valid."""
    if len(text) < MIN_LENGTH:
        return NameFault.TOO_SHORT
    if len(text) > MAX_LENGTH:
        return NameFault.TOO_LONG
    if text != text.lower():
        return NameFault.UPPER_CASE
    if not _LABEL.fullmatch(text):
        return NameFault.CHARACTERS
    if text.isdigit():
        return NameFault.DIGITS
    return NameFault.RESERVED if text in reserved else None


def is_label(text: str) -> bool:
    """Whether a database of this name can be an instance's; our other databases have no such names."""
    return bool(_LABEL.fullmatch(text))


def is_instance_role(role: str) -> bool:
    """Whether the role is that of an instance, of a template that is being edited, or of a zygote."""
    if role in INFRASTRUCTURE_ROLES:
        return False
    return is_label(role) or role.startswith((EDITING_PREFIX, ZYGOTE_PREFIX))


def suggest(text: str, reserved: Collection[str] = RESERVED_NAMES) -> str:
    """Turn any text, such as a company's name, into a valid name; "" if it has no usable characters."""
    label = _slug(text).strip("-")[:MAX_LENGTH].strip("-")
    if label in reserved or label.isdigit() or 0 < len(label) < MIN_LENGTH:
        label = f"{label[: MAX_LENGTH - 8]}-company"
    return label


def alternatives(name: str, taken: Collection[str], count: int = 3) -> list[str]:
    """Free names that are similar to a taken one."""
    stem = name[: MAX_LENGTH - 4].rstrip("-")
    candidates = (f"{stem}-{number}" for number in range(2, 1000))
    return list(itertools.islice((name for name in candidates if name not in taken), count))


def server_name(text: str) -> str:
    """Return `text` if it is a valid name of a further server. Raises InvalidValue."""
    if not _CODE.fullmatch(text) or len(text) > MAX_CODE_LENGTH or text == LOCAL_SERVER:
        raise InvalidValue("server's name", text, "a name of a-z, 0-9 and dashes, other than local")
    return text


def template_code(text: str) -> str:
    """Return `text` if it is a valid code of a template. Raises InvalidCode with a suggestion."""
    if not _CODE.fullmatch(text) or len(text) > MAX_CODE_LENGTH:
        raise InvalidCode(text, MAX_CODE_LENGTH, code_of(text))
    return text


def code_of(text: str) -> str:
    """Turn any text into a code; "" if it has no usable characters."""
    return _slug(text).lstrip("-0123456789")[:MAX_CODE_LENGTH].strip("-")


def _slug(text: str) -> str:
    """Transliterate text into a-z, 0-9 and single dashes. It may begin or end with a dash."""
    return re.sub(r"[^a-z0-9]+", "-", anyascii(text).lower())


def hostname(text: str) -> str:
    """Return a fully qualified host name in lower case, ASCII-encoded as in DNS. Raises InvalidValue."""
    expected = "a fully qualified name such as shop.example.com"
    try:
        name = idna.encode(text.removesuffix("."), uts46=True, std3_rules=True).decode().lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise InvalidValue("host name", text, expected) from error
    *labels, last = name.split(".")
    # idna would silently remove invisible characters.
    if not text.isprintable() or not labels or last.isdigit() or len(last) < 2 or len(name) > MAX_HOSTNAME:
        raise InvalidValue("host name", text, expected)
    return name


def email(text: str) -> str:
    """Return a valid email address in lower case: it is a login, and people type logins in either case.

    Raises InvalidValue.
    """
    expected = "an address such as admin@acme.example"
    local, _, domain = text.rpartition("@")
    try:
        # `hostname` checks the domain: email_validator would refuse private domains, such as .local.
        local = _checked(f"{local}@example.com").local_part
        address = f"{local}@{hostname(domain)}".lower()
    except (EmailNotValidError, InvalidValue) as error:
        raise InvalidValue("email address", text, expected) from error
    if len(address) > MAX_EMAIL:
        raise InvalidValue("email address", text, expected)
    return address


def caption(text: str, field: str = "name") -> str:
    """Return the name of a person or a company in one line, safe to use in a mail to anybody.

    Raises InvalidValue for invisible characters, characters that change the direction of text, and web
    addresses: nobody may use our mails to send links to their own pages.
    """
    name = " ".join(unicodedata.normalize("NFC", text).split())
    visible = name.replace(_ZERO_WIDTH_NON_JOINER, "").replace(_ZERO_WIDTH_JOINER, "")
    if not name or len(name) > MAX_CAPTION or not visible.isprintable() or _WEB_ADDRESS.search(name):
        raise InvalidValue(
            field, text[:MAX_CAPTION], f"at most {MAX_CAPTION} visible characters without a web address"
        )
    return name


def template_database(code: str) -> str:
    return f"template_{code}"


def building_database(code: str) -> str:
    """The name of a template's database while it is built, before the swap."""
    return f"template_{code}__building"


def retired_database(code: str) -> str:
    """The name of an old template's database between the swap and its drop."""
    return f"template_{code}__retired"


def databases_of_template(code: str) -> tuple[str, ...]:
    """All names that a template's database can have: ready, building, retired, editing."""
    return (template_database(code), building_database(code), retired_database(code), editing_database(code))


def template_filestore(code: str, version: str) -> str:
    """The folder of a template's files. Each version has its own, so a swap renames the database only."""
    return f"template_{code}@{version}"


def editing_database(code: str) -> str:
    """The database of a template opened for editing (T5): a DNS label, because it is served."""
    return EDITING_PREFIX + code


def zygote_database(code: str, version: str) -> str:
    """The clone of a template's version from which its zygote loads the registry."""
    return f"{ZYGOTE_PREFIX}{code}_{version}"


def spare_prefix(code: str) -> str:
    return f"spare_{code}_"


def new_spare_database(code: str) -> str:
    return spare_prefix(code) + secrets.token_hex(4)


def cloning_database(instance: str) -> str:
    """A clone made for one instance when there is no spare; a second run finds it by this name."""
    return CLONE_PREFIX + instance


def loading_database(instance: str) -> str:
    """The database into which an archive is loaded; a second run finds it by this name."""
    return LOADING_PREFIX + instance


def new_proof_database() -> str:
    """A database into which a backup is restored to prove it; nothing else has the prefix."""
    return PROOF_PREFIX + secrets.token_hex(4)


def staging_folder(instance: str) -> str:
    """The folder of the files that are there already before an instance moves here."""
    return STAGING_PREFIX + instance


def former_database(instance: str) -> str:
    """The data of an instance that moved away, once another database has its name."""
    return FORMER_PREFIX + instance


def restoring_database(instance: str) -> str:
    """The database into which a backup is loaded that is to be the data of an existing instance."""
    return RESTORING_PREFIX + instance


def kept_database(instance: str) -> str:
    """The data that an instance had before a restore."""
    return KEPT_PREFIX + instance


def aside_database(instance: str) -> str:
    """The data in use, while other data takes its place: its database for a moment, and its files."""
    return ASIDE_PREFIX + instance
