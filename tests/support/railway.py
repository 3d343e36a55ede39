"""A stand-in for Railway: its GraphQL API over HTTP, with state, and the first pages of what is deployed.

Every document is parsed, checked against `railway.graphql` and executed by graphql-core. It can also be slow,
busy, refuse, lose answers, and kill its caller.
"""

from __future__ import annotations

import json
import os
import re
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from graphql import build_schema, graphql_sync

from tenantry.operations.railway.services import wishes_in

SDL = (Path(__file__).parent / "railway.graphql").read_text(encoding="utf-8")
TOKEN, WORKSPACE = "railway-token-0123456789", "workspace-1"
ENVIRONMENT = "production"
_REFERENCE = re.compile(r"\$\{\{(\w+)\.(\w+)\}\}")
_MUTATION = re.compile(r"\s*mutation\b[^{]*\{\s*(\w+)")
_ROOT = re.compile(r"\s*\w+\b[^{]*\{\s*(\w+)")


def connection(nodes: list[Any]) -> dict[str, Any]:
    return {"edges": [{"node": node} for node in nodes]}


@dataclass
class Service:
    id: str
    name: str
    source: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    mounts: list[str] = field(default_factory=list)
    domain: str = ""
    phases: list[str] = field(default_factory=list)
    """What its deployment's status will be, look for look; the last one stays."""
    deployments: int = 0

    @property
    def status(self) -> str:
        return self.phases[0] if self.phases else ""


@dataclass
class Project:
    id: str
    name: str
    description: str
    createdAt: str
    services: dict[str, Service] = field(default_factory=dict)
    deleting: int = 0
    """How many looks its deletion takes yet; 0: nobody deletes it."""

    def named(self, name: str) -> list[Service]:
        return [service for service in self.services.values() if service.name == name]


