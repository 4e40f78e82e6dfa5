"""Render: one service for each environment, RENDER_SERVICE_ID is the one of the environment at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .api import Api, cancel, changing
from .calls import follow
from .errors import DeployFailed, Failure, NothingChanged, asking
from .image import Images
from .platform import Change, Context, Plan, Release, Target
from .service import Deploy, Service, source
from .wants import put_back

LOGINS = {"ghcr.io": "GITHUB", "registry.gitlab.com": "GITLAB", "docker.io": "DOCKER"}


class Host:
    """The service of one environment."""

    def __init__(self, at: Context) -> None:
        self._at = at
        self._images = Images(at.settings)
        self._builds = not at.project.images
        self._id = at.settings.get("RENDER_SERVICE_ID")
        self._told: dict[str, str] = {}
        address = at.settings.get("RENDER_API_URL", "https://api.render.com/v1")
        headers = {"Authorization": f"Bearer {at.settings.get('RENDER_API_KEY')}"}
        self._api = Api(address, headers, at.settings)

    def check(self) -> None:
        """Note what is missing."""
        at = self._at
        if not self._builds and at.task not in ("bootstrap", "releases", "rollback"):
            self._images.needs()
        at.settings.need("RENDER_API_KEY", "an API key of Render")
        if at.task != "bootstrap":
            at.settings.need("RENDER_SERVICE_ID", "the id (srv-…) of the service of this environment")

    def image(self, commit: str) -> str:
        """Give what is deployed, built and published before; where Render builds, nothing."""
        return "" if self._builds else self._images.published(commit)

    def url(self) -> str:
        """Give where it answers."""
        return self._service().url

    def releases(self) -> list[Release]:
        """Give what was live."""
        return [it.release for it in self._deploys("status=live&status=deactivated&limit=100")]

    def current(self) -> Release | None:
        """Give what is live."""
        return next((it.release for it in self._deploys("status=live&limit=1")), None)

    def deploy(self, commit: str, image: str) -> None:
        """Have the commit built, or the image run."""
        with asking():
            service = self._service()
        if self._builds:
            self._start("/deploys", {"commitId": commit})
            return
        if not service.image:
            what = f"the service of {self._at.env} is built from a repository; set one up that runs images"
            raise NothingChanged(f"{what}: ops/bootstrap {self._at.env}")
        with changing():
            self._point(service, image)
        with put_back("Render", lambda: self._want_what_runs(service), self._at):
            self._start("/deploys", {"imageUrl": image})

    def restore(self, target: Target) -> None:
        """Cancel what would take over once it is ready, and bring a deploy back, unless it is live."""
        service = self._service()
        with put_back("Render", lambda: self._want_what_runs(service), self._at):
            if target.image:
                self._point(service, target.image)
            for each in self._deploys("limit=20"):
                if each.under_way:
                    self._cancel(each.id)
            current = self.current()
            if not current or current.id != target.release:
                self._start("/rollback", {"deployId": target.release})

    def freeze(self) -> None:
        """Where Render builds, the next push would undo a rollback."""
        if self._builds:
            self._service()
            self._api.call("PATCH", self._path(), bool, {"autoDeploy": "no"}, twice=True)

    def told(self) -> dict[str, str | None]:
        """Give the variables of the service."""
        self._service()
        self._told = self._variables()
        return dict(self._told)

    def tell(self, change: Change) -> None:
        """Set them all at once: they count from the next deploy on."""
        told = {name: value for name, value in self._told.items() if name not in change.unsets}
        wanted = [{"key": name, "value": value} for name, value in {**told, **change.sets}.items()]
        with changing():
            self._api.call("PUT", self._path("/env-vars"), bool, wanted, twice=True)

    def bootstrap(self, plan: Plan) -> None:
        """Bring the service to what .render/ENV.json says; where Render builds, the blueprint does."""
        if self._builds:
            name = f"{self._at.project.name}-{self._at.env}"
            known = self._found(f"name={name}", name)
            if not known:
                raise Failure("Render has no such service yet: in its dashboard, New → Blueprint, this repository")
            plan.keep("RENDER_SERVICE_ID", str(known["id"]))
            return
        settings = json.loads(Path(f".render/{self._at.env}.json").read_text("utf-8"))
        owner = self._owner()
        known = self._found(f"name={settings['name']}&ownerId={owner}", settings["name"])
        if known:
            self._id = str(known["id"])
            plan.keep("RENDER_SERVICE_ID", self._id)
            self._adjust(plan, known, settings)
            return
        # It begins with the image of this commit, as Render takes no service without one.
        image = self._images.published(self._at.git.commit("HEAD"))
        if self._at.settings.get("REGISTRY_PASSWORD") and not self._login(settings["name"], owner):
            registry = self._images.repository.partition("/")[0]
            what = f"give Render a login for {registry}, as {settings['name']}"
            plan.change(what, lambda: self._log_in(registry, settings["name"], owner))
        plan.change(f"create the service {settings['name']}", lambda: self._create(plan, settings, owner, image))

    def _path(self, rest: str = "") -> str:
        return f"/services/{self._id}{rest}"

    def _service(self) -> Service:
        """Give the service, once it is sure to belong to the environment."""
        service, env = self._api.ask(self._path(), Service.read), self._at.env
        if not service.name.endswith(f"-{env}"):
            raise NothingChanged(f"RENDER_SERVICE_ID is not the service of {env}: its name does not end in -{env}")
        return service

    def _deploys(self, query: str) -> list[Deploy]:
        """Give them, newest first."""
        found = self._api.ask(self._path(f"/deploys?{query}"), lambda it: [Deploy.read(each["deploy"]) for each in it])
        return sorted(found, key=lambda it: it.created, reverse=True)

    def _point(self, service: Service, image: str) -> None:
        """Set what a deploy after a change of settings takes; without its credential, that would be lost."""
        if self._builds:
            return
        wanted = source(service.owner, image, service.credential)
        self._api.call("PATCH", self._path(), bool, {"image": wanted}, twice=True)

    def _want_what_runs(self, service: Service) -> None:
        runs = self.current()
        if runs and runs.image:
            self._point(service, runs.image)

    def _start(self, path: str, body: dict[str, str]) -> None:
        """Start a deploy and return once it is live."""
        # Queued behind another deploy, it has no answer yet, but heads the list.
        with changing():
            made = self._api.call("POST", self._path(path), lambda it: it and str(it["id"]), body)
        known = made or self._deploys("limit=1")[0].id
        follow(f"deploy {known}", lambda: self._look(known), lambda: self._cancel(known), self._at)

    def _look(self, known: str) -> bool:
        deploy = self._api.ask(self._path(f"/deploys/{known}"), Deploy.read)
        if deploy.status != "live" and not deploy.under_way:
            log = "its log is in the dashboard of Render"
            raise DeployFailed(f"deploy {known} failed: it ended as {deploy.status}; {log}")
        return deploy.status == "live"

    def _cancel(self, known: str) -> None:
        path = self._path(f"/deploys/{known}")
        cancel(
            lambda: self._api.call("POST", f"{path}/cancel", bool, twice=True),
            lambda: self._api.ask(path, Deploy.read).under_way,
        )

    def _found(self, query: str, name: str) -> dict[str, Any] | None:
        """Give what the API says of the service of that name; it lists others whose names begin so."""
        found = self._api.ask(f"/services?{query}&limit=20", lambda it: [dict(each["service"]) for each in it])
        return next((each for each in found if each["name"] == name), None)

    def _owner(self) -> str:
        """Give who pays: RENDER_OWNER_ID, or the one workspace that the key reaches."""
        named = self._at.settings.get("RENDER_OWNER_ID")
        if named:
            return named
        owners = self._api.ask("/owners?limit=20", lambda it: [dict(each["owner"]) for each in it])
        if len(owners) != 1:
            listed = ", ".join(f"{each['id']} ({each['name']})" for each in owners)
            raise Failure(f"the key reaches several workspaces; say which, as RENDER_OWNER_ID: {listed}")
        return str(owners[0]["id"])

    def _log_in(self, registry: str, name: str, owner: str) -> None:
        """Render pulls by itself, long after a pipeline: it gets a user and a password that stay good."""
        if registry not in LOGINS:
            raise Failure(f"Render has no login for {registry}; it has for ghcr.io, registry.gitlab.com and docker.io")
        user, password = self._at.settings.get("REGISTRY_USER"), self._at.settings.get("REGISTRY_PASSWORD")
        body = {"name": name, "registry": LOGINS[registry], "ownerId": owner, "username": user, "authToken": password}
        self._api.call("POST", "/registrycredentials", bool, body)

    def _login(self, name: str, owner: str) -> str:
        query = f"/registrycredentials?name={name}&ownerId={owner}&limit=20"
        found = self._api.ask(query, lambda it: [str(each.get("registryCredential", each)["id"]) for each in it])
        return next(iter(found), "")

    def _create(self, plan: Plan, settings: dict[str, Any], owner: str, image: str) -> None:
        login = self._login(settings["name"], owner) if self._at.settings.get("REGISTRY_PASSWORD") else ""
        told = [*settings["envVars"], *({"key": name, "value": it} for name, it in self._at.values.items())]
        body = {**settings, "envVars": told, "ownerId": owner, "image": source(owner, image, login)}
        plan.keep("RENDER_SERVICE_ID", self._api.call("POST", "/services", lambda it: str(it["service"]["id"]), body))

    def _adjust(self, plan: Plan, known: dict[str, Any], settings: dict[str, Any]) -> None:
        name, has, wanted = settings["name"], known["serviceDetails"], settings["serviceDetails"]
        details = {key: wanted[key] for key in ("plan", "healthCheckPath", "maxShutdownDelaySeconds")}
        if any(has.get(key) != value for key, value in details.items()):
            self._change(plan, f"set the plan and the health check of {name}", "PATCH", "", {"serviceDetails": details})
        count = wanted["numInstances"]
        if has.get("numInstances") != count:
            self._change(plan, f"run {count} instances of {name}", "POST", "/scale", {"numInstances": count})
        variables = self._variables()
        for each in settings["envVars"]:
            key, value = each["key"], each["value"]
            if variables.get(key) != value:
                self._change(plan, f"set {key}={value}", "PUT", f"/env-vars/{key}", {"value": value})

    def _variables(self) -> dict[str, str]:
        """Give all, a page at a time."""
        found: dict[str, str] = {}
        cursor: str | None = ""
        while cursor is not None:
            page = self._path(f"/env-vars?limit=100{cursor and f'&cursor={cursor}'}")
            listed = self._api.ask(page, lambda it: [(each["envVar"], each["cursor"]) for each in it])
            found.update((each["key"], each["value"]) for each, _ in listed)
            cursor = listed[-1][1] if len(listed) == 100 else None
        return found

    def _change(self, plan: Plan, what: str, method: str, path: str, body: dict[str, Any]) -> None:
        plan.change(what, lambda: self._api.call(method, self._path(path), bool, body, twice=True))
