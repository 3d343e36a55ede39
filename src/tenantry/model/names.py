"""Names: which are allowed, and which database, role and folder each leads to.

An instance's database, role and filestore are called like its subdomain. A DNS label has no
underscore and ours no double dash, so every name of our own that holds one (`template_blank`,
`spare_blank_1a2b3c4d`, `edit--blank`) can never collide with a customer's.
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
"""Owns what is inside every template and spare, and no database (see REASSIGN OWNED)."""
MAKER_ROLE = "tenantry_maker"
"""Owns each database from its creation to its label, and tells that it is ours meanwhile; logs in nowhere."""
SPAWNER_ROLE = "tenantry_spawner"
"""What the spawner reads the catalog as; it reaches nothing else."""
DUMP_ROLE = "tenantry_dump"
"""What pg_dump connects as: for as long as that takes a member of one instance's role, else of none."""
ENGINE_ROLE = "tenantry_engine"
"""The engine's role in the embedded cluster."""
SUPERUSER = "postgres"
"""Prepares the embedded cluster, and does nothing else."""

MASTER_DATABASE = "tenantry_master"
LOCAL_SERVER = "local"
"""The installation's own server: the one of the machine where the master is."""
"""The back office: its database, and the role that owns what is inside."""
MASTER_BUILDING = f"{MASTER_DATABASE}__building"
"""Where the back office is installed; it takes its name when it is whole."""

INFRASTRUCTURE_ROLES = frozenset(
    {SUPERUSER, ENGINE_ROLE, TEMPLATE_OWNER, MAKER_ROLE, SPAWNER_ROLE, MASTER_DATABASE, DUMP_ROLE}
)
"""Roles that are no instance's; a new one is added here, or it gets no password."""

CLONE_PREFIX = "clone_"
LOADING_PREFIX = "load_"
EDITING_PREFIX = "edit--"
ZYGOTE_PREFIX = "zygote_"

# Names a customer would mistake for the operator's, and names PostgreSQL keeps for itself.
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
"""Persian and Indian names are spelled with them."""
_checked = partial(validate_email, check_deliverability=False, allow_smtputf8=False, strict=True)
_CODE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class NameFault(StrEnum):
    """What speaks against a name, whoever has it."""

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
    """Return `text` if it may name an instance (I3). Raises InvalidName with a suggestion."""
    fault = instance_name_fault(text, reserved)
    if fault:
        raise InvalidName(text, _REASONS[fault], suggest(text, reserved))
    return text


def instance_name_fault(text: str, reserved: Collection[str] = RESERVED_NAMES) -> NameFault | None:
    """Judge a name for an instance (I3): what speaks against it, the first there is."""
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
    """Whether a database of that name could be an instance's, and is certainly none of our own."""
    return bool(_LABEL.fullmatch(text))


def is_instance_role(role: str) -> bool:
    """Whether a role of that name reaches one served database of its own, and nothing else of ours."""
    if role in INFRASTRUCTURE_ROLES:
        return False
    return is_label(role) or role.startswith((EDITING_PREFIX, ZYGOTE_PREFIX))


def suggest(text: str, reserved: Collection[str] = RESERVED_NAMES) -> str:
    """Turn any text, such as a company's name, into a valid name; "" if nothing is left of it."""
    label = _slug(text).strip("-")[:MAX_LENGTH].strip("-")
    if label in reserved or label.isdigit() or 0 < len(label) < MIN_LENGTH:
        label = f"{label[: MAX_LENGTH - 8]}-company"
    return label


def alternatives(name: str, taken: Collection[str], count: int = 3) -> list[str]:
    """Free names close to a taken one."""
    stem = name[: MAX_LENGTH - 4].rstrip("-")
    candidates = (f"{stem}-{number}" for number in range(2, 1000))
    return list(itertools.islice((name for name in candidates if name not in taken), count))


