"""The spawner's configuration: a file that only its owner can read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from tenantry import agreed

_WORKER_BYTES = 512 * 2**20
"""A process of Odoo may grow to this before it is replaced, see `odoo.config.container_limits`."""
_WORKERS_FOR_A_CRON = 4
ROLE_CONNECTIONS = 36
"""What the processes of one instance may have together: fewer than its role may, see `postgres.roles`."""


@dataclass(frozen=True)
class Limits(agreed.Limits):
    """What one tenant's process may use on this server. workers: the most that a plan can have."""

    def of(self, plan: Mapping[str, float]) -> Limits:
        """These limits, with those of an instance's label in place of ours; see `tenantry.model.limits`."""
        threads = int(plan.get("threads", self.threads))
        memory_bytes = int(plan["memory_mb"] * 2**20) if "memory_mb" in plan else self.memory_bytes
        whole = replace(
            self,
            idle_s=plan.get("idle_s", self.idle_s),
            memory_bytes=memory_bytes,
            recycle_bytes=self.recycle_bytes * memory_bytes // self.memory_bytes,
            threads=threads,
            connections=self.connections + 2 * (threads - self.threads),
        )
        return whole._shared_by(min(self.workers, int(plan.get("cpus", 1)), memory_bytes // _WORKER_BYTES))

    def _shared_by(self, workers: int) -> Limits:
        """Those of each of so many processes."""
        if workers <= 1:
            return replace(self, workers=1)
        crons = 1 + workers // _WORKERS_FOR_A_CRON
        return replace(
            self,
            workers=workers,
            crons=crons,
            threads=-(-self.threads // workers),
            websockets=self.websockets // workers,
            connections=ROLE_CONNECTIONS // (workers + crons),
            recycle_bytes=self.recycle_bytes // workers,
        )


@dataclass(frozen=True)
class Containers:
    """How tenants' containers are made.

    engine, certificates: see `docker_client.connect`. image: the id of the image. mark: tells the containers
    of this server from others of the same engine. former_image: the image before, to which they go back if
    none of the new one starts. command: the command in a container. folders: what it can read, by the path in
    the container. networks: the private addresses of which each network gets a few.
    """

    engine: str
    image: str
    mark: str
    command: tuple[str, ...]
    folders: Mapping[str, str]
    networks: str
    former_image: str = ""
    certificates: str = ""


@dataclass(frozen=True)
class Config:
    """The configuration of one spawner.

    address: libpq's keywords of the cluster, without user and password.
    catalog_user: the role that reads the labels.
    instances_key: the passwords of instances' roles are derived from it, and no others.
    options: Odoo's options of every tenant. readable: the folders of its code.
    zygote, zygote_environment: the command that starts a zygote. containers: tenants run in containers.
    front_host, front_port: the front's address as this machine reaches it.
    wanted_port: the front's port in the settings; another program may have had it at the start.
    relay: the command of the mail relay, which runs while relay_file exists. mail_port: its port, where
    the keeper listens for it.
    more_logs: log files outside of the folder `logs`.
    users: the number of the server's range of user ids, see `identity`.
    """

    base_domain: str
    address: Mapping[str, str]
    catalog_user: str
    catalog_password: str = field(repr=False)
    instances_key: str = field(repr=False)
    public_key: str
    home: str
    hosts: str
    filestores: str
    logs: str
    run: str
    options: Mapping[str, str]
    zygote: tuple[str, ...] = ()
    zygote_environment: Mapping[str, str] = field(default_factory=dict)
    readable: tuple[str, ...] = ()
    containers: Containers | None = None
    more_logs: tuple[str, ...] = ()
    front_host: str = ""
    front_port: int = 0
    wanted_port: int = 0
    users: int = 0
    caddyfile: str = ""
    front: tuple[str, ...] = ()
    front_environment: Mapping[str, str] = field(default_factory=dict)
    relay: tuple[str, ...] = ()
    relay_environment: Mapping[str, str] = field(default_factory=dict)
    relay_file: str = ""
    mail_port: int = 0
    limits: Limits = field(default_factory=Limits)

    @property
    def has_mail_server(self) -> bool:
        """Whether the operator has set a mail server by now."""
        return bool(self.relay_file) and Path(self.relay_file).exists()

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def from_file(cls, file: Path) -> Config:
        data: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        known = {entry.name for entry in fields(cls)}
        data = {key: value for key, value in data.items() if key in known}
        for key in ("zygote", "readable", "front", "relay", "more_logs"):
            data[key] = tuple(data.get(key, ()))
        if containers := data.get("containers"):
            data["containers"] = Containers(**{**containers, "command": tuple(containers["command"])})
        return cls(**{**data, "limits": Limits(**data["limits"])})
