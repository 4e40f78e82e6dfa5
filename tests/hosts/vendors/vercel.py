"""Vercel: a project whose deployments are images of its registry, or files."""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from vendors.base import SECRET, Vendor, commit_of
from vendors.site import SiteVendor, sha1_of

if TYPE_CHECKING:
    from conftest import Call

LIMIT = 65536
PENDING = {"name": "pending.example.com", "verified": False}


@dataclass
class Project(Vendor):
    """A project. After a rollback a new deployment waits for its promotion."""

    hosting: ClassVar[str] = "vercel"
    deploys: ClassVar[str] = "POST /v13/deployments"
    name: str = "my-service-live"
    team: str = "team_1"
    deployments: list[dict[str, Any]] = field(default_factory=list)
    current: dict[str, Any] | None = None
    #: Whether a new deployment gets the domains by itself.
    automatic: bool = True
    #: How often somebody looks where the domains lead until they lead where they were told to.
    slow: int = 0
    pending: dict[str, Any] | None = None
    looks: int = 0
    #: What ops/bootstrap meets: projects, and what they tell their functions.
    projects: list[str] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)
    #: Variables that nobody is shown; and those that it does not take, in an answer that is good.
    sensitive: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)

    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""
        return {
            "VERCEL_TOKEN": SECRET,
            "VERCEL_ORG_ID": self.team,
            "VERCEL_PROJECT_ID": "prj_1",
            "VERCEL_API_URL": self.url,
        }

    @abstractmethod
    def create(self, call: Call) -> dict[str, Any] | None:
        """Give what a deployment is made of; None for what Vercel would refuse."""

    def upload(self, call: Call) -> tuple[int, Any]:
        """Take a file."""
        return 404, {"error": {"message": call.path}}

    def answer(self, call: Call) -> tuple[int, Any]:  # noqa: C901, PLR0911, PLR0912 (one a call)
        """Answer a call of the API."""
        if call.query.get("teamId") != (["team_1"] if self.team == "team_1" else None):
            return 403, {}
        match call.method, call.path.strip("/").split("/"):
            case "GET", ["v2", "teams", "team_1"]:
                return 200, {"slug": "my-team"}
            case "GET", ["v10", "projects"]:
                return 200, {"projects": [{"id": "prj_1", "name": name} for name in self.projects]}
            case "POST", ["v11", "projects"]:
                self.projects.append(call.json["name"])
                return 200, {"id": "prj_1"}
            case "GET", ["v10", "projects", "prj_1", "env"]:
                return 200, {"envs": [self._variable(name) for name in self.variables]}
            case "POST", ["v10", "projects", "prj_1", "env"]:
                assert call.query["upsert"] == ["true"]
                failed = [error for each in call.json if (error := self._set(**each))]
                return 201, {"created": [], "failed": failed}
            case "DELETE", ["v1", "projects", "prj_1", "env"]:
                assert call.json.keys() == {"ids"}
                gone = [known.removeprefix("env_") for known in call.json["ids"]]
                for name in gone:
                    del self.variables[name]
                return 200, {"deleted": len(gone), "ids": call.json["ids"]}
            case "GET", ["v9", "projects", "prj_1"]:
                targets = (
                    {"production": {"id": "the newest"}} if self.current or self.pending else {}
                )
                known = {"name": self.name, "autoAssignCustomDomains": self.automatic}
                return 200, {**known, "targets": targets}
            case "PATCH", ["v9", "projects", "prj_1"]:
                self.automatic = call.json["autoAssignCustomDomains"]
                return 200, {}
            case "GET", ["v9", "projects", "prj_1", "domains"]:
                return 200, {"domains": [PENDING, {"name": "api.example.com", "verified": True}]}
            case "GET", ["v6", "deployments"]:
                wanted = call.query["state"][0].split(",")
                found = [each for each in self.deployments if each["state"] in wanted]
                return 200, {"deployments": [self._shown(each, "uid") for each in found]}
            case "GET", ["v13", "deployments", "api.example.com"]:
                self._settle()
                return (200, self._shown(self.current, "id")) if self.current else (404, {})
            case "GET", ["v13", "deployments", known]:
                return 200, self._advanced(self.find(known))
            case "POST", ["v2", "files"]:
                return self.upload(call)
            case "POST", ["v13", "deployments"]:
                return self._create(call)
            case "PATCH", ["v12", "deployments", known, "cancel"]:
                self.find(known)["state"] = "CANCELED"
                return 200, {}
            case "POST", ["v10", "projects", "prj_1", "promote", known]:
                self._point(self.find(known), automatic=True)
                return 201, {}
            case "POST", ["v1", "projects", "prj_1", "rollback", known]:
                self._point(self.find(known), automatic=False)
                return 201, None
        return 404, {}

    def lapse(self) -> None:
        """Take all that is under way to its end."""
        for deployment in list(self.deployments):
            self._advanced(deployment)
        self.looks = 0
        self._settle()

    def find(self, known: str) -> dict[str, Any]:
        """Give the deployment with an id."""
        return next(each for each in self.deployments if each["id"] == known)

    def _variable(self, name: str) -> dict[str, Any]:
        hidden = name in self.sensitive
        value = {"value": "" if hidden else self.variables[name]}
        known = {"id": f"env_{name}", "key": name, "type": "sensitive" if hidden else "plain"}
        return {**known, **value, "target": ["production"]}

    def _set(self, *, key: str, value: str, type: str, target: list[str]) -> dict[str, Any]:  # noqa: A002
        """Set a variable, or say why not: what is sensitive stays so."""
        assert target == ["production"]
        if key in self.refused or (key in self.sensitive and type != "sensitive"):
            return {"error": {"code": "BAD_REQUEST", "message": "no", "key": key, "value": value}}
        self.variables[key] = value
        if type == "sensitive":
            self.sensitive.add(key)
        return {}

    def _create(self, call: Call) -> tuple[int, Any]:
        if sum(len(f"{it}{self.variables[it]}".encode()) for it in self.variables) > LIMIT:
            return 400, {"error": {"message": "the variables are too large"}}
        made_of = self.create(call)
        if made_of is None or (call.json["project"], call.json["target"]) != (
            "prj_1",
            "production",
        ):
            return 400, {}
        number = len(self.deployments) + 1
        made = {"id": f"dpl_{number}", "number": number, "meta": call.json["meta"], **made_of}
        made |= {"state": "BUILDING", "seen": False, "environ": dict(self.variables)}
        self.deployments.insert(0, made)
        return 200, self._shown(made, "id")

    def _advanced(self, deployment: dict[str, Any]) -> dict[str, Any]:
        if deployment["state"] == "BUILDING":
            doomed = deployment["meta"]["commit"] in self.doomed
            deployment["state"] = "ERROR" if doomed else "READY"
            if not doomed and self.automatic:
                self._point(deployment, automatic=True)
        return {**self._shown(deployment, "id"), "errorMessage": "no luck"}

    def _point(self, deployment: dict[str, Any], *, automatic: bool) -> None:
        self.pending, self.automatic, self.looks = deployment, automatic, self.slow
        if not self.slow:
            self._settle()

    def _settle(self) -> None:
        """Lead the domains where they were told to, if it is time."""
        if self.pending and self.looks:
            self.looks -= 1
        elif self.pending:
            self.pending["seen"] = True
            self.current, self.pending = self.pending, None

    def _shown(self, deployment: dict[str, Any], key: str) -> dict[str, Any]:
        created = "created" if key == "uid" else "createdAt"
        return {
            key: deployment["id"],
            created: deployment["number"] * 86_400_123,
            "readyState": deployment["state"],
            "readySubstate": "PROMOTED" if deployment["seen"] else "STAGED",
            "meta": deployment["meta"],
        }


