"""Netlify: one site for each environment, NETLIFY_SITE_ID is the one of the environment at hand."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from . import site
from .api import Api, cancel
from .calls import CallFailed, follow
from .errors import DeployFailed, NothingChanged, asking
from .platform import Change, Context, Plan, Release, Target

#: What is in none of these is under way, and is published once it is ready.
ENDED = ("ready", "old", "error", "rejected")


class Deploy(NamedTuple):
    """A deploy; its title is its commit, if it is one of ours."""

    id: str
    state: str
    created: str
    title: str
    commit: str
    error: str
    locked: bool
    required: frozenset[str]

    @classmethod
    def read(cls, it: Any) -> Deploy:  # noqa: ANN401 (JSON)
        """Read what the API says of it."""
        told = (it.get("title") or "", it.get("commit_ref") or "", it.get("error_message") or "")
        required = frozenset(it.get("required") or ())
        return cls(it["id"], it["state"], str(it["created_at"]), *told, it.get("locked") is True, required)

    @property
    def release(self) -> Release:
        """What the sequences know of it; one that somebody else made may have no commit."""
        ours = re.fullmatch("[0-9a-f]{40}", self.title)
        return Release(self.id, self.title if ours else self.commit or self.id, self.created)


class Site(NamedTuple):
    """The site of an environment, as far as the tasks care."""

    name: str
    url: str
    published: Deploy | None

    @classmethod
    def read(cls, it: Any) -> Site:  # noqa: ANN401 (JSON)
        """Read what the API says of it."""
        published = it.get("published_deploy") or {}
        return cls(str(it["name"]), it["ssl_url"], Deploy.read(published) if published.get("id") else None)


class Host:
    """The site of one environment."""

    def __init__(self, at: Context) -> None:
        self._at = at
        self._path = f"/sites/{at.settings.get('NETLIFY_SITE_ID')}"
        address = at.settings.get("NETLIFY_API_URL", "https://api.netlify.com/api/v1")
        headers = {"Authorization": f"Bearer {at.settings.get('NETLIFY_AUTH_TOKEN')}"}
        self._api = Api(address, headers, at.settings)

    def check(self) -> None:
        """Note what is missing."""
        site.check(self._at)
        self._at.settings.need("NETLIFY_AUTH_TOKEN", "a personal access token of Netlify")
        if self._at.task != "bootstrap":
            what = "the id of the site of this environment; ops/bootstrap says it"
            self._at.settings.need("NETLIFY_SITE_ID", what)

    def image(self, commit: str) -> str:
        """There is none; what is deployed has to have passed before."""
        if self._at.task == "deploy":
            site.passed(commit, self._at)
        return ""

    def url(self) -> str:
        """Give where it answers."""
        return self._site().url

    def releases(self) -> list[Release]:
        """Give what was ready for production once."""
        return [it.release for it in self._deploys("state=ready&per_page=100")]

    def current(self) -> Release | None:
        """Give what is published."""
        published = self._site().published
        return published.release if published else None

    def deploy(self, commit: str, image: str) -> None:
        """Build the commit, and send what Netlify does not have yet: it publishes that once it is all there."""
        del image
        with asking():
            published = self._site().published
        if published and published.locked:
            # Somebody wants it to stay as it is.
            env = self._at.env
            what = f"the site of {env} is locked to its published deploy"
            raise NothingChanged(f"{what}: unlock it under Deploys, then try again")
        with tempfile.TemporaryDirectory() as folder:
            with asking():
                built = site.build(commit, Path(folder), self._at, "NETLIFY_AUTH_TOKEN")
                files = site.files(built)
            try:
                known = self._upload(commit, built, files)
            except CallFailed as error:
                if not error.denied:
                    self._withdraw()
                if error.certainly_not_run:
                    # What is not all there is never published.
                    raise NothingChanged from error
                raise
        follow(f"deploy {known}", lambda: self._look(known), lambda: self._cancel(known), self._at)

    def restore(self, target: Target) -> None:
        """Cancel what would be published once it is ready, and publish an earlier deploy, unless it is."""
        self._cancel_all()
        published = self._site().published
        if published and published.id == target.release:
            return
        path = f"{self._path}/deploys/{target.release}/restore"
        restored = self._api.call("POST", path, Deploy.read, twice=True)
        if published and published.locked and not restored.locked:
            self._lock(restored.id)

    def freeze(self) -> None:
        """Nothing deploys but we: netlify.toml has it cancel what pushes would build."""

    def told(self) -> dict[str, str | None] | None:
        """Say that it is built with its settings."""
        return None

    def tell(self, change: Change) -> None:
        """Nothing is to change, as nothing is told."""

    def bootstrap(self, plan: Plan) -> None:
        """Create the site. Names are unique in all of Netlify, so one of its name may be somebody else's."""
        name = f"{self._at.project.name}-{self._at.env}"
        found = self._api.ask(f"/sites?name={name}&per_page=100", lambda it: {each["name"]: each["id"] for each in it})
        if name in found:
            plan.keep("NETLIFY_SITE_ID", found[name])
        else:
            plan.change(f"create the site {name}", lambda: plan.keep("NETLIFY_SITE_ID", self._create(name)))

    def _create(self, name: str) -> str:
        return self._api.call("POST", "/sites", lambda it: str(it["id"]), {"name": name})

    def _site(self) -> Site:
        """Give the site, once it is sure to belong to the environment."""
        found = self._api.ask(self._path, Site.read)
        if not found.name.endswith(f"-{self._at.env}"):
            env = self._at.env
            raise NothingChanged(f"NETLIFY_SITE_ID is not the site of {env}: its name does not end in -{env}")
        return found

    def _deploys(self, query: str) -> list[Deploy]:
        """Give the newest for production, newest first."""
        path = f"{self._path}/deploys?production=true&{query}"
        found = self._api.ask(path, lambda it: [Deploy.read(each) for each in it])
        return sorted(found, key=lambda it: it.created, reverse=True)

    def _upload(self, commit: str, folder: Path, files: list[site.File]) -> str:
        body = {"files": {f"/{each.path}": each.sha1 for each in files}}
        made = self._api.call("POST", f"{self._path}/deploys?title={commit}", Deploy.read, body)
        # The same file twice is sent once.
        for path in {each.sha1: each.path for each in files if each.sha1 in made.required}.values():
            to = f"/deploys/{made.id}/files/{quote(path)}"
            self._api.call("PUT", to, bool, (folder / path).read_bytes(), twice=True)
        return made.id

    def _look(self, known: str) -> bool:
        deploy = self._deploy(known)
        if deploy.state in ("error", "rejected"):
            raise DeployFailed(f"deploy {known} failed: {deploy.error or deploy.state}")
        return deploy.state in ENDED

    def _deploy(self, known: str) -> Deploy:
        return self._api.ask(f"/deploys/{known}", Deploy.read)

    def _cancel(self, known: str) -> None:
        path = f"/deploys/{known}/cancel"
        cancel(
            lambda: self._api.call("POST", path, bool, twice=True),
            lambda: self._deploy(known).state not in ENDED,
        )

    def _cancel_all(self) -> None:
        for each in self._deploys("per_page=20"):
            if each.state not in ENDED:
                self._cancel(each.id)

    def _withdraw(self) -> None:
        """Cancel what a call may have made whose answer nobody got, or what lacks a file."""
        try:
            self._cancel_all()
        except CallFailed as error:
            self._at.console.confess(error)

    def _lock(self, known: str) -> None:
        """Lock the site again, as it was: to publish a deploy unlocks it."""
        try:
            self._api.call("POST", f"/deploys/{known}/lock", bool, twice=True)
        except CallFailed as error:
            self._at.console.confess(error)
            self._at.console.say(f"the site of {self._at.env} was locked, and is not any more: lock it under Deploys")
