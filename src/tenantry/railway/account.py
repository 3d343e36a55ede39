"""A workspace on Railway: its projects, and what they consist of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tenantry.errors import RailwayWorkspaceUnknown
from tenantry.model.catalog import Label
from tenantry.model.secret import Secret
from tenantry.railway import documents
from tenantry.railway.client import Client
from tenantry.railway.projects import Project, Service, nodes
from tenantry.railway.tokens import token_of
from tenantry.settings import ServerSettings


@dataclass(frozen=True)
class Account:
    """The workspace that a token opens, or the chosen one of several. Methods raise as `Client.send`."""

    client: Client
    chosen: str = ""

    @classmethod
    def of(cls, settings: ServerSettings, token: Secret | None = None) -> Account:
        """The account of a server. token: None: the one that is kept.

        Raises RailwayTokenMissing, InvalidSetting for a file that is not private.
        """
        token = token or token_of(settings.installation.secrets_dir, settings.name)
        return cls(Client(settings.railway_url, token, settings.name), settings.railway_workspace)

    @cached_property
    def _workspaces(self) -> dict[str, str]:
        """The names of the token's workspaces, by id."""
        opened = self.client.send(documents.WORKSPACES)["workspaces"]
        return {str(it["id"]): str(it["name"]) for it in opened}

    @property
    def workspace_name(self) -> str:
        return self._workspaces[self.workspace]

    @property
    def workspace(self) -> str:
        """Its id. Raises RailwayWorkspaceUnknown when the setting does not name one of the token's."""
        found = self._workspaces
        fitting = [key for key, name in found.items() if self.chosen in (key, name)]
        if not self.chosen and len(found) == 1:
            return next(iter(found))
        if len(fitting) == 1:
            return fitting[0]
        known = [f"{name} ({key})" for key, name in found.items()]
        raise RailwayWorkspaceUnknown(self.client.server, self.chosen, known)

    # ------------------------------------------------------------ projects

    def projects(self) -> Iterator[Project]:
        """The workspace's projects, ours and others', without their services."""
        after = None
        while True:
            page = self.client.send(documents.PROJECTS, workspaceId=self.workspace, after=after)
            yield from (Project.from_node(it) for it in nodes(page) if not it["deletedAt"])
            if not page["pageInfo"]["hasNextPage"]:
                return
            after = page["pageInfo"]["endCursor"]

    def named(self, name: str) -> list[Project]:
        """The projects of that name, the oldest first: Railway allows several."""
        found = [project for project in self.projects() if project.name == name]
        return sorted(found, key=lambda project: (project.created_at, project.id))

    def project(self, project_id: str) -> Project:
        return Project.from_node(self.client.send(documents.PROJECT, id=project_id))

    def create_project(self, name: str, label: Label) -> str:
        """Its id."""
        wanted = {"name": name, "workspaceId": self.workspace, "description": label.to_comment()}
        created = self.client.send(documents.CREATE_PROJECT, input={**wanted, "isPublic": False})
        return str(created["id"])

    def relabel(self, project_id: str, label: Label) -> None:
        self.client.send(documents.UPDATE_PROJECT, id=project_id, input={"description": label.to_comment()})

    def delete_project(self, project_id: str) -> None:
        self.client.send(documents.DELETE_PROJECT, id=project_id)

    # ------------------------------------------------------------ services of a project

    def create_service(self, project: Project, name: str) -> None:
        """An empty one: nothing is deployed before it has its variables and its volume."""
        place = {"projectId": project.id, "environmentId": project.environment}
        self.client.send(documents.CREATE_SERVICE, input={**place, "name": name})

    def create_volume(self, project: Project, service: Service, path: str) -> None:
        place = {"projectId": project.id, **_place(project, service)}
        self.client.send(documents.CREATE_VOLUME, input={**place, "mountPath": path})

    def create_domain(self, project: Project, service: Service, port: int) -> None:
        """Railway chooses the name: that of the service and of the environment, if it is free."""
        self.client.send(documents.CREATE_DOMAIN, input={**_place(project, service), "targetPort": port})

    def variables(self, project: Project, service: Service) -> dict[str, str]:
        """As they were set, without Railway's own ones being filled in."""
        found = self.client.send(documents.VARIABLES, projectId=project.id, **_place(project, service))
        return {str(name): str(value) for name, value in found.items()}

    def set_variables(self, project: Project, service: Service, variables: Mapping[str, str]) -> None:
        """Without deploying it again."""
        place = {"projectId": project.id, **_place(project, service)}
        self.client.send(
            documents.SET_VARIABLES, input={**place, "variables": dict(variables), "skipDeploys": True}
        )

    def set_limits(self, project: Project, service: Service, limits: Mapping[str, float]) -> None:
        self.client.send(documents.SET_LIMITS, input={**_place(project, service), **limits})

    def update_service(self, project: Project, service: Service, **changes: Any) -> None:
        self.client.send(documents.UPDATE_SERVICE, **_place(project, service), input=changes)

    def deploy(self, project: Project, service: Service) -> None:
        self.client.send(documents.DEPLOY, **_place(project, service))

    def log(self, deployment_id: str, count: int) -> list[str]:
        """The last lines of a deployment's log."""
        found = self.client.send(documents.DEPLOYMENT_LOGS, deploymentId=deployment_id, limit=count)
        return [str(line["message"]) for line in found]


def _place(project: Project, service: Service) -> dict[str, str]:
    return {"environmentId": project.environment, "serviceId": service.id}
