"""The names and formats that the engine and a tenant's process share. Both load this file.

A tenant's Odoo has a link to this file beside our addons, and no other file of the engine
(`odoo.own_addons`). There it is `odoo.addons.saas_agreed`. So it must run on Python 3.10 with the standard
library only.
"""

from __future__ import annotations

import array
import json
import mmap
import os
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import IntEnum
from typing import Any

PROCESS_MODULE = "saas_process"
"""Loaded server-wide in a tenant's process, and installed in no database."""
ZYGOTE_PROGRAM = "start_zygote.py"
"""In that module: the program of a zygote. Its argument is the number of an inherited channel."""
CONTAINER_PROGRAM = "start_container.py"
"""In that module: the program of a container. Its argument is the path of the channel's socket."""
LOOPBACK_PORT = 8069
"""Where a tenant's process in a container listens for programs in the same container."""
LOOPBACK_HEALTH = f"http://127.0.0.1:{LOOPBACK_PORT}/web/health"
TENANT_MODULE = "saas_tenant"
"""Installed in every template."""

# ---------------------------------------------------------------- a tenant's database, folder and addresses

ENTITLEMENTS_PARAMETER = f"{TENANT_MODULE}.entitlements"
"""The key in `ir_config_parameter` of the signed entitlements."""
SUPPORT_PARAMETER = f"{TENANT_MODULE}.support_access"
"""The key by which the instance's administrators allow support sessions."""
SESSIONS_FOLDER, TEMPORARY_FOLDER = ".sessions", ".tmp"
"""Folders of the process in the instance's filestore, beside the files."""
ASIDE_FOLDER = ".aside"
"""In the filestore; for each day a folder with the garbage of that day, for dumps that began before."""
LOGIN_PATH = "/saas/login"
"""The path of login links; the signed statement is the parameter `token`."""
GENERATED_ROUNDS = 1_000
"""The rounds in the hash of a password that the engine generated. Odoo hashes it with more rounds when
somebody logs in with it: a hash with so few says that nobody ever used the password."""

INTERNAL_USERS = """
    WITH RECURSIVE internal (id) AS (
        SELECT res_id FROM ir_model_data WHERE module = 'base' AND name = 'group_user'
        UNION SELECT gid FROM res_groups_implied_rel JOIN internal ON hid = internal.id
    ), internal_user (id, active) AS (
        SELECT id, active FROM res_users
         WHERE NOT share OR id IN (SELECT uid FROM res_groups_users_rel JOIN internal ON gid = internal.id)
    )
"""
"""A prefix for queries of `internal_user`. Odoo's models maintain `share`; SQL may change the groups only."""

NEXT_DUE = """
    SELECT extract(epoch FROM least(
        (SELECT min(nextcall) FROM ir_cron WHERE active),
        (SELECT min(call_at) FROM ir_cron_trigger WHERE cron_id IN (SELECT id FROM ir_cron WHERE active))
    ) - (now() AT TIME ZONE 'UTC'))::float8
"""
"""Seconds until the next scheduled job is due, by the database's clock; NULL without jobs."""

# ---------------------------------------------------------------- signed statements

ENTITLEMENTS, LOGIN, SUPPORT = "entitlements", "login", "support"
"""The purposes of a statement."""
PAST_DUE = "past_due"
"""The state in entitlements for which customers see a banner."""


@dataclass(frozen=True)
class EntitlementFacts:
    """users: the limit of internal users. storage_gb: the limit of database and files. 0: unlimited.

    expires_at: ISO 8601 with a UTC offset, or "" for no end.
    state: the state of the subscription, such as `past_due`, or "".
    upgrade_url: the page where the customer can upgrade the plan.
    provider, provider_email, provider_url: whom the customer asks otherwise; the name, the address, the page.
    """

    users: int = 0
    storage_gb: float = 0
    expires_at: str = ""
    state: str = ""
    upgrade_url: str = ""
    plan: str = ""
    provider: str = ""
    provider_email: str = ""
    provider_url: str = ""


# ---------------------------------------------------------------- messages of spawner, zygote and process


@dataclass(frozen=True)
class Limits:
    """Limits of one tenant's process. At a limit, requests wait, or the process ends and is started again.

    idle_s: how long there must be no request before it sleeps. stay_for_job_s: a job that is due within this
    time keeps the process awake. threads: requests at the same time. recycle_bytes: a larger process ends.
    """

    memory_bytes: int = 2 * 2**30
    recycle_bytes: int = 512 * 2**20
    tasks: int = 256
    threads: int = 8
    websockets: int = 200
    connections: int = 20
    request_s: int = 900
    job_s: int = 1200
    idle_s: float = 300
    stay_for_job_s: float = 40


@dataclass(frozen=True)
class LoadOrder:
    """A spawner's first message to a zygote.

    database: the database to load the registry from, with its role's password; "": a plain zygote.
    options: Odoo's options.
    """

    database: str
    password: str = field(repr=False)
    options: Mapping[str, str]


