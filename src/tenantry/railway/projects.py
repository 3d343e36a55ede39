"""Projects on Railway, as far as instances need them, and their labels.

A project has a label like a database of ours, in its description: whose it is, and its state. A project
without this server's mark in its label is somebody else's, and is never touched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tenantry.model.catalog import Kind, Label

_ENVIRONMENT = "production"
_RUNS = frozenset({"SUCCESS", "SLEEPING"})
_ENDED = frozenset({"FAILED", "CRASHED", "REMOVED", "REMOVING", "SKIPPED", "NEEDS_APPROVAL"})


@dataclass(frozen=True)
class Deployment:
    """status: Railway's word, such as BUILDING."""

    id: str
    status: str

    @property
    def runs(self) -> bool:
        return self.status in _RUNS

    @property
    def has_failed(self) -> bool:
        """It will not run any more."""
        return self.status in _ENDED


@dataclass(frozen=True)
class Service:
    """A service in the project's environment. mounts: where its volumes are mounted."""

    id: str
    name: str
    image: str = ""
    domain: str = ""
    deployment: Deployment | None = None
    mounts: frozenset[str] = frozenset()

    @property
    def runs(self) -> bool:
        return self.deployment is not None and self.deployment.runs


@dataclass(frozen=True)
class Project:
    """label: None: it is not one of Tenantry's.

    environment, services: only of a project that was asked for by its id.
    """

    id: str
    name: str
    label: Label | None
    created_at: str
    environment: str = ""
    services: Mapping[str, Service] = field(default_factory=dict)

    @classmethod
    def from_node(cls, node: Mapping[str, Any]) -> Project:
        """Read what `documents.PROJECTS` or `documents.PROJECT` gives."""
        environment = _environment(node)
        return cls(
            id=str(node["id"]),
            name=str(node["name"]),
            label=_label(node),
            created_at=str(node["createdAt"]),
            environment=str(environment.get("id", "")),
            services=_services(node, environment),
        )

    @property
    def age_s(self) -> float:
        """How long ago it was made; 0 if Railway's time cannot be read."""
        try:
            return (datetime.now(UTC) - datetime.fromisoformat(self.created_at)).total_seconds()
        except (ValueError, TypeError):  # TypeError: a time without its zone
            return 0

    def is_of(self, owner: str) -> bool:
        """owner: the mark of the server, see `model.keys.owner_mark`."""
        return self.label is not None and self.label.identity == owner


def nodes(connection: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The nodes of one of GraphQL's connections."""
    return [edge["node"] for edge in (connection or {}).get("edges", ())]


def _label(node: Mapping[str, Any]) -> Label | None:
    label = Label.from_comment(node.get("description"))
    return label if label and label.kind is Kind.INSTANCE else None


def _environment(node: Mapping[str, Any]) -> Mapping[str, Any]:
    """The environment that a new project has."""
    found = nodes(node.get("environments"))
    return next((it for it in found if it["name"] == _ENVIRONMENT), found[0] if found else {})


def _services(node: Mapping[str, Any], environment: Mapping[str, Any]) -> dict[str, Service]:
    """The services by name; of two of one name, which an interrupted creation can leave, the first."""
    instances = {it["serviceId"]: it for it in nodes(environment.get("serviceInstances"))}
    mounts = [(it["serviceId"], it["mountPath"]) for it in nodes(environment.get("volumeInstances"))]
    found: dict[str, Service] = {}
    for service in nodes(node.get("services")):
        service_id = str(service["id"])
        instance = instances.get(service_id, {})
        found.setdefault(
            str(service["name"]),
            Service(
                id=service_id,
                name=str(service["name"]),
                image=str((instance.get("source") or {}).get("image") or ""),
                domain=_domain(instance),
                deployment=_deployment(instance.get("latestDeployment")),
                mounts=frozenset(path for of, path in mounts if of == service_id),
            ),
        )
    return found


def _domain(instance: Mapping[str, Any]) -> str:
    found = (instance.get("domains") or {}).get("serviceDomains") or [{}]
    return str(found[0].get("domain", ""))


def _deployment(node: Mapping[str, Any] | None) -> Deployment | None:
    return Deployment(str(node["id"]), str(node["status"])) if node else None
