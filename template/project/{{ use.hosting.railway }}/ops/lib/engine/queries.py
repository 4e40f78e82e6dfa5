"""What is asked of Railway: each operation has the name of what it asks for, and passes its variables on."""

from __future__ import annotations


def operation(kind: str, name: str, gives: str = "", **takes: str) -> str:
    """Write one; a variable has a type."""
    declared = ", ".join(f"${key}: {type_}" for key, type_ in takes.items())
    passed = ", ".join(f"{key}: ${key}" for key in takes)
    before, after = (f"({declared})", f"({passed})") if takes else ("", "")
    return f"{kind} {name}{before} {{ {name}{after} {gives} }}"


INSTANCE = {"serviceId": "String!", "environmentId": "String!"}
LISTED = "{ edges { node { id name } } }"
SHOWN = "id status canRollback createdAt meta"
DOMAINS = "domains { customDomains { domain } serviceDomains { domain } }"

PLACE = operation("query", "projectToken", "{ projectId environmentId environment { name } }")
DEPLOYMENT = operation("query", "deployment", f"{{ {SHOWN} }}", id="String!")
DEPLOYMENTS = operation(
    "query", "deployments", f"{{ edges {{ node {{ {SHOWN} }} }} }}", input="DeploymentListInput!", first="Int"
)
CANCEL = operation("mutation", "deploymentCancel", id="String!")
#: It does not say what it started.
ROLLBACK = operation("mutation", "deploymentRollback", id="String!")
DEPLOY = operation("mutation", "serviceInstanceDeployV2", **INSTANCE)
#: Takes effect with the next deploy.
UPDATE = operation("mutation", "serviceInstanceUpdate", input="ServiceInstanceUpdateInput!", **INSTANCE)

WORKSPACES = operation("query", "apiToken", "{ workspaces { id name } }")
PAGE = "{ edges { node { id name } } pageInfo { hasNextPage endCursor } }"
PROJECTS = operation("query", "projects", PAGE, workspaceId="String!", after="String")
PROJECT = operation("query", "project", f"{{ environments {LISTED} services {LISTED} }}", id="String!")
ENVIRONMENT = operation("query", "environment", "{ config }", id="String!")
VARIABLES = operation("query", "variables", projectId="String!", **INSTANCE)
#: As the service gets them: of a variable that was sealed, its value is null.
TOLD = operation("query", "variablesForServiceDeployment", projectId="String!", **INSTANCE)
CREATE_PROJECT = operation("mutation", "projectCreate", "{ id }", input="ProjectCreateInput!")
CREATE_ENVIRONMENT = operation("mutation", "environmentCreate", "{ id }", input="EnvironmentCreateInput!")
CREATE_SERVICE = operation("mutation", "serviceCreate", "{ id }", input="ServiceCreateInput!")
CREATE_DOMAIN = operation("mutation", "serviceDomainCreate", "{ domain }", input="ServiceDomainCreateInput!")
SET_VARIABLES = operation("mutation", "variableCollectionUpsert", input="VariableCollectionUpsertInput!")
#: It cannot be told to deploy nothing.
UNSET = operation("mutation", "variableDelete", input="VariableDeleteInput!")


def instance(*fields: str) -> str:
    """Ask for the service in an environment: where it answers, and more of it."""
    return operation("query", "serviceInstance", f"{{ {' '.join([*fields, DOMAINS])} }}", **INSTANCE)
