"""Vercel, as it runs images: a deployment names one of its registry's."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

from conftest import Call

from vendors.base import SECRET, Vendor, commit_of


@dataclass
class Vercel(Vendor):
    """A project. After a rollback a new deployment waits for its promotion."""

    hosting: ClassVar[str] = "vercel"
    name: str = "my-service-live"
    deployments: list[dict[str, Any]] = field(default_factory=list)
    current: dict[str, Any] | None = None
    #: Whether a new deployment gets the domains by itself.
    automatic: bool = True

    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""
        return {
            "VERCEL_TOKEN": SECRET,
            "VERCEL_ORG_ID": "team_1",
            "VERCEL_PROJECT_ID": "prj_1",
            "VERCEL_API_URL": self.url,
        }

    def running(self) -> str:
        """Give the commit of the image behind the domains."""
        return commit_of(self.current["image"]) if self.current else "none"

    def answer(self, call: Call) -> tuple[int, Any]:  # noqa: C901, PLR0911 (one a call)
        """Answer a call of the API."""
        if call.query.get("teamId") != ["team_1"]:
            return 403, {}
        match call.method, call.path.strip("/").split("/"):
            case "GET", ["v2", "teams", "team_1"]:
                return 200, {"slug": "my-team"}
            case "GET", ["v9", "projects", "prj_1"]:
                targets = {"production": {"id": "the newest"}} if self.current else {}
                return 200, {"name": self.name, "targets": targets}
            case "GET", ["v9", "projects", "prj_1", "domains"]:
                return 200, {"domains": [{"name": "api.example.com", "verified": True}]}
            case "GET", ["v6", "deployments"]:
                ready = [d for d in self.deployments if d["state"] == "READY"]
                return 200, {"deployments": [self._shown(d, "uid") for d in ready]}
            case "GET", ["v13", "deployments", "api.example.com"]:
                return (200, self._shown(self.current, "id")) if self.current else (404, {})
            case "GET", ["v13", "deployments", known]:
                return 200, self._advanced(self._find(known))
            case "POST", ["v13", "deployments"]:
                return self._create(call)
            case "POST", ["v10", "projects", "prj_1", "promote", known]:
                self._point(self._find(known), automatic=True)
                return 201, {}
            case "POST", ["v1", "projects", "prj_1", "rollback", known]:
                self._point(self._find(known), automatic=False)
                return 201, None
        return 404, {}

    def _create(self, call: Call) -> tuple[int, Any]:
        """Take a deployment that `vercel build` could have written, and no other."""
        files = {each["file"]: json.loads(each["data"]) for each in call.json["files"]}
        function = files.get(".vercel/output/functions/index.func/.vc-config.json", {})
        image = str(function.get("handler"))
        of_the_project = rf"vcr\.vercel\.com/my-team/{self.name}/service@sha256:[0-9a-f]{{64}}"
        if (
            call.query.get("prebuilt") != ["1"]
            or (call.json["project"], call.json["target"]) != ("prj_1", "production")
            or files[".vercel/output/config.json"]["version"] != 3
            or function.get("runtime") != "container"
            or not re.fullmatch(of_the_project, image)
        ):
            return 400, {}
        made = {"id": f"dpl_{len(self.deployments) + 1}", "number": len(self.deployments) + 1}
        made |= {"image": image, "meta": call.json["meta"], "state": "BUILDING", "seen": False}
        self.deployments.insert(0, made)
        return 200, self._shown(made, "id")

    def _advanced(self, deployment: dict[str, Any]) -> dict[str, Any]:
        if deployment["state"] == "BUILDING":
            doomed = commit_of(deployment["image"]) in self.doomed
            deployment["state"] = "ERROR" if doomed else "READY"
            if not doomed and self.automatic:
                self._point(deployment, automatic=True)
        return {**self._shown(deployment, "id"), "errorMessage": "The image did not start"}

    def _find(self, known: str) -> dict[str, Any]:
        return next(each for each in self.deployments if each["id"] == known)

    def _point(self, deployment: dict[str, Any], *, automatic: bool) -> None:
        self.current, self.automatic, deployment["seen"] = deployment, automatic, True

    def _shown(self, deployment: dict[str, Any], key: str) -> dict[str, Any]:
        created = "created" if key == "uid" else "createdAt"
        return {
            key: deployment["id"],
            created: deployment["number"] * 86_400_000,
            "readyState": deployment["state"],
            "readySubstate": "PROMOTED" if deployment["seen"] else "STAGED",
            "meta": deployment["meta"],
        }
