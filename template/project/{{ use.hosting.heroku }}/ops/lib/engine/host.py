"""Heroku: one app for each environment, as .heroku/ENV.json says; a release is an image and its config vars.

Whoever changes config vars or add-ons makes a release too.
"""

from __future__ import annotations

import json
from functools import cached_property, partial
from typing import Any

from .api import Api, cancel, changing
from .app import BACK, MOST, App, Dyno, Entry, running, with_images
from .calls import CallFailed, follow
from .errors import DeployFailed, Failure, NothingChanged, asking, otherwise
from .image import Images
from .platform import Change, Context, Plan, Release, Target

VERSION_3 = "application/vnd.heroku+json; version=3"


class Host:
    """The app of one environment."""

    def __init__(self, at: Context) -> None:
        self._at = at
        self._images = Images(at.settings)
        self._registry = at.settings.get("HEROKU_REGISTRY", "registry.heroku.com")
        self._api = self._caller()
        self._lists = self._caller(Range="version ..; order=desc,max=200")
        self._containers = self._caller(Accept=f"{VERSION_3}.docker-releases")
        #: The config vars that the app had when they were asked for.
        self._has: dict[str, str] = {}

    def check(self) -> None:
        """Note what is missing; what a rollback brings back is with Heroku already."""
        self._at.settings.need("HEROKU_API_KEY", "heroku authorizations:create")
        if self._at.task not in ("bootstrap", "releases", "rollback"):
            self._images.needs()

    def image(self, commit: str) -> str:
        """Give what is deployed, built and published before; to a rollback, what Heroku calls it."""
        if self._at.task != "rollback":
            return self._images.published(commit)
        # A release tells no more than twelve digits of it.
        return self._id(self._images.published(commit))[: len("sha256:") + 12]

    def url(self) -> str:
        """Give where it answers: the address has a part that Heroku made up."""
        return self._api.ask(self._path(), lambda it: str(it["web_url"] or "").rstrip("/"))

    def releases(self) -> list[Release]:
        """Give those that brought an image."""
        return with_images(self._entries())

    def current(self) -> Release | None:
        """Give what runs."""
        return running(self._entries())

    def deploy(self, commit: str, image: str) -> None:
        """Release the image by its id. Heroku releases nothing when it runs that already."""
        with asking():
            image_id = self._copy(commit, image)
            sized = "web" in self._api.ask(self._path("/formation"), lambda it: [each["type"] for each in it])
        with changing():
            body = {"updates": [{"type": "web", "docker_image": image_id}]}
            self._containers.call("PATCH", self._path("/formation"), bool, body)
        if not sized:  # There is nothing to scale before the first image.
            try:
                self._scale()
            except CallFailed as error:
                self._at.console.confess(error)
                then = f"to set it: ops/bootstrap {self._at.env}"
                self._at.console.say(f"the size of {self._app.name} is what Heroku chose; {then}")
        self._follow(f"the release of {commit}")

    def restore(self, target: Target) -> None:
        """Bring a release back, unless it runs; stop one that waits for its command, or it would take over.

        It comes with the config vars of then: those of now are set again, before anybody judges how it starts.
        """
        self._stop()
        entries = self._entries()
        now = running(entries)
        if now and now.id == target.release:
            return
        what, had = "the rollback", self._variables()
        made = self._roll_back(target.release, entries[0].version)
        follow(what, lambda: self._released(what, made), self._stop, self._at)
        has = self._variables()
        back = {name: had.get(name) for name in {**had, **has} if had.get(name) != has.get(name)}
        if back:
            what_is = f"these config vars are as they were then: {', '.join(sorted(back))}"
            with otherwise(f"{what_is}; set them again, those of ours by ops/settings {self._at.env} push"):
                self._patch("/config-vars", back)
        self._follow(what, "" if back else made)

    def freeze(self) -> None:
        """Deploys on push are off, as the documentation asks for."""

    def told(self) -> dict[str, str | None]:
        """Give the config vars of the app."""
        self._has = self._variables()
        return dict(self._has)

    def tell(self, change: Change) -> None:
        """Set them all at once. What runs is started again with them, which is a release of its own."""
        will = {name: value for name, value in {**self._has, **change.sets}.items() if name not in change.unsets}
        if change.sets and sum(len(part.encode()) for each in will.items() for part in each) > MOST:
            longest = max(change.sets, key=lambda name: len(change.sets[name]))
            raise NothingChanged(f"{longest} is too long: the config vars of an app take 64 KB at most, all together")
        with changing():
            self._patch("/config-vars", {**change.sets, **dict.fromkeys(change.unsets)})

    def bootstrap(self, plan: Plan) -> None:
        """Bring the app to what its file says. New config vars make one release, and restart what runs."""
        app, has, formation = self._app, {}, []
        try:
            stack = self._api.ask(self._path(), lambda it: str(it["build_stack"]["name"]))
        except CallFailed as error:
            if error.status == 403:
                then = f"choose a name in .heroku/{self._at.env}.json that is free and ends in -{self._at.env}"
                raise Failure(f"if {app.name} is somebody else's, {then}") from error
            if error.status != 404:
                raise
            plan.change(f"create the app {app.name}", self._create)
        else:
            if stack != "container":
                plan.change(f"have {app.name} run images", lambda: self._patch("", {"build_stack": "container"}))
            has = self._variables()
            formation = self._api.ask(self._path("/formation"), self._sizes)
        names = ", ".join(name for name, value in app.config.items() if has.get(name) != value)
        if names:
            plan.change(f"set {names}", lambda: self._patch("/config-vars", app.config))
        count, size = app.formation["quantity"], app.formation["dyno_size"]["name"]
        if any(each != (count, size) for each in formation):
            plan.change(f"run {count} dynos of {size}", self._scale)

    @cached_property
    def _app(self) -> App:
        return App.read(self._at.env)

    def _caller(self, **more: str) -> Api:
        settings = self._at.settings
        headers = {"Accept": VERSION_3, "Authorization": f"Bearer {settings.get('HEROKU_API_KEY')}", **more}
        return Api(settings.get("HEROKU_API_URL", "https://api.heroku.com"), headers, settings)

    def _path(self, rest: str = "") -> str:
        return f"/apps/{self._app.name}{rest}"

    def _patch(self, path: str, body: object) -> None:
        self._api.call("PATCH", self._path(path), bool, body, twice=True)

    def _scale(self) -> None:
        self._patch("/formation", {"updates": [self._app.formation]})

    @staticmethod
    def _sizes(answer: list[Any]) -> list[tuple[int, str]]:
        webs = [each for each in answer if each["type"] == "web"]
        return [(each["quantity"], each["dyno_size"]["name"].lower()) for each in webs]

    def _create(self) -> None:
        """Create the app: it is HEROKU_TEAM's, or of whoever has the key."""
        team = self._at.settings.get("HEROKU_TEAM")
        body = {**self._app.app, "team": team} if team else self._app.app
        self._api.call("POST", "/teams/apps" if team else "/apps", bool, body)

    def _variables(self) -> dict[str, str]:
        return self._api.ask(self._path("/config-vars"), dict)

    def _entries(self) -> list[Entry]:
        return self._lists.ask(self._path("/releases"), lambda it: [Entry.read(each) for each in it])

    def _dynos(self) -> list[Dyno]:
        return self._api.ask(self._path("/dynos"), lambda it: [Dyno.read(each) for each in it])

    def _id(self, image: str) -> str:
        """Give what Docker calls an image, the digest of its configuration; nothing, if it is several."""
        manifest = json.loads(self._images.inspect(image, "--raw"))
        return str(manifest.get("config", {}).get("digest", ""))

    def _copy(self, commit: str, image: str) -> str:
        """Give Heroku, which pulls from its own registry, a copy under the same digest; give the image's id.

        The tag is for people: `heroku container:release` alone looks for one, `latest`.
        """
        fresh = self._at.task == "deploy"  # others have no login of our own registry
        image_id = self._id(image) if fresh else ""
        if fresh and not image_id:
            raise Failure(f"{image} is no image for one kind of machine, which is all that Heroku takes")
        self._images.login(self._registry, "_", self._at.settings.get("HEROKU_API_KEY"))
        copy = f"{self._registry}/{self._app.name}/web:{commit}"
        self._images.mirror(image, copy)
        return image_id or self._id(copy)

    def _roll_back(self, release: str, newest: int) -> str:
        """Have a release made, and give it; whose answer got lost is looked for before it is made again."""
        for left in (2, 1, 0):
            try:
                path = self._path("/releases")
                return self._api.call("POST", path, lambda it: str(it["id"]), {"release": release})
            except CallFailed as error:
                if error.certainly_not_run:
                    raise
                made = self._entries()[0]
                if made.version > newest and BACK.match(made.what):
                    return made.id
                if not left:
                    raise
            self._at.settings.pause()
        raise AssertionError

    def _follow(self, what: str, release: str = "") -> None:
        """Wait until a release, by default the newest, runs."""

        def look() -> bool:
            nonlocal release
            release = release or self._entries()[0].id
            return self._look(what, release)

        follow(what, look, self._stop, self._at)

    def _released(self, what: str, release: str) -> bool:
        """See whether its release command, if there is one, has ended."""
        status = self._api.ask(self._path(f"/releases/{release}"), Entry.read).status
        if status not in ("pending", "succeeded"):
            raise DeployFailed(f"{what} failed: it ended as {status}; {self._app.log}")
        return status == "succeeded"

    def _look(self, what: str, release: str) -> bool:
        """See whether it was released, and its dynos have started; ops/smoke says more."""
        if not self._released(what, release):
            return False
        states = [each.state for each in self._dynos() if (each.type, each.release) == ("web", release)]
        if "crashed" in states:
            raise DeployFailed(f"{what} failed: a dyno crashed; {self._app.log}")
        return "starting" not in states

    def _stop(self) -> None:
        """A release waits for nothing but its release command, if there is one; without that it fails."""
        for each in self._dynos():
            if each.type == "release":
                path = self._path(f"/dynos/{each.name}/actions/stop")
                cancel(
                    partial(self._api.call, "POST", path, bool, twice=True),
                    lambda: any(other.type == "release" for other in self._dynos()),
                )
