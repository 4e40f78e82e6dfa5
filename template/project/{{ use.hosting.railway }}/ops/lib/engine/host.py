"""Railway: an environment of one project; RAILWAY_SERVICE_ID is the service in it, RAILWAY_TOKEN good for it alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property

from . import queries
from .api import cancel, changing
from .calls import CallFailed, follow
from .deployment import ANY, GONE, RAN, RUNS, UNDER_WAY, Deployment, address
from .errors import Failure, NothingChanged, asking
from .graphql import GraphQL
from .image import Images
from .platform import Change, Context, Plan, Release, Target
from .wants import put_back
from .workspace import Workspace


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
        if self._at.task not in ("releases", "rollback", "settings"):
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
        """Have the image run, and nothing take over from it that is under way already."""
        with asking():
            under_way = self._deployments(UNDER_WAY, 20)
        with changing():
            self._point(image)
        with put_back("Railway", self._want_what_runs, self._at):
            for each in under_way:
                self._cancel(each.id)
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

    def told(self) -> dict[str, str | None]:
        """Give the variables of the service, by their names alone where somebody sealed them."""
        return self._api.ask(queries.TOLD, lambda it: dict(it.items()), **self._place)

    def tell(self, change: Change) -> None:
        """Set them all at once, for the next deploy.

        Others go one by one: to replace all would take away what is sealed. Railway deploys what it is told to run
        whenever one goes; `deploy` cancels that.
        """
        refers = ", ".join(name for name, value in change.sets.items() if "${{" in value)
        if refers:
            raise NothingChanged(f"Railway would put something else in place of ${{{{…}}}} in the value of {refers}")
        with asking():
            place = self._place
        calls: list[tuple[str, Mapping[str, object]]] = [(queries.UNSET, {"name": name}) for name in change.unsets]
        if change.sets:
            calls.insert(0, (queries.SET_VARIABLES, {"variables": change.sets, "replace": False, "skipDeploys": True}))
        (document, wanted), *rest = calls
        with changing():
            self._api.ask(document, bool, input={**place, **wanted})
        for document, wanted in rest:
            self._api.ask(document, bool, input={**place, **wanted})

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
    def _place(self) -> dict[str, str]:
        return {**self._environment, "serviceId": self._at.settings.get("RAILWAY_SERVICE_ID")}

    @property
    def _instance(self) -> dict[str, str]:
        return {key: value for key, value in self._place.items() if key != "projectId"}

    def _deployments(self, statuses: Sequence[str], first: int) -> list[Deployment]:
        """Give deployments, newest first."""
        wanted = {**self._place, "status": {"in": statuses}}
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