class Railway:
    """Its state, and how it behaves."""

    def __init__(self) -> None:
        self.token, self.workspaces = TOKEN, {WORKSPACE: "Acme Hosting"}
        self.state: dict[str, Project] = {}
        self.page_size, self.phases = 2, ["INITIALIZING", "DEPLOYING", "SUCCESS"]
        self.crashes: dict[str, list[str]] = {}
        """The services, by name, whose deployments crash, with their log."""
        self.refusals: dict[str, str] = {}
        """Mutations that are refused, with Railway's message."""
        self.busy: list[int | None] = []
        """The next requests are answered with 429 and this Retry-After."""
        self.lost: Counter[str] = Counter()
        """How many answers to these queries and mutations get lost, after they were executed."""
        self.unavailable: Counter[str] = Counter()
        """How many of them are answered with 502, without being executed."""
        self.half_deleted: set[str] = set()
        """Projects whose first deletion fails half way."""
        self.deletion_takes = 0
        self.asked: Counter[str] = Counter()
        self.mutations: list[str] = []
        self.before: Callable[[str], None] = lambda name: None
        """Called before each request is executed, without the lock."""
        self._kill: tuple[int, int] | None = None
        self._lock, self._count = threading.RLock(), 0
        self._schema = build_schema(SDL)
        self._api: ThreadingHTTPServer | None = None
        self._pages: dict[str, ThreadingHTTPServer] = {}
        self.gone = threading.Event()

    # ------------------------------------------------------------ for tests

    @property
    def url(self) -> str:
        assert self._api
        return f"http://127.0.0.1:{self._api.server_port}/graphql/v2"

    @property
    def names(self) -> list[str]:
        return sorted(project.name for project in self.state.values())

    def only(self, name: str) -> Project:
        """The only project of that name."""
        (found,) = (project for project in self.state.values() if project.name == name)
        return found

    def add_foreign_project(self, name: str, description: str = "somebody's shop") -> Project:
        return self._new_project(name, description)

    def kill_after(self, mutations: int, pid: int) -> None:
        """Kill the caller when that many more mutations were executed, before it gets the answer."""
        self._kill = (len(self.mutations) + mutations, pid)

    # ------------------------------------------------------------ serving

    def start(self) -> None:
        self._api = serve(self._answer)

    def stop(self) -> None:
        self.gone.set()
        for server in filter(None, [self._api, *self._pages.values()]):
            server.shutdown()
            server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        body = json.loads(request.rfile.read(int(request.headers["Content-Length"])))
        found = _ROOT.match(body["query"])
        name = found[1] if found else ""
        self.asked[name] += 1
        self.before(name)
        if self.busy:
            after = self.busy.pop(0)
            reply(request, 429, b"slow down", {} if after is None else {"Retry-After": str(after)})
            return
        if self.unavailable[name]:
            self.unavailable[name] -= 1
            reply(request, 502, b"bad gateway")
            return
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            reply(
                request, 200, json.dumps({"errors": [{"message": "Not Authorized"}], "data": None}).encode()
            )
            return
        with self._lock:
            result = graphql_sync(self._schema, body["query"], self, variable_values=body["variables"])
            is_done = not result.errors
            if is_done and _MUTATION.match(body["query"]):
                self.mutations.append(name)
            if self._kill and len(self.mutations) == self._kill[0]:
                os.kill(self._kill[1], signal.SIGKILL)
                self._kill = None
                return
        if is_done and self.lost[name]:
            self.lost[name] -= 1
            return  # the connection is closed without an answer
        reply(request, 200, json.dumps(result.formatted).encode())

    # ------------------------------------------------------------ queries

    def apiToken(self, _info: Any) -> Any:
        return {"workspaces": [{"id": key, "name": name} for key, name in self.workspaces.items()]}

    def projects(self, _info: Any, workspaceId: str, first: int, after: str | None = None) -> Any:
        assert workspaceId in self.workspaces
        self._go_on_deleting()
        found = list(self.state.values())
        start, size = int(after or 0), min(first, self.page_size)
        page = connection([self._described(project) for project in found[start : start + size]])
        return {
            **page,
            "pageInfo": {"hasNextPage": len(found) > start + size, "endCursor": str(start + size)},
        }

    def project(self, _info: Any, id: str) -> Any:
        project = self._found(id)
        for service in project.services.values():
            if len(service.phases) > 1:
                service.phases.pop(0)
        return self._described(project)

    def variables(self, _info: Any, projectId: str, serviceId: str, **_more: Any) -> Any:
        return dict(self._found(projectId).services[serviceId].variables)

    def deploymentLogs(self, _info: Any, deploymentId: str, limit: int) -> Any:
        name = self._service(deploymentId.removeprefix("deployment-of-"))[1].name
        lines = self.crashes.get(name, ["it runs"])[-limit:]
        return [{"message": line, "timestamp": "2026-01-01T00:00:00Z"} for line in lines]

    # ------------------------------------------------------------ mutations

    def projectCreate(self, _info: Any, input: dict[str, Any]) -> Any:
        self._refuse("projectCreate")
        assert input["workspaceId"] in self.workspaces
        assert input["isPublic"] is False
        return self._described(self._new_project(input["name"], input["description"]))

    def projectUpdate(self, _info: Any, id: str, input: dict[str, Any]) -> Any:
        self._refuse("projectUpdate")
        project = self._found(id)
        project.description = input["description"]
        return self._described(project)

    def projectDelete(self, _info: Any, id: str) -> bool:
        self._refuse("projectDelete")
        project = self._found(id)
        if project.name in self.half_deleted:
            self.half_deleted.discard(project.name)
            self._remove_services(project)
            raise RuntimeError("Problem processing request")
        if self.deletion_takes and not project.deleting:
            project.deleting = self.deletion_takes
        elif not self.deletion_takes:
            self._remove(project)
        return True

    def serviceCreate(self, _info: Any, input: dict[str, Any]) -> Any:
        self._refuse("serviceCreate")
        project = self._found(input["projectId"])
        service = Service(self._id("service"), input["name"])
        project.services[service.id] = service
        return {"id": service.id, "name": service.name}

    def volumeCreate(self, _info: Any, input: dict[str, Any]) -> Any:
        self._refuse("volumeCreate")
        service = self._found(input["projectId"]).services[input["serviceId"]]
        if service.mounts:
            raise RuntimeError("A service can have one volume only")
        service.mounts.append(input["mountPath"])
        return {"id": self._id("volume")}

    def variableCollectionUpsert(self, _info: Any, input: dict[str, Any]) -> bool:
        self._refuse("variableCollectionUpsert")
        assert input["skipDeploys"], "each change would deploy a service that is half made"
        self._found(input["projectId"]).services[input["serviceId"]].variables.update(input["variables"])
        return True

    def serviceDomainCreate(self, _info: Any, input: dict[str, Any]) -> Any:
        self._refuse("serviceDomainCreate")
        project, service = self._service(input["serviceId"])
        assert not service.domain
        page = serve(lambda request: self._first_page(request, project, service))
        self._pages[service.id] = page
        service.domain = f"127.0.0.1:{page.server_port}"
        return {"domain": service.domain}

    def serviceInstanceUpdate(self, _info: Any, serviceId: str, input: dict[str, Any], **_more: Any) -> bool:
        self._refuse("serviceInstanceUpdate")
        service = self._service(serviceId)[1]
        service.source = input.get("source") or service.source
        service.settings.update(input)
        return True

    def serviceInstanceLimitsUpdate(self, _info: Any, input: dict[str, Any]) -> bool:
        self._refuse("serviceInstanceLimitsUpdate")
        self._service(input["serviceId"])[1].limits = input
        return True

    def serviceInstanceDeployV2(self, _info: Any, serviceId: str, **_more: Any) -> str:
        self._refuse("serviceInstanceDeployV2")
        service = self._service(serviceId)[1]
        assert service.source.get("image"), "there is nothing to deploy"
        service.deployments += 1
        crashed = service.name in self.crashes
        service.phases = ["INITIALIZING", "CRASHED"] if crashed else list(self.phases)
        return f"deployment-of-{service.id}"

    # ------------------------------------------------------------ inside

    def _go_on_deleting(self) -> None:
        for project in [it for it in self.state.values() if it.deleting]:
            project.deleting -= 1
            if not project.deleting:
                self._remove(project)

    def _refuse(self, name: str) -> None:
        if message := self.refusals.get(name):
            raise RuntimeError(message)

    def _id(self, kind: str) -> str:
        self._count += 1
        return f"{kind}-{self._count}"

    def _new_project(self, name: str, description: str) -> Project:
        project_id = self._id("project")
        created_at = datetime.now(UTC).isoformat(timespec="microseconds")
        self.state[project_id] = Project(project_id, name, description, created_at)
        return self.state[project_id]

    def _found(self, project_id: str) -> Project:
        if project_id not in self.state:
            raise RuntimeError("Project not found")
        return self.state[project_id]

    def _service(self, service_id: str) -> tuple[Project, Service]:
        for project in self.state.values():
            if service_id in project.services:
                return project, project.services[service_id]
        raise RuntimeError("Service not found")

    def _remove(self, project: Project) -> None:
        self._remove_services(project)
        del self.state[project.id]

    def _remove_services(self, project: Project) -> None:
        for service_id in project.services:
            if page := self._pages.pop(service_id, None):
                page.shutdown()
                page.server_close()
        project.services.clear()

    def _described(self, project: Project) -> dict[str, Any]:
        services = list(project.services.values())
        environment = {
            "id": f"environment-of-{project.id}",
            "name": ENVIRONMENT,
            "serviceInstances": connection([self._instance(service) for service in services]),
            "volumeInstances": connection(
                [{"serviceId": it.id, "mountPath": path} for it in services for path in it.mounts]
            ),
        }
        return {
            "id": project.id,
            "name": project.name,
            "description": project.description,
            "createdAt": project.createdAt,
            "deletedAt": None,
            "environments": connection([environment]),
            "services": connection([{"id": it.id, "name": it.name} for it in services]),
        }

    def _instance(self, service: Service) -> dict[str, Any]:
        deployment = {"id": f"deployment-of-{service.id}", "status": service.status}
        return {
            "serviceId": service.id,
            "serviceName": service.name,
            "source": service.source or None,
            "domains": {"serviceDomains": [{"domain": service.domain}] if service.domain else []},
            "latestDeployment": deployment if service.phases else None,
        }

    def _first_page(self, request: BaseHTTPRequestHandler, project: Project, odoo: Service) -> None:
        """What a container would need to answer: what is missing is told with a 503."""
        missing = self._missing(project, odoo)
        reply(request, 503 if missing else 200, (missing or "Log in").encode())

    def _missing(self, project: Project, odoo: Service) -> str:
        databases = project.named("postgres")
        if not databases or any(it.status != "SUCCESS" for it in (odoo, *databases)):
            return "it is not deployed"
        if not (odoo.mounts and databases[0].mounts):
            return "it has no volume"
        if self._rendered(project, odoo, "PGPASSWORD") != databases[0].variables.get("POSTGRES_PASSWORD"):
            return "it does not know the password"
        wishes = wishes_in(odoo.variables)
        return "" if wishes.get("database") == databases[0].variables.get("POSTGRES_DB") else "no database"

    def _rendered(self, project: Project, service: Service, name: str) -> str:
        """The variable as a container sees it."""

        def fill(found: re.Match[str]) -> str:
            (other,) = project.named(found[1])
            return other.variables.get(found[2], "")

        return _REFERENCE.sub(fill, service.variables.get(name, ""))


def serve(answer: Callable[[BaseHTTPRequestHandler], None]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            answer(self)

        do_GET = do_POST

        def log_message(self, *_arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    return server


def reply(
    request: BaseHTTPRequestHandler, status: int, body: bytes, headers: dict[str, str] | None = None
) -> None:
    try:
        request.send_response(status)
        for name, value in (headers or {}).items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
    except (BrokenPipeError, ConnectionResetError):
        """The caller was killed, or waited no longer."""


@contextmanager
def running() -> Iterator[Railway]:
    railway = Railway()
    railway.start()
    try:
        yield railway
    finally:
        railway.stop()
