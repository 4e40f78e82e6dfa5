"""Railway: an environment of one project; RAILWAY_SERVICE_ID is the service in it, RAILWAY_TOKEN good for it alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, NamedTuple

from . import queries
from .api import cancel, changing
from .calls import CallFailed, follow
from .errors import DeployFailed, Failure, asking
from .graphql import GraphQL
from .image import Images
from .platform import Context, Plan, Release, Target
from .wants import put_back
from .workspace import Workspace

UNDER_WAY = ("INITIALIZING", "QUEUED", "WAITING", "NEEDS_APPROVAL", "BUILDING", "DEPLOYING")
RUNS = ("SUCCESS", "SLEEPING")
RAN = (*RUNS, "CRASHED")
GONE = ("REMOVING", "REMOVED")
ANY = (*UNDER_WAY, *RAN, *GONE, "FAILED", "SKIPPED")


class Deployment(NamedTuple):
    """A deployment.

    Args:
        kept: Whether it can be rolled back to: one that was cancelled is REMOVED as one that was replaced.
        image: With its digest, where Railway tells it.
        commit: What else Railway knows it by.
    """

    id: str
    status: str
    created: str
    kept: bool
    image: str
    commit: str

    @classmethod
    def read(cls, it: Any) -> Deployment:  # noqa: ANN401 (JSON)
        """Read what the API says of it."""
        meta = it["meta"] or {}
        image, digest = meta.get("image") or "", meta.get("imageDigest") or ""
        if image and digest and "@" not in image:
            image = re.sub(":[^:/]*$", "", image) + f"@{digest}"
        known = digest or meta.get("commitHash") or ""
        return cls(it["id"], it["status"], it["createdAt"], it["canRollback"], image, known)

    @property
    def release(self) -> Release:
        """What the sequences know of it."""
        return Release(self.id, self.image or self.commit or self.id, self.created, self.image)

    def state(self, what: str) -> bool:
        """Tell how it is doing."""
        if self.status in RUNS:
            return True
        if self.status in UNDER_WAY:
            return False
        raise DeployFailed(f"{what} failed: it ended as {self.status}; its log is in Railway, with the service")


def address(answer: Any) -> str:  # noqa: ANN401 (JSON)
    """Read where a service answers."""
    domains = [*answer["domains"]["customDomains"], *answer["domains"]["serviceDomains"]]
    return f"https://{domains[0]['domain']}" if domains else ""


class Host:
    """The service in one environment."""

    def __init__(self, at: Context) -> None:
        self._at = at
        self._images = Images(at.settings)
        self._api = GraphQL(at)

    def check(self) -> None:
        """Note what is missing."""
        settings = self._at.settings
        if self._at.task == "bootstrap":
            settings.need("RAILWAY_API_TOKEN", "a token of the workspace in Railway")
            return
        if self._at.task not in ("releases", "rollback"):
            self._images.needs()
        settings.need("RAILWAY_TOKEN", "a project token of Railway's, for this environment")
        settings.need("RAILWAY_SERVICE_ID", "the id of the service, which ops/bootstrap prints")

    def image(self, commit: str) -> str:
        """Give what is deployed, built and published before."""
        return self._images.published(commit)

    def url(self) -> str:
        """Give where it answers."""
        return self._api.ask(queries.instance(), address, **self._instance)

    def releases(self) -> list[Release]:
        """Give what ran."""
        return [it.release for it in self._deployments((*RAN, *GONE), 100) if it.status in RAN or it.kept]

    def current(self) -> Release | None:
        """Give what runs. One that crashed counts where nothing else runs: it is what a rollback is for."""
        ran = self._deployments(RAN, 20)
        return next((it.release for it in [*(it for it in ran if it.status in RUNS), *ran]), None)

    def deploy(self, commit: str, image: str) -> None:  # noqa: ARG002 (the image is all of it)
        """Have the image run."""
        with asking():
            self._instance.keys()
        with changing():
            self._point(image)
        with put_back("Railway", self._want_what_runs, self._at):
            with changing():
                made = self._start()
            what = f"deployment {made}"
            follow(what, lambda: self._deployment(made).state(what), lambda: self._cancel(made), self._at)

    def restore(self, target: Target) -> None:
        """Cancel what would take over once it is ready, and bring a deployment back, unless it is what runs."""
        known = self._known(target.release)
        image = target.image or (known.image if known else "")
        with put_back("Railway", self._want_what_runs, self._at):
            if image:
                self._point(image)
            for each in self._deployments(UNDER_WAY, 20):
                self._cancel(each.id)
            runs = self._deployments(RUNS, 20)
            if runs and runs[0].id == target.release:
                return
            if known and known.kept:
                self._begin(target, lambda: self._api.change(queries.ROLLBACK, bool, id=target.release))
            elif image:
                self._at.console.say(f"Railway no longer keeps {target.release}; deploying its image")
                self._begin(target, self._start)
            else:
                raise Failure(f"Railway no longer keeps {target.release}")

    def freeze(self) -> None:
        """Nothing deploys but we."""

    def bootstrap(self, plan: Plan) -> None:
        """Bring the project to what .railway/ENV.json says."""
        Workspace(self._at, self._api).bootstrap(plan)

    @cached_property
    def _environment(self) -> dict[str, str]:
        """Where the token is good, once that is sure to be this environment."""
        keys = ("projectId", "environmentId")
        name, ids = self._api.ask(
            queries.PLACE, lambda it: (str(it["environment"]["name"]), {key: str(it[key]) for key in keys})
        )
        if name != self._at.env:
            raise Failure(f"RAILWAY_TOKEN is not a token of {self._at.env} but of {name}")
        return ids

    @property
    def _instance(self) -> dict[str, str]:
        environment = self._environment["environmentId"]
        return {"serviceId": self._at.settings.get("RAILWAY_SERVICE_ID"), "environmentId": environment}

    def _deployments(self, statuses: Sequence[str], first: int) -> list[Deployment]:
        """Give deployments, newest first."""
        wanted = {**self._environment, **self._instance, "status": {"in": statuses}}
        found = self._api.ask(
            queries.DEPLOYMENTS,
            lambda it: [Deployment.read(each["node"]) for each in it["edges"]],
            input=wanted,
            first=first,
        )
        return sorted(found, key=lambda it: it.created, reverse=True)

    def _deployment(self, known: str) -> Deployment:
        return self._api.ask(queries.DEPLOYMENT, Deployment.read, id=known)

    def _known(self, release: str) -> Deployment | None:
        """Give a deployment, if Railway still knows it."""
        try:
            return self._deployment(release)
        except CallFailed as error:
            if error.certainly_not_run:
                return None
            raise

    def _point(self, image: str) -> None:
        """Set what is deployed from now on, also when somebody does it in Railway."""
        self._api.ask(queries.UPDATE, bool, **self._instance, input={"source": {"image": image}})

    def _want_what_runs(self) -> None:
        runs = self.current()
        if runs and runs.image:
            self._point(runs.image)

    def _start(self) -> str:
        return self._api.change(queries.DEPLOY, str, **self._instance)

    def _begin(self, target: Target, do: Callable[[], object]) -> None:
        """Start what makes a deployment, and return once that runs: it is what is newer than all before."""
        what = f"the rollback to {target.release}"
        before = [it.id for it in self._deployments(ANY, 1)]

        def newer() -> list[Deployment]:
            return [it for it in self._deployments(ANY, 1) if it.id not in before]

        def look() -> bool:
            return next((it.state(what) for it in newer()), False)

        def stop() -> None:
            for each in newer():
                self._cancel(each.id)

        try:
            do()
        except CallFailed as error:
            # Its answer may be all that got lost.
            if error.certainly_not_run or not newer():
                raise
        follow(what, look, stop, self._at)

    def _cancel(self, known: str) -> None:
        cancel(
            lambda: self._api.ask(queries.CANCEL, bool, id=known),
            lambda: self._deployment(known).status in UNDER_WAY,
        )