def server_name(text: str) -> str:
    """Return `text` if it may name a server of an installation, besides its own. Raises InvalidValue."""
    if not _CODE.fullmatch(text) or len(text) > MAX_CODE_LENGTH or text == LOCAL_SERVER:
        raise InvalidValue("server's name", text, "a name of a-z, 0-9 and dashes, other than local")
    return text


def template_code(text: str) -> str:
    """Return `text` if it may be the code of a template. Raises InvalidCode with a suggestion."""
    if not _CODE.fullmatch(text) or len(text) > MAX_CODE_LENGTH:
        raise InvalidCode(text, MAX_CODE_LENGTH, _as_code(text))
    return text


def _as_code(text: str) -> str:
    """Any text turned into a code; "" if nothing is left of it."""
    return _slug(text).lstrip("-0123456789")[:MAX_CODE_LENGTH].strip("-")


def _slug(text: str) -> str:
    """Text of any alphabet in a-z, 0-9 and single dashes; perhaps one at an end."""
    return re.sub(r"[^a-z0-9]+", "-", anyascii(text).lower())


def hostname(text: str) -> str:
    """Return a fully qualified host name as the DNS has it: lower case, ASCII. Raises InvalidValue."""
    expected = "a fully qualified name such as shop.example.com"
    try:
        name = idna.encode(text.removesuffix("."), uts46=True, std3_rules=True).decode().lower()
    except (idna.IDNAError, UnicodeError) as error:
        raise InvalidValue("host name", text, expected) from error
    *labels, last = name.split(".")
    # What cannot be seen would be left out in silence.
    if not text.isprintable() or not labels or last.isdigit() or len(last) < 2 or len(name) > MAX_HOSTNAME:
        raise InvalidValue("host name", text, expected)
    return name


def email(text: str) -> str:
    """Return an address mail can be sent to, in lower case: it is a login, and people type it either way.

    Raises InvalidValue.
    """
    expected = "an address such as admin@acme.example"
    local, _, domain = text.rpartition("@")
    try:
        # Its own rule for domains refuses those of a network of one's own, such as .local.
        local = _checked(f"{local}@example.com").local_part
        address = f"{local}@{hostname(domain)}".lower()
    except (EmailNotValidError, InvalidValue) as error:
        raise InvalidValue("email address", text, expected) from error
    if len(address) > MAX_EMAIL:
        raise InvalidValue("email address", text, expected)
    return address


def caption(text: str, field: str = "name") -> str:
    """Return a person's or a company's name, in one line, as it may stand in a mail to anybody.

    Without what cannot be seen or turns text around, and without web addresses: what a stranger types is not
    to make our mails lead to their pages. Raises InvalidValue.
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
    """Where a template is built before it is swapped in."""
    return f"template_{code}__building"


def retired_database(code: str) -> str:
    """What a template is called between being swapped out and dropped."""
    return f"template_{code}__retired"


def databases_of_template(code: str) -> tuple[str, ...]:
    """What a template is called from its building to its end, and while it is edited."""
    return (template_database(code), building_database(code), retired_database(code), editing_database(code))


def template_filestore(code: str, version: str) -> str:
    """A template's files; each version has its own, so that a swap needs no second rename."""
    return f"template_{code}@{version}"


def editing_database(code: str) -> str:
    """A template opened for editing (T5): a DNS label, for it is served like an instance."""
    return EDITING_PREFIX + code


def zygote_database(code: str, version: str) -> str:
    """The clone of a template's version that its zygote loads the registry from."""
    return f"{ZYGOTE_PREFIX}{code}_{version}"


def spare_prefix(code: str) -> str:
    return f"spare_{code}_"


def new_spare_database(code: str) -> str:
    return spare_prefix(code) + secrets.token_hex(4)


def cloning_database(instance: str) -> str:
    """A clone made for one instance because no spare was left; found again by a second run."""
    return CLONE_PREFIX + instance


def loading_database(instance: str) -> str:
    """Where an archive is loaded before it gets the instance's name; found again by a second run."""
    return LOADING_PREFIX + instance
