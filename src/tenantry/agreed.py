"""What the engine and a tenant's process must agree on: it stands here once, and both load this file.

A tenant's Odoo sees a link to it beside our addons, and nothing else of the engine (`odoo.own_addons`). It is
`odoo.addons.saas_agreed` there. So it needs the standard library alone, and no newer Python than 3.10.
"""

from __future__ import annotations

import array
import json
import mmap
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
"""In that module: what a spawner starts, with the number of an inherited channel."""
TENANT_MODULE = "saas_tenant"
"""Installed in every template."""

# ---------------------------------------------------------------- a tenant's database, folder and addresses

ENTITLEMENTS_PARAMETER = f"{TENANT_MODULE}.entitlements"
"""The key in `ir_config_parameter` under which the engine writes what it signed."""
SUPPORT_PARAMETER = f"{TENANT_MODULE}.support_access"
"""The key under which the instance's administrators let support in."""
SESSIONS_FOLDER, TEMPORARY_FOLDER = ".sessions", ".tmp"
"""A process's own, beside the files of its filestore."""
LOGIN_PATH = "/saas/login"
"""Where a login link leads; its statement is the parameter `token`."""

INTERNAL_USERS = """
    WITH RECURSIVE internal (id) AS (
        SELECT res_id FROM ir_model_data WHERE module = 'base' AND name = 'group_user'
        UNION SELECT gid FROM res_groups_implied_rel JOIN internal ON hid = internal.id
    ), internal_user (id, active) AS (
        SELECT id, active FROM res_users
         WHERE NOT share OR id IN (SELECT uid FROM res_groups_users_rel JOIN internal ON gid = internal.id)
    )
"""
"""Before a query of `internal_user`: what Odoo's models note in `share`, SQL in the groups only."""

NEXT_DUE = """
    SELECT extract(epoch FROM least(
        (SELECT min(nextcall) FROM ir_cron WHERE active),
        (SELECT min(call_at) FROM ir_cron_trigger)
    ) - (now() AT TIME ZONE 'UTC'))::float8
"""
"""In how many seconds the next scheduled job is due, by the database's clock; NULL without any."""

# ---------------------------------------------------------------- what the engine signs

ENTITLEMENTS, LOGIN, SUPPORT = "entitlements", "login", "support"
"""The purposes of a statement."""
PAST_DUE = "past_due"
"""The state in entitlements that the customer is told of."""


@dataclass(frozen=True)
class EntitlementFacts:
    """users, storage_gb: limits of internal users and of database and files; 0 is unlimited.

    expires_at: ISO 8601 with its UTC offset, or "" when nothing ends.
    state: how the subscription is, such as `past_due`; "" for nothing.
    upgrade_url: where a limit can be raised.
    """

    users: int = 0
    storage_gb: float = 0
    expires_at: str = ""
    state: str = ""
    upgrade_url: str = ""
    plan: str = ""


# ---------------------------------------------------------------- what spawner, zygote and process say


@dataclass(frozen=True)
class Limits:
    """What one tenant's process may use; a tenant that reaches one of them waits, or begins anew.

    idle_s: how long nobody must have come before it sleeps. stay_for_job_s: a job due within it keeps the
    process awake. threads: requests at once. recycle_bytes: a process that has grown larger begins anew.
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

    database, password: of which the registry is loaded; "" for the plain one. options: of Odoo.
    """

    database: str
    password: str = field(repr=False)
    options: Mapping[str, str]


@dataclass(frozen=True)
class Ready:
    """A zygote's answer once it has loaded, with a pidfd of its own. landlock_abi: the kernel's; 0: none."""

    landlock_abi: int


@dataclass(frozen=True)
class ForkOrder:
    """What a spawner has a zygote fork. serial: tells one order from the next.

    Descriptors come along: the listening socket, the log, the board, and the reading end of the pipe that its
    `TenantOrder` comes by.
    """

    name: str
    serial: int


@dataclass(frozen=True)
class Forked(ForkOrder):
    """A zygote's answer, with a pidfd of the tenant's process."""


@dataclass(frozen=True)
class TenantOrder:
    """What one tenant's process is told, in one line, and no other process hears.

    password: of its role. uid, gid: its own; None: the starter's. folder: of its files. readable: the folders
    its code is in. public_key, identity, links_since, is_provided: see `saas_process.facts`. is_for_jobs: no
    visitor woke it. front: host and port.
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
    limits: Limits

    def to_line(self) -> bytes:
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> TenantOrder:
        data = json.loads(line)
        return cls(**{**data, "limits": Limits(**data["limits"])})


# ---------------------------------------------------------------- the channel of a spawner and a zygote

_MAX_BYTES = 128 * 1024
_MAX_DESCRIPTORS = 8


def pair() -> tuple[socket.socket, socket.socket]:
    """Both ends of a new channel."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send(channel: socket.socket, message: Mapping[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send one message as JSON, in a datagram that keeps its borders, with file descriptors.

    Raises OSError when nobody reads any more.
    """
    data = array.array("i", descriptors)
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, data)] if descriptors else []
    channel.sendmsg([json.dumps(message).encode()], ancillary)


def receive(channel: socket.socket) -> tuple[dict[str, Any] | None, list[int]]:
    """The next message and its file descriptors; None for the message when the other side is gone."""
    space = socket.CMSG_LEN(_MAX_DESCRIPTORS * array.array("i").itemsize)
    data, ancillary, _flags, _address = channel.recvmsg(_MAX_BYTES, space)
    descriptors = array.array("i")
    for level, kind, content in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            descriptors.frombytes(content[: len(content) - len(content) % descriptors.itemsize])
    return (json.loads(data) if data else None), list(descriptors)


# ---------------------------------------------------------------- the page a spawner and a process share

_LAYOUT = struct.Struct("<Q")


class Field(IntEnum):
    """Numbers of 64 bits, in this order. Times are of the monotonic clock."""

    ENTITLED_SINCE = 0
    REQUESTS = 1
    LAST_REQUEST_NS = 2
    WEBSOCKETS = 3
    THREADS = 4
    JOBS = 5
    IS_BROKEN = 6
    HAS_CRONS = 7
    SEATS = 8


class Board:
    """A page of memory: what a spawner and a tenant's process tell each other.

    The tenant can write all of it: what the spawner reads there it shows, and believes of that tenant only.
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
        """One thread at a time."""
        self[Field.REQUESTS] += 1
        self[Field.LAST_REQUEST_NS] = time.monotonic_ns()

    def close(self) -> None:
        self._memory.close()
