"""How App Platform brings an app to what a spec says, or back."""

from __future__ import annotations

from collections.abc import Callable

from .api import Api, cancel
from .app import App, Deployment, newest_first, objection, started
from .appspec import Part, confided
from .calls import CallFailed, follow
from .errors import DeployFailed, Failure
from .platform import Context


class Rollouts:
    """Those of one app."""

    def __init__(self, at: Context, api: Api, known: str) -> None:
        self._at = at
        self._api = api
        self.id = known

    def app(self) -> App:
        """Give the app as it is now."""
        return self._api.ask(f"/{self.id}", lambda it: App.read(it["app"]))

    def deployments(self, count: int) -> list[Deployment]:
        """Give the newest, newest first."""
        return self._api.ask(f"/{self.id}/deployments?per_page={count}", newest_first)

    def deployment(self, known: str) -> Deployment:
        """Give one."""
        return self._api.ask(f"/{self.id}/deployments/{known}", lambda it: Deployment.read(it["deployment"]))

    def put(self, spec: Part, *, newest: bool = True, twice: bool = False) -> str:
        """Say what the app is to want, which deploys it.

        Without `newest`, App Platform looks at no source again that the app has already.
        """
        body = {"spec": spec, "update_all_source_versions": newest}
        return self._api.call("PUT", f"/{self.id}", started, body, twice=twice)

    def follow(self, made: str) -> None:
        """Return once a deployment is active, the newest if its start did not say which it is."""
        known = made or self._api.ask(f"/{self.id}/deployments?per_page=1", lambda it: newest_first(it)[0].id)
        follow(f"deployment {known}", lambda: self._look(known), lambda: self._cancel(known), self._at)

    def _look(self, known: str) -> bool:
        deployment = self.deployment(known)
        if deployment.phase == "ACTIVE":
            return True
        if deployment.under_way:
            return False
        ended = ", ".join(filter(None, [f"it ended as {deployment.phase}", deployment.why]))
        raise DeployFailed(f"deployment {known} failed: {ended}")

    def _cancel(self, known: str) -> None:
        path = f"/{self.id}/deployments/{known}/cancel"
        cancel(lambda: self._api.call("POST", path, bool, twice=True), lambda: self.deployment(known).under_way)

    def unpin(self, app: App) -> None:
        """A rollback pins an app: it takes no other deployment before that is committed or reverted."""
        if not app.pinned:
            return
        step = "commit" if app.active and app.active.id == app.pinned else "revert"
        try:
            self._api.call("POST", f"/{self.id}/rollback/{step}", bool, twice=True)
        except CallFailed:
            if self.app().pinned:
                raise

    def calm(self, app: App) -> App:
        """Unpin it and cancel what is under way, which would take over once it is ready."""
        self.unpin(app)
        for each in self.deployments(20):
            if each.under_way:
                self._cancel(each.id)
        return self.app()

    def settle(self) -> None:
        """Have the app want what it runs, with today's settings: its spec is still that of what failed."""
        try:
            app = self.calm(self.app())
            wanted = confided(app.active.spec, app.spec) if app.active else app.spec
            if app.spec != wanted:
                self.follow(self.put(wanted, twice=True))
        except Failure as error:
            self._at.console.confess(error)
            what = "what runs stays, but the settings of the app may be those of what failed"
            self._at.console.say(f"{what}: deploy something good before you change any")

    def or_back(self, do: Callable[[], None]) -> None:
        """Do it; where the platform gives up on it, what the app wants goes back to what it runs."""
        try:
            do()
        except DeployFailed as error:
            self._at.console.confess(error)
            self.settle()
            raise Failure from None

    def against(self, release: str) -> str:
        """Say what there is against a rollback, its code first, or nothing."""
        body = {"deployment_id": release}
        return self._api.call("POST", f"/{self.id}/rollback/validate", objection, body, twice=True)

    def roll_back(self, release: str) -> None:
        """Have an earlier deployment run again, with its settings, and the app want that."""
        body = {"deployment_id": release, "skip_pin": False}
        try:
            made = self._api.call("POST", f"/{self.id}/rollback", started, body)
        except CallFailed as error:
            # If it was carried out all the same, the app is pinned.
            made = "" if error.certainly_not_run else self.app().pinned
            if not made:
                raise
        self.follow(made)
        self.unpin(self.app())
