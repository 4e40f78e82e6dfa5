"""DigitalOcean's App Platform: one app for each environment, which .do/app.ENV.json describes.

DIGITALOCEAN_APP_ID is the one of the environment at hand; without it, the app is found by its name.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from .api import Api, changing
from .app import App, started
from .appspec import REGISTRIES, Part, over, pointed, pulled, secret, source, telling, variables
from .errors import Failure, NothingChanged, asking
from .image import Images
from .platform import Change, Context, Plan, Release, Target
from .process import ProgramFailed
from .rollout import Rollouts


class Host:
    """The app of one environment."""

    def __init__(self, at: Context) -> None:
        self._at = at
        self._images = Images(at.settings)
        self._file = f".do/app.{at.env}.json"
        address = at.settings.get("DIGITALOCEAN_API_URL", "https://api.digitalocean.com")
        headers = {"Authorization": f"Bearer {at.settings.get('DIGITALOCEAN_TOKEN')}"}
        self._api = Api(f"{address}/v2/apps", headers, at.settings)
        self._rollouts = Rollouts(at, self._api, at.settings.get("DIGITALOCEAN_APP_ID"))

    def check(self) -> None:
        """Note what is missing."""
        settings, task = self._at.settings, self._at.task
        settings.need("DIGITALOCEAN_TOKEN", "a token of DigitalOcean that may read, create and update apps")
        if task not in ("bootstrap", "releases", "rollback", "settings"):
            self._images.needs()
        host, *rest = self._images.repository.split("/")
        if task in ("deploy", "bootstrap") and host and (host not in REGISTRIES or len(rest) < 2):
            *most, last = REGISTRIES
            can = f"from {', '.join(most)} and {last}"
            settings.lack("IMAGE_REPOSITORY", f"App Platform cannot pull from {host}, but {can}", 2)

    def image(self, commit: str) -> str:
        """Give what is deployed, built and published before."""
        return self._images.published(commit)

    def url(self) -> str:
        """Give where it answers."""
        return self._app().url

    def releases(self) -> list[Release]:
        """Give what was active."""
        self._app()
        return [it.release for it in self._rollouts.deployments(100) if it.phase in ("ACTIVE", "SUPERSEDED")]

    def current(self) -> Release | None:
        """Give what is active."""
        active = self._app().active
        return active.release if active else None

    def deploy(self, commit: str, image: str) -> None:
        """Have the image run, with the settings of its commit."""
        with asking():
            app = self._app()
            wanted = self._wanted(app, self._described(commit), pulled(image))
        with changing():
            self._rollouts.unpin(app)
            made = self._rollouts.put(wanted)
        if self._at.task == "rollback":  # which ends with that; a deploy goes on to what was good before
            self._rollouts.or_back(lambda: self._rollouts.follow(made))
        else:
            self._rollouts.follow(made)

    def restore(self, target: Target) -> None:
        """Bring a deployment back. What runs needs no restoring, but the app is to want it again."""
        app = self._rollouts.calm(self._app())
        if app.runs(target):
            self._rollouts.settle()
            return
        against = self._rollouts.against(target.release)
        if not against:
            self._rollouts.or_back(lambda: self._rollouts.roll_back(target.release))
            return
        if not against.startswith("exceeded_revision_limit"):
            raise Failure(f"App Platform does not roll back to {target.release}: {against}")
        far = f"App Platform does not roll back that far ({against.partition(': ')[2]})"
        self._at.console.say(f"{far}; deploying the image of then again")
        self._rollouts.or_back(lambda: self._again(app, target))

    def freeze(self) -> None:
        """Nothing deploys but we."""

    def told(self) -> dict[str, str | None]:
        """Give the variables of the service; DigitalOcean gives secrets out encrypted."""
        found = variables(self._app().spec, self._service())
        return {each["key"]: None if secret(each) else each.get("value", "") for each in found}

    def tell(self, change: Change) -> None:
        """Have the app want them, as secrets. That deploys it, which makes way for the deploy that follows."""
        self._hold(change)
        with asking():
            app, service = self._app(), self._service()
            image, newest = self._runs(app, service)
            wanted = telling(self._wanted(app, {"services": [{"name": service}]}, image), service, change)
        with changing():
            self._rollouts.unpin(app)
            self._rollouts.put(wanted, newest=newest, twice=True)

    def bootstrap(self, plan: Plan) -> None:
        """Bring the app to what its file says."""
        file, app = self._described(), self._find()
        if not app:
            self._create(plan, file)
            return
        plan.keep("DIGITALOCEAN_APP_ID", app.id)
        image, newest = self._runs(app, file["services"][0]["name"])
        wanted = self._wanted(app, file, image, self._login())
        if wanted != app.spec:
            what = f"bring {app.spec['name']} to what {self._file} says"
            plan.change(what, lambda: self._rollouts.or_back(lambda: self._change(wanted, newest=newest)))

    def _find(self) -> App | None:
        """Give the app, if there is one, once it is sure to belong to the environment."""
        name, app, env = self._described()["name"], None, self._at.env
        if not self._rollouts.id:
            known = self._api.ask(
                "?per_page=200", lambda it: {a["spec"]["name"]: a["id"] for a in it.get("apps") or []}
            )
            self._rollouts.id = known.get(name, "")
        if self._rollouts.id:
            app = self._rollouts.app()
            name = app.spec["name"]
        if not name.endswith(f"-{env}"):
            raise NothingChanged(f"{name} is not the app of {env}: its name does not end in -{env}")
        return app

    def _app(self) -> App:
        app = self._find()
        if not app:
            name, again = self._described()["name"], f"ops/bootstrap {self._at.env}"
            raise NothingChanged(f"DigitalOcean has no app {name} yet: {again} creates it")
        return app

    def _described(self, commit: str = "") -> Part:
        """Give what the file says, that of a commit if it had one."""
        text = Path(self._file).read_text("utf-8")
        if commit:
            with suppress(ProgramFailed):
                text = self._at.git("show", f"{commit}:./{self._file}")
        try:
            spec: Part = json.loads(text)
            named = isinstance(spec["name"], str) and isinstance(spec["services"][0]["name"], str)
        except (ValueError, LookupError, TypeError):
            named = False
        if not named:
            raise NothingChanged(f"{self._file} is no app spec with a name and a service that has one")
        return spec

    def _wanted(self, app: App, file: Part, image: Part, login: str = "") -> Part:
        """Give a spec of all that the app has, but what the file says, and the image.

        An update replaces everything. Secrets are among what stays: DigitalOcean takes them back as it
        gave them out, encrypted.
        """
        service, name = file["services"][0]["name"], app.spec["name"]
        if not source(app.spec, service):
            then = f"call it as the app does in {self._file}, and make an image its source in the app"
            raise NothingChanged(f"{name} has no service {service} that runs an image; {then}")
        return pointed({**over(app.spec, file), "name": name}, service, image, login)

    def _runs(self, app: App, service: str) -> tuple[Part, bool]:
        """Give the image of a change of settings, the one that runs, and whether the app wants another.

        What failed is not to be started by such a change.
        """
        has = source(app.spec, service) or {}
        runs = source(app.active.spec, service) if app.active and not app.under_way else None
        return runs or has, runs not in (None, has)

    def _service(self) -> str:
        return str(self._described()["services"][0]["name"])

    def _hold(self, change: Change) -> None:
        """Stop if App Platform would take a value for something else."""
        other = [name for name, it in change.sets.items() if "${" in it or it.startswith("EV[")]
        if other:
            why = "App Platform takes ${…} for a variable of its own, and EV[…] for what is encrypted already"
            raise NothingChanged(f"the value of {', '.join(other)} would not arrive as it is: {why}")

    def _login(self) -> str:
        """Give who may read the image: DigitalOcean pulls by itself, long after a pipeline ended."""
        settings = self._at.settings
        password = settings.get("REGISTRY_PASSWORD")
        return f"{settings.get('REGISTRY_USER')}:{password}" if password else ""

    def _again(self, app: App, target: Target) -> None:
        """Deploy the image of an old deployment, with the settings of now."""
        git = self._at.git
        file = self._described(target.commit if target.ours and git.have(target.commit) else "HEAD")
        image = source(self._rollouts.deployment(target.release).spec, file["services"][0]["name"])
        if not image or not image.get("digest"):
            raise Failure(f"{target.release} has no image that is known by its digest")
        self._change(self._wanted(app, file, image))

    def _change(self, spec: Part, *, newest: bool = True) -> None:
        self._rollouts.unpin(self._app())
        self._rollouts.follow(self._rollouts.put(spec, newest=newest))

    def _create(self, plan: Plan, file: Part) -> None:
        """It begins with the image of this commit, as an app without a source runs nothing."""
        first = self.image(self._at.git.commit("HEAD"))
        service, change = file["services"][0]["name"], Change(self._at.values, ())
        self._hold(change)
        spec = telling(pointed(file, service, pulled(first), self._login()), service, change)
        what = f"create the app {file['name']}, which begins with {first}"
        plan.change(what, lambda: self._begin(plan, spec))

    def _begin(self, plan: Plan, spec: Part) -> None:
        known = self._api.call("POST", "", lambda it: (str(it["app"]["id"]), started(it)), {"spec": spec})
        self._rollouts.id = known[0]
        plan.keep("DIGITALOCEAN_APP_ID", self._rollouts.id)
        self._rollouts.follow(known[1])