@dataclass
class Vercel(Project):
    """A project that runs an image."""

    title: ClassVar[str] = "Vercel"
    tells: ClassVar[str] = "POST /v10/projects/prj_1/env"

    def running(self) -> str:
        """Give the commit of the image behind the domains."""
        return commit_of(self.current["image"]) if self.current else "none"

    def environ(self) -> dict[str, str]:
        """Give the variables of when the deployment behind the domains was made."""
        return dict(self.current["environ"]) if self.current else {}

    def create(self, call: Call) -> dict[str, Any] | None:
        """Take a deployment that `vercel build` could have written, and no other."""
        files = {each["file"]: json.loads(each["data"]) for each in call.json["files"]}
        function = files.get(".vercel/output/functions/index.func/.vc-config.json", {})
        image = str(function.get("handler"))
        of_the_project = rf"vcr\.vercel\.com/my-team/{self.name}/service@sha256:[0-9a-f]{{64}}"
        good = (
            call.query.get("prebuilt") == ["1"]
            and files[".vercel/output/config.json"]["version"] == 3
            and function.get("runtime") == "container"
            and re.fullmatch(of_the_project, image)
        )
        return {"image": image} if good else None


@dataclass
class VercelSite(Project, SiteVendor):
    """A project that has files."""

    title: ClassVar[str] = "Vercel, static"

    def upload(self, call: Call) -> tuple[int, Any]:
        """Take a file that is what it says."""
        digest = call.headers["x-vercel-digest"]
        if sha1_of(call.body) != digest:
            return 400, {}
        self.blobs[digest] = call.body
        return 200, {}

    def create(self, call: Call) -> dict[str, Any] | None:
        """Take a deployment of files that are there."""
        self.sent = call.json
        files = call.json["files"]
        if any(len(self.blobs.get(each["sha"], b"")) != each["size"] for each in files):
            return None
        return {"files": {each["file"]: each["sha"] for each in files}}
