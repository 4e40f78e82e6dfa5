"""Heroku: an app, whose releases are an image and the config vars of its time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from vendors.base import SECRET, SKOPEO, Vendor, commit_of

if TYPE_CHECKING:
    from conftest import Call

    from vendors.base import Machine

#: What Heroku calls an image is the digest of its configuration: here its commit, padded with ones.
ONES = "1" * 24
RAW = f"""\
for name; do :; done
name=${{name##*:}}
case $* in
  *--raw*)
    echo '{{"config": {{"digest": "sha256:'"${{name%{"0" * 24}}}{ONES}"'"}}}}'
    exit
    ;;
esac
"""


@dataclass
class Heroku(Vendor):
    """An app. A look at the dynos of a new release takes them one step on."""

    hosting: ClassVar[str] = "heroku"
    title: ClassVar[str] = "Heroku"
    deploys: ClassVar[str] = "PATCH /apps/my-service-live/formation"
    tells: ClassVar[str] = "PATCH /apps/my-service-live/config-vars"
    name: str = "my-service-live"
    #: Whether there is an app yet, and whether it is somebody else's.
    made: bool = True
    foreign: bool = False
    app_stack: str = "container"
    web: dict[str, Any] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    #: Oldest first, which is how Heroku lists them unless it is told otherwise.
    releases: list[dict[str, Any]] = field(default_factory=list)
    #: How the dynos of the newest release are; a release command keeps it waiting.
    dynos: str = "up"
    command_runs: bool = False
    #: Values of config vars with which every image crashes.
    refused: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Begin as every app does."""
        self._release("Initial release")
        self._release("Enable Logplex")

    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""
        return {"HEROKU_API_KEY": SECRET, "HEROKU_API_URL": self.url}

    def prepare(self, at: Machine) -> None:
        """Have the registry say what an image is made of, too."""
        at.stub("skopeo", RAW + SKOPEO)

    def set(self, **variables: str | None) -> None:
        """Set config vars, as somebody does in the dashboard; None takes one away."""
        wanted = {**self.variables, **variables}
        self.variables = {name: it for name, it in wanted.items() if it is not None}
        self._release(f"Set {', '.join(variables)} config vars")

    def running(self) -> str:
        """Give the commit of the current release."""
        return self._commit(self._current())

    def environ(self) -> dict[str, str]:
        """Give the config vars of the current release."""
        variables: dict[str, str] = self._current()["variables"]
        return variables

    def health(self, path: str) -> tuple[int, bytes]:
        """Answer as the service, or as the router does without one."""
        crashed = self._crashes(self._current())
        return (503, b"Application error") if crashed else super().health(path)

    def answer(self, call: Call) -> tuple[int, Any]:
        """Answer a call of the API."""
        if not call.headers["Accept"].startswith("application/vnd.heroku+json; version=3"):
            return 404, {"id": "not_found", "message": "The requested API endpoint was not found."}
        match call.method, call.path.strip("/").split("/"):
            case "POST", ["apps"] | ["teams", "apps"]:
                if self.made or self.foreign:
                    return 422, {"id": "invalid_params", "message": "Name is already taken"}
                self.made, self.app_stack = True, call.json["stack"]
                return 201, {"name": self.name}
            case method, ["apps", self.name, *rest] if self.made:
                return self._app(method, rest, call)
            case _, ["apps", self.name, *_] if self.foreign:
                return 403, {"id": "forbidden", "message": "You do not have access to the app."}
        return 404, {"id": "not_found", "message": "Couldn't find that app."}

    def _app(self, method: str, rest: list[str], call: Call) -> tuple[int, Any]:  # noqa: C901, PLR0911, PLR0912
        match method, rest:
            case "GET", []:
                address = f"https://{self.name}-0123456789ab.herokuapp.com/"
                return 200, {"web_url": address, "build_stack": {"name": self.app_stack}}
            case "PATCH", []:
                self.app_stack = call.json["build_stack"]
                return 200, {}
            case "GET", ["config-vars"]:
                return 200, self.variables
            case "PATCH", ["config-vars"]:
                will = {**self.variables, **call.json}
                if sum(len(f"{name}{it or ''}".encode()) for name, it in will.items()) > 64 * 1024:
                    return 422, {"id": "invalid_params", "message": "Config vars are too large."}
                self.set(**call.json)
                return 200, self.variables
            case "GET", ["formation"]:
                return 200, [self.web] if self.web else []
            case "PATCH", ["formation"]:
                return self._formation(call)
            case "GET", ["dynos"]:
                return 200, self._dynos()
            case "POST", ["dynos", "release.1", "actions", "stop"]:
                self.releases[-1]["status"] = "failed"
                return 202, {}
            case "GET", ["releases"]:
                newest = "order=desc" in call.headers["Range"]
                return 206, [self._shown(each) for each in self.releases[:: -1 if newest else 1]]
            case "GET", ["releases", known]:
                return 200, self._shown(self._find(known))
            case "POST", ["releases"]:
                row = self._find(call.json["release"])
                if row["status"] != "succeeded" or not row["image"]:
                    return 422, {"id": "invalid_params", "message": "It cannot be rolled back to."}
                self.variables = row["variables"]
                made = self._release(f"Rollback to v{row['version']}", row["image"])
                return 201, self._shown(made)
        return 404, {"id": "not_found", "message": f"{method} {rest}"}

    def _formation(self, call: Call) -> tuple[int, Any]:
        [told] = call.json["updates"]
        if "docker_image" not in told:
            if not self.web:
                return 404, {"id": "not_found", "message": "Couldn't find that process type (web)."}
            self.web |= told
            return 200, [self.web]
        image = told["docker_image"]
        if not call.headers["Accept"].endswith("version=3.docker-releases"):
            return 422, {"id": "invalid_params", "message": "docker_image is not a param."}
        if self.app_stack != "container" or not image.endswith(ONES):
            return 404, {"id": "not_found", "message": f"Couldn't find the image {image}."}
        self.web = self.web or {"type": "web", "quantity": 1, "dyno_size": {"name": "Basic"}}
        if self._current()["image"] != image:  # that it has already, it releases again only in name
            self._release(f"Deployed web ({image[7:19]})", image)
        return 200, [self.web]

    def _release(self, description: str, image: str = "") -> dict[str, Any]:
        number = len(self.releases) + 1
        row = {
            "id": f"01234567-89ab-cdef-0123-{number:012}",
            "version": number,
            "status": "pending" if self.command_runs else "succeeded",
            "description": description,
            "created_at": f"2026-11-{number:02}T00:00:00Z",
            "image": image or (self._current()["image"] if self.releases else ""),
            "variables": self.variables,
        }
        self.releases.append(row)
        self.dynos = "starting"
        return row

    def _dynos(self) -> list[dict[str, Any]]:
        row = self._current()
        if self.releases[-1]["status"] == "pending":
            return [{"type": "release", "name": "release.1", "state": "up", "release": {"id": ""}}]
        if not row["image"]:
            return []
        state, self.dynos = self.dynos, "crashed" if self._crashes(row) else "up"
        return [{"type": "web", "name": "web.1", "state": state, "release": {"id": row["id"]}}]

    def _crashes(self, row: dict[str, Any]) -> bool:
        refused = not self.refused.isdisjoint(row["variables"].values())
        return refused or self._commit(row) in self.doomed

    def _current(self) -> dict[str, Any]:
        return next(each for each in reversed(self.releases) if each["status"] == "succeeded")

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        told = {key: row[key] for key in ("id", "version", "status", "description", "created_at")}
        return {**told, "current": row is self._current()}

    def _commit(self, row: dict[str, Any]) -> str:
        return commit_of(row["image"]) if row["image"] else "none"

    def _find(self, known: str) -> dict[str, Any]:
        return next(row for row in self.releases if row["id"] == known)
