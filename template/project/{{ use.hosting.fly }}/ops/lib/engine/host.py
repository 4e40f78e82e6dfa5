"""Fly.io: one app for each environment; a release is an image labelled with its commit."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from .errors import DeployFailed, Failure, NothingChanged, asking
from .image import Images
from .platform import Change, Context, Plan, Release, Target, digest
from .process import ProgramFailed, run
from .secret import entry
from .tools import use_tool

T = TypeVar("T")
#: How the command says that it was turned away.
DENIED = re.compile("unauthorized|not authorized", re.IGNORECASE)


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
        #: Whether what is deployed next ran before: a deploy that fails makes way for what did.
        self._back = at.task == "rollback"

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
        images, back, self._back = self._images, self._back, True
        with asking():
            files = self._files(commit)
            copy = f"{self._registry}/{app(self._at.git('show', f'{files}:./{self._config}'))}:{commit}"
            token = self._at.settings.get("FLY_API_TOKEN")
            images.login(copy, "x", token.removeprefix("FlyV1 "))
            images.mirror(image, copy)
        self._deploy(files, f"{copy}@{digest(image)}", back=back)

    def restore(self, target: Target) -> None:
        """Bring an image back, with the fly.ENV.toml of its commit, unless it is what runs."""
        newest = next(iter(self._attempts()), None)
        if newest and newest.complete and newest.image == target.release:
            return
        self._deploy(self._files(target.commit) if target.ours else "HEAD", target.release, back=True)

    def freeze(self) -> None:
        """Nothing deploys but we."""

    def told(self) -> dict[str, str | None]:
        """Give the names of the app's secrets: nobody is told how their digests are made."""
        # Older versions of the command write Name.
        named = ("secrets", "list", "--config", self._config, "--json")
        return dict.fromkeys(self._ask(lambda it: str(it.get("name") or it["Name"]), *named))

    def tell(self, change: Change) -> None:
        """Set secrets for the next deploy. Their values go in by stdin."""
        entries = "".join(entry(name, value) for name, value in change.sets.items())
        commands: list[tuple[tuple[str, ...], str]] = [(("import",), entries)] if entries else []
        commands += [(("unset", *change.unsets), "")] if change.unsets else []
        for number, (command, stdin) in enumerate(commands):
            try:
                run("fly", "secrets", *command, "--stage", "--config", self._config, stdin=stdin)
            except ProgramFailed as error:
                kind = NothingChanged if not number and DENIED.search(error.said) else Failure
                # What it cannot read it may say.
                lines = "\n".join(change.sets.values()).split("\n")
                secret = any(line in str(error) for line in lines if line)
                raise kind(f"fly secrets {command[0]} failed" if secret else str(error)) from None

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

    def _files(self, commit: str) -> str:
        """Give the commit to take files from: another, where it cannot be had any more."""
        return commit if self._at.git.have(commit) else "HEAD"

    def _deploy(self, files: str, image: str, *, back: bool) -> None:
        """Run `fly deploy` with the files of a commit, its fly.ENV.toml among them.

        A release command may migrate a database: it must not run again to go `back` to an old image.
        """
        with tempfile.TemporaryDirectory() as folder:
            self._at.git.unpack(files, Path(folder))
            command = ["fly", "deploy", "--config", self._config, "--image", image]
            command += ["--skip-release-command"] if back else []
            try:
                run(*command, folder=Path(folder), shown=True)
            except ProgramFailed as error:
                raise DeployFailed(str(error)) from None
