"""Railway: GraphQL at one address; an environment of a project, and a service in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

import graphql

from vendors.base import SECRET, Vendor, commit_of

if TYPE_CHECKING:
    from conftest import Call

#: What a project token is good for.
OF_PROJECTS = {
    "projectToken", "serviceInstance", "serviceInstanceUpdate", "serviceInstanceDeployV2",
    "deployment", "deployments", "deploymentCancel", "deploymentRollback",
    "variablesForServiceDeployment", "variableCollectionUpsert", "variableDelete",
}  # fmt: skip
UNDER_WAY = ("INITIALIZING", "DEPLOYING")
SETTINGS = {
    "region", "numReplicas", "healthcheckPath", "healthcheckTimeout", "drainingSeconds",
}  # fmt: skip


def operation(call: Call) -> graphql.OperationDefinitionNode:
    """Give what a call asks for."""
    [found] = graphql.parse(call.json["query"]).definitions
    assert isinstance(found, graphql.OperationDefinitionNode)
    return found


def picked(node: graphql.OperationDefinitionNode | graphql.FieldNode, told: Any) -> Any:
    """Give of an answer what was asked for."""
    if not node.selection_set or told is None:
        return told
    if isinstance(told, list):
        return [picked(node, each) for each in told]
    fields = [each for each in node.selection_set.selections if isinstance(each, graphql.FieldNode)]
    return {field.name.value: picked(field, told[field.name.value]) for field in fields}


def wrong(name: str, message: str) -> dict[str, Any]:
    """Give an answer that says what is wrong."""
    return {"errors": [{"message": message, "path": [name]}], "data": None}


class RefusedError(Exception):
    """Answered with status 200 and a message."""


@dataclass
class Words:
    """What Railway says of the next calls of an operation, with status 200.

    Args:
        runs: Whether it carried them out before it came to that.
        times: How many calls it says it of.
        after: How many calls it answers before.
    """

    operation: str
    message: str
    runs: bool = False
    times: int = 1
    after: int = 0


@dataclass
class Railway(Vendor):
    """A project. A deployment is initializing, deploying, then a success or failed.

    A look at it takes it one step on. What was replaced and what was cancelled are REMOVED alike.
    What takes a variable away deploys the source, and so does what sets one, unless told not to.
    """

    hosting: ClassVar[str] = "railway"
    title: ClassVar[str] = "Railway"
    deploys: ClassVar[str] = "POST serviceInstanceDeployV2"
    tells: ClassVar[str] = "POST variable(CollectionUpsert|Delete)"
    asks: ClassVar[str] = (
        "POST (projectToken|deployments?|serviceInstance|variablesForServiceDeployment)"
    )
    #: The environment that the project token is of.
    name: str = "live"
    #: The image that a deployment without another takes.
    source: str | None = None
    words: list[Words] = field(default_factory=list)
    #: Commits whose images have other digests than `SKOPEO` tells, by the first 40 digits.
    digests: dict[str, str] = field(default_factory=dict)
    #: Deployments whose image was thrown away.
    forgotten: set[str] = field(default_factory=set)
    rows: list[dict[str, Any]] = field(default_factory=list)
    #: What ops/bootstrap meets, by name or by environment: each workspace has the projects.
    workspaces: tuple[str, ...] = ("w-1",)
    projects: list[str] = field(default_factory=list)
    environments: list[str] = field(default_factory=list)
    services: list[str] = field(default_factory=list)
    settings: dict[str, dict[str, Any]] = field(default_factory=dict)
    variables: dict[str, dict[str, str]] = field(default_factory=dict)
    #: Of what nobody is shown the values, and what a deployment started its processes with.
    sealed: set[str] = field(default_factory=set)
    started: dict[str, dict[str, str]] = field(default_factory=dict)
    domains: dict[str, int] = field(default_factory=dict)
    logins: dict[str, dict[str, str]] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""
        return {
            "RAILWAY_TOKEN": SECRET,
            "RAILWAY_API_TOKEN": SECRET,
            "RAILWAY_SERVICE_ID": "s-1",
            "RAILWAY_API_URL": f"{self.url}/graphql/v2",
        }

    def running(self) -> str:
        """Give the commit of the deployment that runs."""
        found = [row for row in self.rows if row["status"] == "SUCCESS"]
        known = commit_of(found[0]["meta"]["image"]) if found else "none"
        return self.digests.get(known, known)

    def environ(self) -> dict[str, str]:
        """Give the variables of the processes of the deployment that runs."""
        runs = (row["id"] for row in self.rows if row["status"] == "SUCCESS")
        return next((self.started[known] for known in runs), {})

    def authorized(self, call: Call) -> bool:  # noqa: ARG002 (it says so in an answer)
        """Answer everybody."""
        return True

    def said(self, call: Call) -> str:
        """Give the name of the operation: there is one path only."""
        name = operation(call).name
        return f"{call.method} {name.value if name else ''}"

    def changes(self) -> list[str]:
        """Give the mutations."""
        mutation = graphql.OperationType.MUTATION
        return [self.said(call) for call in self.calls if operation(call).operation is mutation]

    def answer(self, call: Call) -> tuple[int, Any]:
        """Answer a call of the API: what is wrong with it has status 200, too."""
        assert call.path == "/graphql/v2"
        name = self.said(call).removeprefix("POST ")
        of_project = call.headers["Project-Access-Token"] == SECRET
        of_workspace = call.headers["Authorization"] == f"Bearer {SECRET}"
        said = self._said(name)
        try:
            told = None
            if not said or said.runs:
                told = self._answer(
                    name, call.json["variables"], of_project=of_project, of_workspace=of_workspace
                )
        except RefusedError as refused:
            return 200, wrong(name, str(refused))
        if said:
            return 200, wrong(name, said.message)
        return 200, {"data": picked(operation(call), {name: told})}

    def lapse(self) -> None:
        """Take all that is under way to its end."""
        for row in list(self.rows):
            self._advance(row)
            self._advance(row)

    def wanted(self) -> str:
        """Give the commit of the image that a deploy in Railway would take."""
        known = commit_of(self.source or "")
        return self.digests.get(known, known) or self.running()

    def _said(self, name: str) -> Words | None:
        for each in self.words:
            if each.operation == name and each.after:
                each.after -= 1
            elif each.operation == name and each.times:
                each.times -= 1
                return each
        return None

    def _answer(
        self, name: str, given: dict[str, Any], *, of_project: bool, of_workspace: bool
    ) -> Any:
        if not (of_workspace or (of_project and name in OF_PROJECTS)):
            raise RefusedError("Not Authorized")
        match name:
            case "projectToken":
                of = {"environment": {"name": self.name}}
                return {"projectId": "p-1", "environmentId": f"e-{self.name}", **of}
            case "deployments" | "deployment" | "deploymentCancel" | "deploymentRollback":
                return self._deployments(name, given)
            case "serviceInstanceDeployV2":
                assert given == {"serviceId": "s-1", "environmentId": f"e-{self.name}"}
                assert self.source, "there is something to deploy"
                return self._start(self.source)["id"]
            case "serviceInstanceUpdate":
                return self._update(given["environmentId"].removeprefix("e-"), given["input"])
            case _:
                return self._setting_up(name, given)

    def _deployments(self, name: str, given: dict[str, Any]) -> Any:
        if name == "deployments":
            assert given["input"]["environmentId"] == f"e-{self.name}"
            wanted = given["input"]["status"]["in"]
            found = [self._shown(row) for row in self.rows if row["status"] in wanted]
            for row in self.rows[:1] if given["first"] == 1 else []:
                self._advance(row)
            return {"edges": [{"node": row} for row in found[: given["first"]]]}
        row = self._find(given["id"])
        if name == "deployment":
            self._advance(row)
            return self._shown(row)
        if name == "deploymentCancel":
            if row["status"] not in UNDER_WAY:
                raise RefusedError("Deployment is not in a cancellable state")
            row["status"] = "REMOVED"
        elif self._shown(row)["canRollback"]:
            self.started[self._start(row["meta"]["image"])["id"]] = self.started[row["id"]]
        else:
            raise RefusedError("Deployment cannot be rolled back to")
        return True

    def _start(self, image: str) -> dict[str, Any]:
        number = len(self.rows) + 1
        row: dict[str, Any] = {
            "id": f"d-{number}",
            "status": "INITIALIZING",
            "ran": False,
            "meta": {"image": image},
        }
        row["createdAt"] = f"2026-11-{number:02}T00:00:00.000Z"
        self.rows.insert(0, row)
        has = self.variables.get(self.name, {}).items()
        self.started[row["id"]] = {key: re.sub(r"\$\{\{.*?\}\}", "", it) for key, it in has}
        return row

    def _advance(self, row: dict[str, Any]) -> None:
        if row["status"] == "INITIALIZING":
            row["status"] = "DEPLOYING"
        elif row["status"] == "DEPLOYING" and commit_of(row["meta"]["image"]) in self.doomed:
            row["status"] = "FAILED"
        elif row["status"] == "DEPLOYING":
            for other in self.rows:
                if other["status"] == "SUCCESS":
                    other["status"] = "REMOVED"
            row |= {"status": "SUCCESS", "ran": True}

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        return {**row, "canRollback": row["ran"] and row["id"] not in self.forgotten}

    def _find(self, known: str) -> dict[str, Any]:
        found = [row for row in self.rows if row["id"] == known]
        if not found:
            raise RefusedError("Deployment not found")
        return found[0]

    def _update(self, name: str, given: dict[str, Any]) -> bool:
        if "source" in given:
            assert name == self.name
            self.source = given["source"]["image"]
        if "registryCredentials" in given:
            self.logins[name] = given["registryCredentials"]
        told = {key: given[key] for key in SETTINGS & given.keys()}
        self.settings[name] = self.settings.get(name, {}) | told
        return True

    def _changed(self, *, deploys: bool) -> bool:
        if deploys and self.source:
            self._start(self.source)
        return True

    def _setting_up(self, name: str, given: dict[str, Any]) -> Any:  # noqa: C901, PLR0911, PLR0912 (one a call)
        wanted = given.get("input", given)
        at = wanted.get("environmentId", wanted.get("id", "")).removeprefix("e-")
        match name:
            case "apiToken":
                return {"workspaces": [{"id": each, "name": each} for each in self.workspaces]}
            case "projects":
                # Two pages: the first is of others.
                first = given["after"] is None
                found = ["others"] if first else self.projects
                page = {"hasNextPage": first, "endCursor": "c-1" if first else None}
                return {"pageInfo": page, **edges([("p-1", each) for each in found])}
            case "project":
                return {
                    "environments": edges([(f"e-{each}", each) for each in self.environments]),
                    "services": edges([("s-1", each) for each in self.services]),
                }
            case "projectCreate":
                self.projects.append(wanted["name"])
                self.environments.append(wanted["defaultEnvironmentName"])
                return {"id": "p-1"}
            case "environmentCreate":
                self.environments.append(wanted["name"])
                return {"id": f"e-{wanted['name']}"}
            case "serviceCreate":
                self.services.append(wanted["name"])
                self.settings = {each: {} for each in self.environments}
                return {"id": "s-1"}
            case "serviceInstance":
                if at not in self.settings and at != self.name:
                    raise RefusedError("ServiceInstance not found")
                has = dict.fromkeys(SETTINGS) | self.settings.get(at, {})
                address = [{"domain": f"{at}.up.railway.app"}] if at in self.domains else []
                return {**has, "domains": {"customDomains": [], "serviceDomains": address}}
            case "serviceDomainCreate":
                self.domains[at] = wanted["targetPort"]
                return {"domain": f"{at}.up.railway.app"}
            case "variables":
                return self.variables.get(at, {})
            case "variablesForServiceDeployment":
                told = self.variables.get(at, {})
                return {key: None if key in self.sealed else told[key] for key in told}
            case "variableCollectionUpsert":
                assert not wanted["replace"], "it would take away what others set"
                self.variables[at] = self.variables.get(at, {}) | wanted["variables"]
                return self._changed(deploys=not wanted["skipDeploys"])
            case "variableDelete":
                if wanted["name"] not in self.variables.get(at, {}):
                    raise RefusedError("Variable not found")
                del self.variables[at][wanted["name"]]
                return self._changed(deploys=True)
            case "environment":
                login = {"registryCredentials": self.logins[at]} if at in self.logins else {}
                return {"config": {"services": {"s-1": {"deploy": login}}}}
        raise AssertionError(name)


def edges(found: list[tuple[str, str]]) -> dict[str, Any]:
    """Give a connection of ids and names."""
    return {"edges": [{"node": {"id": known, "name": name}} for known, name in found]}
