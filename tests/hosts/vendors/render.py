"""Render: a service that runs an image, or what it builds itself from a branch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from vendors.base import SECRET, Vendor, commit_of

if TYPE_CHECKING:
    from conftest import Call


@dataclass
class Render(Vendor):
    """A service. A look takes a deploy one step on: created, under way, then live or failed."""

    hosting: ClassVar[str] = "render"
    title: ClassVar[str] = "Render"
    deploys: ClassVar[str] = "POST /v1/services/srv-1/deploys"
    tells: ClassVar[str] = "PUT /v1/services/srv-1/env-vars"
    name: str = "my-service-live"
    image: str | None = "registry.example.com/team/service:first"
    auto_deploy: str = "yes"
    #: Whether a deploy waits behind another, and so has no answer of its own.
    queues: bool = False
    rows: list[dict[str, Any]] = field(default_factory=list)
    #: What ops/bootstrap meets: services and logins for registries.
    services: list[dict[str, Any]] = field(default_factory=list)
    logins: list[dict[str, Any]] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    #: What a deploy started its processes with.
    started: dict[str, dict[str, str]] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""
        return {
            "RENDER_API_KEY": SECRET,
            "RENDER_SERVICE_ID": "srv-1",
            "RENDER_API_URL": f"{self.url}/v1",
        }

    def running(self) -> str:
        """Give the commit of the deploy that is live."""
        return next((self._commit(row) for row in self.rows if row["status"] == "live"), "none")

    def environ(self) -> dict[str, str]:
        """Give the variables of the processes of the deploy that is live."""
        live = (row["id"] for row in self.rows if row["status"] == "live")
        return next((self.started[known] for known in live), {})

    def wanted(self) -> str:
        """Give the commit of the image that a change of settings would deploy."""
        set_up = self.image and not self.image.endswith(":first")
        return commit_of(self.image) if self.image and set_up else self.running()

    def answer(self, call: Call) -> tuple[int, Any]:  # noqa: PLR0911 (one a call)
        """Answer a call of the API."""
        match call.method, call.path.removeprefix("/v1/").split("/"):
            case "GET", ["owners"]:
                return 200, [{"owner": {"id": "tea-1", "name": "My team"}}]
            case "GET", ["registrycredentials"]:
                return 200, [{"id": f"rgc-{at}", **each} for at, each in enumerate(self.logins)]
            case "POST", ["registrycredentials"]:
                self.logins.append(call.json)
                return 200, {"id": "rgc-0"}
            case "GET", ["services"]:
                return 200, [{"service": each} for each in self.services]
            case "POST", ["services"]:
                self.services.append({**call.json, "id": "srv-1"})
                self.variables = {each["key"]: each["value"] for each in call.json["envVars"]}
                return 201, {"service": {"id": "srv-1"}}
            case method, ["services", "srv-1", *rest]:
                return self._service(method, rest, call)
        return 404, {}

    def lapse(self) -> None:
        """Take all that is under way to its end."""
        for row in list(self.rows):
            while row["status"] in ("created", "update_in_progress"):
                self._advanced(row)

    def _service(self, method: str, rest: list[str], call: Call) -> tuple[int, Any]:  # noqa: C901, PLR0911, PLR0912
        match method, rest:
            case "GET", []:
                image = {"imagePath": self.image} if self.image else {}
                login = {"registryCredential": {"id": "rgc-1", "name": "live"}}
                details = {"url": self.url}
                return 200, {
                    "name": self.name,
                    "ownerId": "tea-1",
                    **image,
                    **login,
                    "serviceDetails": details,
                }
            case "PATCH", []:
                if "image" in call.json:
                    assert call.json["image"]["registryCredentialId"] == "rgc-1"
                    self.image = call.json["image"]["imagePath"]
                self.auto_deploy = call.json.get("autoDeploy", self.auto_deploy)
                for each in self.services:
                    each["serviceDetails"] |= call.json.get("serviceDetails", {})
                return 200, {}
            case "POST", ["scale"]:
                for each in self.services:
                    each["serviceDetails"] |= call.json
                return 202, None
            case "GET", ["env-vars"]:
                told = list(self.variables.items())
                after = int(call.query.get("cursor", ["0"])[0])
                page = list(enumerate(told, 1))[after : after + int(call.query["limit"][0])]
                return 200, [
                    {"envVar": {"key": key, "value": value}, "cursor": str(number)}
                    for number, (key, value) in page
                ]
            case "PUT", ["env-vars"]:
                self.variables = {each["key"]: each["value"] for each in call.json}
                return 200, []
            case "PUT", ["env-vars", key]:
                self.variables[key] = call.json["value"]
                return 200, {}
            case "GET", ["deploys"]:
                wanted = call.query.get("status", [])
                found = [row for row in self.rows if not wanted or row["status"] in wanted]
                return 200, [{"deploy": row, "cursor": "c"} for row in reversed(found)]
            case "GET", ["deploys", known]:
                return 200, self._advanced(self._find(known))
            case "POST", ["deploys"]:
                made = self._start(call.json)
                return (202, None) if self.queues else (201, made)
            case "POST", ["rollback"]:
                row = self._find(call.json["deployId"])
                was = (
                    {"imageUrl": row["image"]["ref"]}
                    if "image" in row
                    else {"commitId": row["commit"]["id"]}
                )
                return 201, self._start(was)
            case "POST", ["deploys", known, "cancel"]:
                self._find(known)["status"] = "canceled"
                return 200, self._find(known)
        return 404, {}

    def _start(self, what: dict[str, str]) -> dict[str, Any]:
        number = len(self.rows) + 1
        row: dict[str, Any] = {"id": f"dep-{number}", "status": "created"}
        row["createdAt"] = f"2026-11-{number:02}T00:00:00Z"
        self.started[row["id"]] = dict(self.variables)
        if "imageUrl" in what:
            assert self.image, "a service of a repository takes no image"
            row["image"] = {"ref": what["imageUrl"], "sha": what["imageUrl"].partition("@")[2]}
        else:
            row["commit"] = {"id": what["commitId"]}
        self.rows.insert(0, row)
        return row

    def _advanced(self, row: dict[str, Any]) -> dict[str, Any]:
        if row["status"] == "created":
            row["status"] = "update_in_progress"
        elif row["status"] == "update_in_progress" and self._commit(row) in self.doomed:
            row["status"] = "update_failed"
        elif row["status"] == "update_in_progress":
            for other in self.rows:
                if other["status"] == "live":
                    other["status"] = "deactivated"
            row["status"] = "live"
        return row

    def _commit(self, row: dict[str, Any]) -> str:
        return commit_of(row["image"]["ref"]) if "image" in row else str(row["commit"]["id"])

    def _find(self, known: str) -> dict[str, Any]:
        return next(row for row in self.rows if row["id"] == known)