@dataclass(frozen=True)
class Ready:
    """A zygote's message after it has loaded, with its own pidfd. landlock_abi: 0: no Landlock."""

    landlock_abi: int


@dataclass(frozen=True)
class ForkOrder:
    """A spawner's order to fork a tenant's process. serial: the number of the order.

    Its descriptors: the listening socket, the log, the board, and the reading end of the pipe for the
    `TenantOrder`.
    """

    name: str
    serial: int


@dataclass(frozen=True)
class Forked(ForkOrder):
    """A zygote's answer to a ForkOrder, with a pidfd of the tenant's process."""


@dataclass(frozen=True)
class MailAccess:
    """A tenant's login at the mail relay.

    socket: the path of a UNIX socket that gives connections to the relay, for processes in a container; "":
    they connect by themselves.
    """

    host: str
    port: int
    user: str
    password: str = field(repr=False)
    socket: str = ""


@dataclass(frozen=True)
class TenantOrder:
    """The order to one tenant's process: one line of JSON that no other process reads.

    password: of the tenant's role. uid, gid: the process's own user and group; None: those of the spawner.
    folder: the filestore. readable: the folders with code. public_key, identity, links_since, is_provided:
    see `saas_process.facts`. is_for_jobs: a scheduled job woke the tenant. front: host and port. mail: None:
    the operator has set no mail server. is_successor: another process serves the tenant, which ends when this
    one has drawn a first page.
    """

    name: str
    password: str = field(repr=False)
    uid: int | None
    gid: int | None
    folder: str
    readable: Sequence[str]
    public_key: str
    identity: str
    links_since: int
    is_provided: bool
    is_for_jobs: bool
    front: tuple[str, int]
    mail: MailAccess | None
    limits: Limits
    is_successor: bool = False

    def to_line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> TenantOrder:
        data = json.loads(line)
        mail = MailAccess(**data["mail"]) if data.get("mail") else None
        return cls(**{**data, "limits": Limits(**data["limits"]), "mail": mail})


# ---------------------------------------------------------------- the channel of a spawner and a zygote

_MAX_BYTES = 128 * 1024
_MAX_DESCRIPTORS = 8


def pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a new channel."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(channel: socket.socket, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send one message, a datagram of JSON, with file descriptors.

    Raises OSError when the other end is closed.
    """
    data = array.array("i", descriptors)
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, data)] if descriptors else []
    channel.sendmsg([json.dumps(message).encode()], ancillary)


def first_of(descriptors: Sequence[int]) -> int:
    """The only descriptor that is wanted; others are closed. Raises OSError when there is none."""
    for extra in descriptors[1:]:
        os.close(extra)
    if not descriptors:
        raise OSError("the message has no descriptor")
    return descriptors[0]


def receive(channel: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The next message and its file descriptors; None instead of a message when the other end is closed."""
    space = socket.CMSG_LEN(_MAX_DESCRIPTORS * array.array("i").itemsize)
    data, ancillary, _flags, _address = channel.recvmsg(_MAX_BYTES, space)
    descriptors = array.array("i")
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    return (json.loads(data) if data else None), list(descriptors)


# ---------------------------------------------------------------- the page that spawner and process share

_LAYOUT = struct.Struct("<Q")


class Field(IntEnum):
    """The entries: numbers of 64 bits, in this order. Times are of the monotonic clock."""

    ENTITLED_SINCE = 0
    REQUESTS = 1
    LAST_REQUEST_NS = 2
    WEBSOCKETS = 3
    THREADS = 4
    JOBS = 5
    IS_BROKEN = 6
    HAS_CRONS = 7
    SEATS = 8
    FIRST_PAGE = 9
    """The HTTP status of the first page that a successor draws for itself; 0: not drawn yet."""
    IS_RETIRED = 10
    """When it is asked to end, it has time to finish: another process serves the tenant now."""


class Board:
    """A page of memory that a spawner and a tenant's process share.

    The tenant can write all of it: the spawner must not use its entries for decisions about other tenants.
    """

    SIZE_BYTES = 4096

    def __init__(self, descriptor: int) -> None:
        self._memory = mmap.mmap(descriptor, self.SIZE_BYTES)

    def __getitem__(self, entry: Field) -> int:
        value: int = _LAYOUT.unpack_from(self._memory, entry * _LAYOUT.size)[0]
        return value

    def __setitem__(self, entry: Field, value: int) -> None:
        _LAYOUT.pack_into(self._memory, entry * _LAYOUT.size, value)

    def note_request(self) -> None:
        """Count a request. Call it in one thread at a time."""
        self[Field.REQUESTS] += 1
        self[Field.LAST_REQUEST_NS] = time.monotonic_ns()

    def close(self) -> None:
        self._memory.close()
