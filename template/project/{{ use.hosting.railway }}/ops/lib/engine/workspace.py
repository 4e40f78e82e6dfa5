"""The project in a workspace of Railway's, as ops/bootstrap sets it up from .railway/ENV.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from . import queries
from .calls import CallFailed
from .errors import Failure
from .graphql import GraphQL
from .platform import ENVIRONMENTS, Context, Plan


def ids(connection: Any) -> dict[str, str]:  # noqa: ANN401 (JSON)
    """Read names and the ids that they have."""
    return {each["node"]["name"]: each["node"]["id"] for each in connection["edges"]}


class Workspace:
    """It is asked for by a token of its own. `railway config apply` does the same."""

    def __init__(self, at: Context, api: GraphQL) -> None:
        self._at = at
        self._api = api
        self._name = at.project.name
        self._project = ""

    def bootstrap(self, plan: Plan) -> None:
        """Create what is missing, and put right what is not as the file says."""
        owner = self._owner()
        self._project = self._found(owner)
        if not self._project:
            plan.change(f"create the project {self._name}", lambda: self._create_project(owner))
        environments, services = self._parts()
        # All of them before the service, which is created in those that there are.
        for name in ENVIRONMENTS:
            if name not in environments:
                self._create(plan, f"environment {name}", queries.CREATE_ENVIRONMENT, name, skipInitialDeploys=True)
        if self._name not in services:
            # Without a source, so that nothing is deployed.
            self._create(plan, f"service {self._name}", queries.CREATE_SERVICE, self._name)
        environments, services = self._parts()
        if self._name in services and self._at.env in environments:
            plan.keep("RAILWAY_SERVICE_ID", services[self._name])
            self._adjust(plan, {"serviceId": services[self._name], "environmentId": environments[self._at.env]})
        else:
            # Only a dry run gets here.
            plan.change(f"set the service up in {self._at.env} as .railway/{self._at.env}.json says", dict)

    def _owner(self) -> str:
        """Give where the project is: RAILWAY_WORKSPACE_ID, or the one workspace that the token reaches."""
        named = self._at.settings.get("RAILWAY_WORKSPACE_ID")
        if named:
            return named
        owners = self._api.ask(queries.WORKSPACES, lambda it: [(it["id"], it["name"]) for it in it["workspaces"]])
        if len(owners) != 1:
            listed = ", ".join(f"{known} ({name})" for known, name in owners)
            raise Failure(f"the token reaches several workspaces; say which, as RAILWAY_WORKSPACE_ID: {listed}")
        return str(owners[0][0])

    def _found(self, owner: str) -> str:
        """Give the id of the project, or the empty string."""
        after = None
        while True:
            found, page = self._api.ask(
                queries.PROJECTS, lambda it: (ids(it), dict(it["pageInfo"])), workspaceId=owner, after=after
            )
            after = page.get("endCursor") if page.get("hasNextPage") else None
            if self._name in found or not after:
                return found.get(self._name, "")

    def _parts(self) -> tuple[dict[str, str], dict[str, str]]:
        """Give the environments and the services that the project has."""
        if not self._project:
            return {}, {}
        return self._api.ask(
            queries.PROJECT, lambda it: (ids(it["environments"]), ids(it["services"])), id=self._project
        )

    def _create_project(self, owner: str) -> None:
        wanted = {"name": self._name, "workspaceId": owner, "defaultEnvironmentName": self._at.env}
        private = {"isPublic": False, "prDeploys": False}
        self._project = self._api.change(queries.CREATE_PROJECT, lambda it: str(it["id"]), input={**wanted, **private})

    def _create(self, plan: Plan, what: str, document: str, name: str, **more: object) -> None:
        def do() -> None:
            self._api.change(document, bool, input={"projectId": self._project, "name": name, **more})

        plan.change(f"create the {what}", do)

    def _adjust(self, plan: Plan, where: dict[str, str]) -> None:
        """Bring the service in the environment to what the file says; a change takes effect with the next deploy."""
        env, api = self._at.env, self._api
        wanted = json.loads(Path(f".railway/{env}.json").read_text("utf-8"))
        settings = wanted["settings"]
        variables = {key: value for key, value in wanted["variables"].items() if key not in self._at.values}
        try:
            has = api.ask(queries.instance(*settings), lambda it: dict(it.items()), **where)
        except CallFailed:
            add = f"railway environment {env}, then railway config apply"
            self._at.console.say(f"if the service is not in {env} yet, add it there: {add}")
            raise
        if any(has[key] != value for key, value in settings.items()):
            what = f"set replicas, region and the health check of {env}"
            plan.change(what, lambda: api.ask(queries.UPDATE, bool, **where, input=settings))
        place = {"projectId": self._project, **where}
        # Of the others nothing is said, as they may be secret.
        found = api.ask(queries.VARIABLES, lambda it: dict(it.items()), **place)
        wrong = ", ".join(f"{key}={value}" for key, value in variables.items() if found.get(key) != value)
        if wrong:
            sets = {**place, "variables": variables, "replace": False, "skipDeploys": True}
            plan.change(f"set {wrong}", lambda: api.ask(queries.SET_VARIABLES, bool, input=sets))
        if not has["domains"]["customDomains"] and not has["domains"]["serviceDomains"]:
            port = {**where, "targetPort": 3000}
            plan.change(f"give {env} an address", lambda: api.change(queries.CREATE_DOMAIN, bool, input=port))
        self._log_in(plan, where)

    def _log_in(self, plan: Plan, where: dict[str, str]) -> None:
        """Railway pulls by itself, long after a pipeline: it gets a user and a password that stay good."""
        user, password = (self._at.settings.get(name) for name in ("REGISTRY_USER", "REGISTRY_PASSWORD"))
        if not password:
            return

        def known(it: Any) -> bool:  # noqa: ANN401 (JSON)
            service = (it["config"].get("services") or {}).get(where["serviceId"]) or {}
            return bool((service.get("deploy") or {}).get("registryCredentials"))

        if not self._api.ask(queries.ENVIRONMENT, known, id=where["environmentId"]):
            login = {"registryCredentials": {"username": user, "password": password}}
            what = f"give Railway the login of {user} for the registry of the image"
            plan.change(what, lambda: self._api.ask(queries.UPDATE, bool, **where, input=login))
