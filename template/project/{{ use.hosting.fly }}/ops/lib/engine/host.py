"""Fly.io: one app for each environment; a release is an image labelled with its commit."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from .errors import DeployFailed, Failure, asking
from .image import Images
from .platform import Context, Plan, Release, Target, digest
from .process import ProgramFailed, run
from .tools import use_tool

T = TypeVar("T")


def app(toml: str) -> str:
    """Give the name of the app that a fly.ENV.toml describes."""
    found = re.search(r'^app = "(.*)"$', toml, re.MULTILINE)
    if not found:
        raise Failure('no line like app = "NAME" in the fly.toml')
    return found[1]


class Attempt(NamedTuple):
    """A release as Fly.io counts them: one that failed is one, too."""

    image: str
    complete: bool
    created: str

    @classmethod
    def read(cls, it: Any) -> Attempt:  # noqa: ANN401 (JSON)
        """Read what the command says of it; when it was is for people alone."""
        return cls(str(it["ImageRef"]), it["Status"] == "complete", it.get("CreatedAt", ""))

    @property
    def release(self) -> Release:
        """What the sequences know of it: the tag of its image is the commit."""
        commit = self.image.partition("@")[0].rpartition(":")[2]
        return Release(self.image, commit, self.created, self.image)


class Host:
    """The app of one environment."""

    def __init__(self, at: Context) -> None:
        self._at = at
        self._images = Images(at.settings)
        self._config = f"fly.{at.env}.toml"
        self._registry = at.settings.get("FLY_REGISTRY", "registry.fly.io")

    def check(self) -> None:
        """Note what is missing."""
        self._at.settings.need("FLY_API_TOKEN", "fly tokens create deploy")
        use_tool("fly", "https://fly.io/docs/flyctl/install/", self._at.settings)
        if self._at.task not in ("bootstrap", "releases", "rollback"):
            self._images.needs()

    def image(self, commit: str) -> str:
        """Give what is deployed, built and published before."""
        return self._images.published(commit)

    def url(self) -> str:
        """Give where it answers."""
        return f"https://{self._name()}.fly.dev"

    def releases(self) -> list[Release]:
        """Give what got to run."""
        return [each.release for each in self._attempts() if each.complete]

    def current(self) -> Release | None:
        """Give what runs."""
        return next(iter(self.releases()), None)

    def deploy(self, commit: str, image: str) -> None:
        """Copy the image to where Fly.io pulls from, under the same digest, and have it run."""
        images = self._images
        with asking():
            copy = f"{self._registry}/{app(self._at.git('show', f'{commit}:./{self._config}'))}:{commit}"
            token = self._at.settings.get("FLY_API_TOKEN")
            images.login(copy, "x", token.removeprefix("FlyV1 "))
            images.copy(f"docker://{image}", f"docker://{copy}", "--preserve-digests")
        self._deploy(commit, "--image", f"{copy}@{digest(image)}")

    def restore(self, target: Target) -> None:
        """Bring an image back, with the settings of its commit, unless it is what runs.

        A release command may migrate a database: it must not run again for an old image.
        """
        newest = next(iter(self._attempts()), None)
        if newest and newest.complete and newest.image == target.release:
            return
        git = self._at.git
        commit = target.commit if target.ours and git.have(target.commit) else "HEAD"
        self._deploy(commit, "--image", target.release, "--skip-release-command")

    def freeze(self) -> None:
        """Nothing deploys but we."""

    def bootstrap(self, plan: Plan) -> None:
        """Create the app. Its name has to be free in all of Fly.io."""
        name = self._name()
        if name not in self._ask(itemgetter("Name"), "apps", "list", "--json"):
            owner = self._at.settings.get("FLY_ORG")
            options = ["--org", owner] if owner else []
            plan.change(f"create the app {name}", lambda: run("fly", "apps", "create", name, *options, shown=True))

    def _name(self) -> str:
        return app(Path(self._config).read_text("utf-8"))

    def _attempts(self) -> list[Attempt]:
        """Give all that there was, newest first."""
        return self._ask(Attempt.read, "releases", "--config", self._config, "--image", "--json")

    def _ask(self, read: Callable[[Any], T], *command: str) -> list[T]:
        """Run a command that changes nothing, again if it fails."""
        try:
            told = self._at.settings.persist(2, lambda: run("fly", *command))
            return [read(each) for each in json.loads(told or "null") or []]
        except ProgramFailed as error:
            self._at.console.say(error.said.strip())
            hint = "if it was told who you are, is FLY_API_TOKEN still good?"
            raise Failure(f"fly {command[0]} failed; {hint}") from None
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            what = f"fly {command[0]} answers something else than it used to"
            raise Failure(f"{what} ({error!r})") from error

    def _deploy(self, commit: str, *options: str) -> None:
        """Run `fly deploy` with the files of the commit, its fly.ENV.toml among them."""
        with tempfile.TemporaryDirectory() as folder:
            self._at.git.unpack(commit, Path(folder))
            command = ("fly", "deploy", "--config", self._config, *options)
            try:
                run(*command, folder=Path(folder), shown=True)
            except ProgramFailed as error:
                raise DeployFailed(str(error)) from None
