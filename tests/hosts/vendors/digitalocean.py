"""DigitalOcean's App Platform: an app, its spec and its deployments."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from vendors.base import SECRET, Vendor, commit_of

if TYPE_CHECKING:
    from conftest import Call

ENDED = ("ACTIVE", "SUPERSEDED", "ERROR", "CANCELED")


def app_spec(name: str) -> dict[str, Any]:
    """Give the spec of an app that runs an image."""
    image = {"registry_type": "GHCR", "registry": "team", "repository": "service", "tag": "first"}
    return {"name": name, "region": "nyc", "services": [{"name": "service", "image": image}]}


@dataclass
class DigitalOcean(Vendor):
    """One app, or none. An update of its spec deploys; a look takes a deployment one step on.

    A rollback is a deployment too, and pins the app: nothing else is deployed until it is
    reverted or, once it is active, committed.
    """

    hosting: ClassVar[str] = "digitalocean"
    title: ClassVar[str] = "DigitalOcean"
    deploys: ClassVar[str] = "PUT /v2/apps/app-1"
    tells: ClassVar[str] = "PUT /v2/apps/app-1"
    spec: dict[str, Any] | None = field(default_factory=lambda: app_spec("my-service-live"))
    deployments: list[dict[str, Any]] = field(default_factory=list)
    pinned: str = ""
    #: How many deployments back a rollback may go.
    revisions: int = 10
    #: How many of the next deployments fail, whatever they are of.
    failing: int = 0
    #: What each deployment runs: not what its spec says where that was not looked at.
    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    #: What was sent as a secret, by what it became.
    vault: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""
        return {
            "DIGITALOCEAN_TOKEN": SECRET,
            "DIGITALOCEAN_API_URL": self.url,
            "IMAGE_REPOSITORY": "ghcr.io/team/service",
        }

    def active(self) -> dict[str, Any] | None:
        """Give the deployment that runs."""
        return next((each for each in self.deployments if each["phase"] == "ACTIVE"), None)

    def running(self) -> str:
        """Give the commit of the deployment that is active."""
        found = self.active()
        return self._commit(found) if found else "none"

    def environ(self) -> dict[str, str]:
        """Give the variables of the processes of the deployment that is active, by its own spec."""
        found = self.active()
        envs = found["spec"]["services"][0].get("envs", []) if found else []
        plain = {each["key"]: self.vault.get(each["value"], each["value"]) for each in envs}
        return {key: re.sub(r"\$\{.*?\}", "", it) for key, it in plain.items()}

    def answer(self, call: Call) -> tuple[int, Any]:
        """Answer a call of the API."""
        match call.method, call.path.strip("/").split("/"):
            case "GET", ["v2", "apps"]:
                return 200, {
                    "apps": [self._app()] if self.spec else [],
                    "links": {},
                    "meta": {"total": 1},
                }
            case "POST", ["v2", "apps"]:
                if self.spec:
                    return 409, {"id": "conflict", "message": "app name already in use"}
                return self._update(call.json)
            case method, ["v2", "apps", "app-1", *rest] if self.spec:
                return self._of_app(method, rest, call)
        return 404, {"id": "not_found", "message": "The resource you requested could not be found."}

    def lapse(self) -> None:
        """Take all that is under way to its end."""
        for each in list(self.deployments):
            self._advanced(self._advanced(each))

    def wanted(self) -> str:
        """Give the commit of the image in the spec: a change of settings would deploy that."""
        image = self.spec["services"][0]["image"] if self.spec else {}
        return commit_of(image.get("digest", "")) or self.running()

    def _of_app(self, method: str, rest: list[str], call: Call) -> tuple[int, Any]:  # noqa: PLR0911
        match method, rest:
            case "GET", []:
                return 200, {"app": self._app()}
            case "PUT", []:
                return self._update(call.json)
            case "GET", ["deployments"]:
                newest = self.deployments[: int(call.query.get("per_page", ["20"])[0])]
                return 200, {
                    "deployments": newest,
                    "links": {},
                    "meta": {"total": len(newest)},
                }
            case "GET", ["deployments", known]:
                return 200, {"deployment": self._advanced(self._find(known))}
            case "POST", ["deployments", known, "cancel"]:
                found = self._find(known)
                if found["phase"] in ENDED:
                    return 400, {"id": "bad_request", "message": "deployment is not in progress"}
                found["phase"] = "CANCELED"
                return 200, {"deployment": found}
            case "POST", ["rollback", *step]:
                return self._rollback(step, call)
        return 404, {"id": "not_found", "message": "The resource you requested could not be found."}

    def _rollback(self, step: list[str], call: Call) -> tuple[int, Any]:
        if step in (["commit"], ["revert"]):
            return self._unpin(step == ["revert"])
        found = self._find(call.json["deployment_id"])
        problem = self._problem(found)
        if step == ["validate"]:
            return 200, {"valid": False, "error": problem} if problem else {"valid": True}
        if problem:
            return 400, {"id": "bad_request", "message": problem["message"]}
        made = self._start(found["spec"], f"rollback to {found['id']}")
        if call.json.get("skip_pin"):
            self.spec = copy.deepcopy(found["spec"])
        else:
            self.pinned = made["id"]
        return 200, {"deployment": made}

    def _unpin(self, revert: bool) -> tuple[int, Any]:  # noqa: FBT001 (the one or the other)
        if not self.pinned:
            return 400, {"id": "bad_request", "message": "app is not pinned"}
        found = self._find(self.pinned)
        if not revert and found["phase"] != "ACTIVE":
            return 400, {"id": "bad_request", "message": "the rollback is not active"}
        self.pinned = ""
        if revert:
            assert self.spec
            return 200, {"deployment": self._start(self.spec, "rollback reverted")}
        self.spec = copy.deepcopy(found["spec"])
        return 200, None

    def _problem(self, found: dict[str, Any]) -> dict[str, str] | None:
        back = [each for each in self.deployments if each["phase"] in ("ACTIVE", "SUPERSEDED")]
        if self.pinned:
            return {"code": "app_pinned", "message": "the app is pinned"}
        if found not in back:
            return {
                "code": "incompatible_result",
                "message": f"deployment {found['phase']} is unsuitable",
            }
        if back.index(found) > self.revisions:
            return {"code": "exceeded_revision_limit", "message": "past the maximum revision limit"}
        return None

    def _update(self, body: dict[str, Any]) -> tuple[int, Any]:
        if self.pinned:
            return 400, {"id": "bad_request", "message": "app is pinned to a rollback"}
        self.spec = copy.deepcopy(body["spec"])
        for service in self.spec["services"]:
            self._pull(service["image"])
            for each in service.get("envs", []):
                if each.get("type") == "SECRET":
                    each["value"] = self._sealed(each["value"])
        before = self.active()
        made = self._start(self.spec, "app spec updated")
        if before and not body.get("update_all_source_versions"):
            self.images[made["id"]] = self.images[before["id"]]
        return 200, {"app": {**self._app(), "pending_deployment": made}}

    def _pull(self, image: dict[str, Any]) -> None:
        assert ("tag" in image) != ("digest" in image), "the one or the other"
        assert ("registry" in image) == (image["registry_type"] != "DOCR"), image
        if "registry_credentials" in image:
            image["registry_credentials"] = self._sealed(image["registry_credentials"])

    def _sealed(self, value: str) -> str:
        """Encrypt a value, if it is not one that was encrypted here before."""
        if value in self.vault:
            return value
        assert not value.startswith("EV["), "a value that nobody has encrypted"
        sealed = f"EV[1:{len(self.vault) + 1}]"
        self.vault[sealed] = value
        return sealed

    def _start(self, spec: dict[str, Any], cause: str) -> dict[str, Any]:
        number = len(self.deployments) + 1
        made: dict[str, Any] = {
            "id": f"dep-{number}",
            "spec": copy.deepcopy(spec),
            "phase": "PENDING_BUILD",
            "cause": cause,
            "created_at": f"2026-11-{number:02}T00:00:00Z",
        }
        self.deployments.insert(0, made)
        self.images[made["id"]] = made["spec"]["services"][0]["image"]
        for each in self.deployments[1:]:
            if each["phase"] not in ENDED:
                each["phase"] = "SUPERSEDED"
        return made

    def _advanced(self, found: dict[str, Any]) -> dict[str, Any]:
        if found["phase"] == "PENDING_BUILD":
            found["phase"] = "DEPLOYING"
        elif found["phase"] == "DEPLOYING" and (self.failing or self._commit(found) in self.doomed):
            self.failing = max(0, self.failing - 1)
            found["phase"] = "ERROR"
            reason = {"code": "DeployContainerExitNonZero", "message": "the container exited"}
            found["progress"] = {"summary_steps": [{"name": "deploy", "reason": reason}]}
        elif found["phase"] == "DEPLOYING":
            for other in self.deployments:
                if other["phase"] == "ACTIVE":
                    other["phase"] = "SUPERSEDED"
            found["phase"] = "ACTIVE"
        return found

    def _app(self) -> dict[str, Any]:
        under_way = [each for each in self.deployments if each["phase"] not in ENDED]
        told: dict[str, Any] = {"id": "app-1", "spec": self.spec, "live_url": self.url}
        if self.active():
            told["active_deployment"] = self.active()
        if under_way:
            told["in_progress_deployment"] = under_way[0]
        if self.pinned:
            told["pinned_deployment"] = self._find(self.pinned)
        return told

    def _commit(self, found: dict[str, Any]) -> str:
        return commit_of(self.images[found["id"]].get("digest", ""))

    def _find(self, known: str) -> dict[str, Any]:
        return next(each for each in self.deployments if each["id"] == known)
