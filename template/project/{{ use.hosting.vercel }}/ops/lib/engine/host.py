"""Vercel: one project for each environment, VERCEL_PROJECT_ID is the one of the environment at hand.

What runs is its "production", whichever environment it is.
"""

from __future__ import annotations

import time
from functools import cached_property
from secrets import token_hex
from typing import Any

from .api import cancel, changing
from .bundle import Bundle
from .calls import CallFailed, follow
from .deployment import Deployment, Project
from .environment import Environment
from .errors import DeployFailed, NothingChanged, asking
from .platform import Change, Context, Plan, Release, Target
from .team import Team

CREATE = "/v13/deployments?forceNew=1&skipAutoDetectionConfirmation=1"
UNDER_WAY = "BUILDING,INITIALIZING,QUEUED"
STATES = f"{UNDER_WAY},READY,ERROR,CANCELED"


class Host:
    """The project of one environment."""

    def __init__(self, at: Context) -> None:
        self._at = at
        self._id = at.settings.get("VERCEL_PROJECT_ID")
        self._team = Team(at.settings)
        self._bundle = Bundle(at, self._team)
        self._environment = Environment(at, self._team, self._path)
        #: Whether new deployments got the domains by themselves when the task began.
        self._automatic: bool | None = None
        self._frozen = False
        #: Whether it changed something before, so that now it goes back.
        self._again = False

    def check(self) -> None:
        """Note what is missing."""
        settings = self._at.settings
        self._bundle.check()
        settings.need("VERCEL_TOKEN", "an access token of Vercel")
        settings.need("VERCEL_ORG_ID", "the id of the team, or of a personal account")
        if self._at.task != "bootstrap":
            what = "the id of the project of this environment; ops/bootstrap says it"
            settings.need("VERCEL_PROJECT_ID", what)

    def image(self, commit: str) -> str:
        """Give what is deployed, where it is an image."""
        return self._bundle.image(commit)

    def url(self) -> str:
        """Give where production answers."""
        self._project()
        return f"https://{self._domain}" if self._domain else ""

    def releases(self) -> list[Release]:
        """Give what was in production once."""
        return [it.release for it in self._deployments("READY", 100) if not it.staged]

    def current(self) -> Release | None:
        """Give what the domain leads to, which after a rollback is not the newest."""
        production = self._project().production
        return self._look(self._domain or production).release if production else None

    def deploy(self, commit: str, image: str) -> None:
        """Send it, and return once the domains lead to it."""
        with asking():
            name = self._project().name
            files = self._bundle.files(name, commit, image)
        again, self._again = self._again, True
        if again or self._frozen:
            self._clear()
        meta = {"commit": commit, "attempt": token_hex(8), **({"image": image} if image else {})}
        body = {"name": name, "project": self._id, "target": "production", "meta": meta}
        known = self._create({**body, "projectSettings": {"framework": None}, "files": files})
        looks, promoted = 0, False

        def look() -> bool:
            nonlocal looks, promoted
            if not self._ready(known):
                return False
            if self._leads_to(known):
                return True
            looks += 1
            # After a rollback Vercel leaves the domains where they are until then; else it takes a moment.
            if not promoted and looks >= (10 if self._project().automatic else 1):
                self._point("/v10", "promote", known)
                promoted = True
            return False

        follow(f"deployment {known}", look, lambda: self._cancel(known), self._at)
        if again or self._at.task != "deploy":
            self._settle(again=again)

    def restore(self, target: Target) -> None:
        """Cancel what would take the domains once it is ready, and point them to a deployment.

        To Vercel that is a rollback, after which new deployments wait for their promotion. They do so
        after ours, too; where a task only goes back to what ran, that goes back as well.
        """
        again, self._again = self._again, True
        self._clear()
        current = self.current()
        if not current or current.id != target.release:
            self._point("/v1", "rollback", target.release)
            self._wait_for(target.release)
        if again:
            self._settle(again=True)

    def freeze(self) -> None:
        """The next push would take the domains, where Vercel builds; the next ops/deploy ends this."""
        self._frozen = True
        if self._project().automatic:
            self._assign(automatic=False)

    def told(self) -> dict[str, str | None] | None:
        """Give the variables of production; a site has none."""
        if self._automatic is None:
            self._project()
        return self._environment.told()

    def tell(self, change: Change) -> None:
        """Change them: a deployment has them from when it is made."""
        self._environment.tell(change)

    def bootstrap(self, plan: Plan) -> None:
        """Create the project, and tell it what the files say."""
        name = f"{self._at.project.name}-{self._at.env}"
        query = f"/v10/projects?search={name}&limit=100"
        found = self._team.ask(query, lambda it: {each["name"]: each["id"] for each in it["projects"]})
        self._id = found.get(name, "")
        if self._id:
            plan.keep("VERCEL_PROJECT_ID", self._id)
        else:
            plan.change(f"create the project {name}", lambda: self._found(plan, name))
        self._environment.adjust(plan, known=name in found)

    def _path(self, version: str, rest: str = "") -> str:
        return f"{version}/projects/{self._id}{rest}"

    def _project(self) -> Project:
        """Give the project, once it is sure to belong to the environment."""
        project = self._team.ask(self._path("/v9"), Project.read)
        env = self._at.env
        if not project.name.endswith(f"-{env}"):
            why = f"its name does not end in -{env}"
            raise NothingChanged(f"VERCEL_PROJECT_ID is not the project of {env}: {why}")
        if self._automatic is None:
            self._automatic = project.automatic
        return project

    @cached_property
    def _domain(self) -> str:
        """The first domain that does not redirect to another."""
        path = self._path("/v9", "/domains?production=true&redirects=false")
        names = self._team.ask(path, lambda it: [each["name"] for each in it["domains"] if each["verified"]])
        return str(names[0]) if names else ""

    def _deployments(self, states: str, limit: int) -> list[Deployment]:
        """Give those for production, newest first."""
        query = f"projectId={self._id}&target=production&state={states}&limit={limit}"
        found = self._team.ask(
            f"/v6/deployments?{query}", lambda it: [Deployment.read(each) for each in it["deployments"]]
        )
        return sorted(found, key=lambda it: it.created, reverse=True)

    def _look(self, name: str) -> Deployment:
        return self._team.ask(f"/v13/deployments/{name}", Deployment.read)

    def _create(self, body: dict[str, Any]) -> str:
        """Make a deployment, and give its id. Of a call with an unknown end, look what came of it."""
        try:
            with changing():
                return self._made(body)
        except CallFailed as error:
            self._at.console.confess(error)
        self._at.settings.pause()
        mark = body["meta"]["attempt"]
        found = next((it.id for it in self._deployments(STATES, 20) if it.attempt == mark), "")
        # Should it turn up later: it is of the same commit, and a restore cancels it.
        return found or self._made(body)

    def _made(self, body: dict[str, Any]) -> str:
        return self._team.call("POST", CREATE + self._bundle.query, lambda it: str(it["id"]), body)

    def _ready(self, known: str) -> bool:
        deployment = self._look(known)
        if deployment.state in ("ERROR", "CANCELED"):
            raise DeployFailed(f"deployment {known} failed: {deployment.error}")
        return deployment.state == "READY"

    def _leads_to(self, known: str) -> bool:
        current = self.current()
        return current is not None and current.id == known

    def _wait_for(self, known: str) -> None:
        limit = self._at.settings.seconds("DEPLOY_TIMEOUT", 900)
        deadline = time.monotonic() + limit
        while True:
            try:
                if self._leads_to(known):
                    return
            except CallFailed as error:
                # A look that fails says nothing about it.
                if error.denied:
                    raise
                self._at.console.confess(error)
            if time.monotonic() >= deadline:
                raise DeployFailed(f"the domains do not lead to {known} after {limit:g} s")
            self._at.settings.pause()

    def _point(self, version: str, how: str, known: str) -> None:
        """Have the domains lead there; where they do already, that changes nothing."""
        self._team.call("POST", self._path(version, f"/{how}/{known}"), bool, twice=True)

    def _settle(self, *, again: bool) -> None:
        """Have new deployments get the domains, or wait, as before the task; a rollback has them wait."""
        wanted = bool(self._automatic) and (again or not self._frozen)
        try:
            if self._project().automatic != wanted:
                self._assign(automatic=wanted)
        except CallFailed as error:
            self._at.console.confess(error)
            waits = "what Vercel builds of pushes waits to be promoted, or for the next ops/deploy"
            self._at.console.say(waits if wanted else "the next push that Vercel builds may undo this")

    def _assign(self, *, automatic: bool) -> None:
        body = {"autoAssignCustomDomains": automatic}
        self._team.call("PATCH", self._path("/v9"), bool, body, twice=True)

    def _clear(self) -> None:
        for each in self._deployments(UNDER_WAY, 20):
            self._cancel(each.id)

    def _cancel(self, known: str) -> None:
        path = f"/v12/deployments/{known}/cancel"
        cancel(
            lambda: self._team.call("PATCH", path, bool, twice=True),
            lambda: self._look(known).state in UNDER_WAY.split(","),
        )

    def _found(self, plan: Plan, name: str) -> None:
        self._id = self._team.call("POST", "/v11/projects", lambda it: str(it["id"]), {"name": name})
        plan.keep("VERCEL_PROJECT_ID", self._id)
