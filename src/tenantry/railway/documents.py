"""The queries and mutations that are sent to Railway. Each is checked against its schema by the tests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Document:
    """name: of the query or mutation.

    repeatable: it may be sent again when nobody knows whether it was done.
    """

    name: str
    text: str
    repeatable: bool = False


WORKSPACES = Document(
    "apiToken",
    """
    query { apiToken { workspaces { id name } } }
    """,
    repeatable=True,
)
PROJECTS = Document(
    "projects",
    """
    query ($workspaceId: String!, $after: String) {
      projects(workspaceId: $workspaceId, first: 100, after: $after) {
        edges { node { id name description createdAt deletedAt } }
        pageInfo { hasNextPage endCursor }
      }
    }
    """,
    repeatable=True,
)
PROJECT = Document(
    "project",
    """
    query ($id: String!) {
      project(id: $id) {
        id name description createdAt deletedAt
        environments { edges { node {
          id name
          serviceInstances { edges { node {
            serviceId serviceName
            source { image }
            domains { serviceDomains { domain } }
            latestDeployment { id status }
          } } }
          volumeInstances { edges { node { serviceId mountPath } } }
        } } }
        services { edges { node { id name } } }
      }
    }
    """,
    repeatable=True,
)
VARIABLES = Document(
    "variables",
    """
    query ($projectId: String!, $environmentId: String!, $serviceId: String!) {
      variables(
        projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId, unrendered: true
      )
    }
    """,
    repeatable=True,
)
DEPLOYMENT_LOGS = Document(
    "deploymentLogs",
    """
    query ($deploymentId: String!, $limit: Int!) {
      deploymentLogs(deploymentId: $deploymentId, limit: $limit) { message timestamp }
    }
    """,
    repeatable=True,
)
CREATE_PROJECT = Document(
    "projectCreate",
    """
    mutation ($input: ProjectCreateInput!) { projectCreate(input: $input) { id } }
    """,
)
UPDATE_PROJECT = Document(
    "projectUpdate",
    """
    mutation ($id: String!, $input: ProjectUpdateInput!) { projectUpdate(id: $id, input: $input) { id } }
    """,
    repeatable=True,
)
DELETE_PROJECT = Document(
    "projectDelete",
    """
    mutation ($id: String!) { projectDelete(id: $id) }
    """,
)
CREATE_SERVICE = Document(
    "serviceCreate",
    """
    mutation ($input: ServiceCreateInput!) { serviceCreate(input: $input) { id } }
    """,
)
CREATE_VOLUME = Document(
    "volumeCreate",
    """
    mutation ($input: VolumeCreateInput!) { volumeCreate(input: $input) { id } }
    """,
)
CREATE_DOMAIN = Document(
    "serviceDomainCreate",
    """
    mutation ($input: ServiceDomainCreateInput!) { serviceDomainCreate(input: $input) { domain } }
    """,
)
SET_VARIABLES = Document(
    "variableCollectionUpsert",
    """
    mutation ($input: VariableCollectionUpsertInput!) { variableCollectionUpsert(input: $input) }
    """,
    repeatable=True,
)
SET_LIMITS = Document(
    "serviceInstanceLimitsUpdate",
    """
    mutation ($input: ServiceInstanceLimitsUpdateInput!) { serviceInstanceLimitsUpdate(input: $input) }
    """,
    repeatable=True,
)
UPDATE_SERVICE = Document(
    "serviceInstanceUpdate",
    """
    mutation ($serviceId: String!, $environmentId: String!, $input: ServiceInstanceUpdateInput!) {
      serviceInstanceUpdate(serviceId: $serviceId, environmentId: $environmentId, input: $input)
    }
    """,
    repeatable=True,
)
DEPLOY = Document(
    "serviceInstanceDeployV2",
    """
    mutation ($serviceId: String!, $environmentId: String!) {
      serviceInstanceDeployV2(serviceId: $serviceId, environmentId: $environmentId)
    }
    """,
)

DOCUMENTS = tuple(value for value in list(vars().values()) if isinstance(value, Document))
