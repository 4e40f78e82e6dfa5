"""What the sequences know of a platform: the interface that host.py implements, and its values."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from .errors import Misuse
from .git import Git
from .pipeline import SETTINGS
from .tasks import Call

ENVIRONMENTS = ("sandbox", "testbed", "live")


class Release(NamedTuple):
    """What ran or runs on the platform.

    Args:
        id: What the platform calls it.
        what: The commit or the image that it is, or what else the platform knows.
        time: When it was made.
        image: The image and its digest, where it is one.
        name: What people call it there, where that is not its id.
    """

    id: str
    what: str
    time: str = ""
    image: str = ""
    name: str = ""


def digest(image: str) -> str:
    """Give the digest of an image, or what there is."""
    return image.rpartition("@")[2]


class Target(NamedTuple):
    """What is to run again.

    Args:
        commit: What people call it: a commit, or what the platform says.
        ours: Whether that is a commit of this repository, which the service has to report.
    """

    release: str
    commit: str
    image: str = ""
    ours: bool = True


class Project(NamedTuple):
    """What differs from project to project: ops/project.json.

    Args:
        name: On the platform, with the environment after it.
        keeps: What a rollback leaves as it is, as a sentence goes on.
        images: Whether images are deployed that a pipeline built.
        client_ip_header: Where the platform's proxy says who calls; a client cannot forge it.
        settings: What options have pipelines hand over to the service, where the CI provider keeps its settings.
        schedules: What pipelines do by the clock: the `id`, the `environment`, and each how many `seconds`.
    """

    name: str
    keeps: str
    images: bool
    client_ip_header: str
    settings: tuple[str, ...] = ()
    schedules: Sequence[Mapping[str, Any]] = ()


class Context:
    """An environment, and what there is to work on it: all that a host gets.

    `kept` is whether there is a record of what passed, see --no-record; `values` are the settings that the service
    is to have, once they were read, `changed` whether the platform was told any; `url` is where it answers, once that
    is known.
    """

    def __init__(self, call: Call, environments: Sequence[str] = ENVIRONMENTS) -> None:
        self.env = call.names[0]
        self.task = call.console.task
        self.kept = "--no-record" not in call.options
        self.values: dict[str, str] = {}
        self.changed = False
        self.url = ""
        if self.env not in environments:
            raise Misuse(f"no environment '{self.env}': {', '.join(environments[:-1])} or {environments[-1]}")
        self.settings, self.console = call.settings, call.console
        self.git = Git(call.settings)
        self.project = Project(**json.loads(Path("ops/project.json").read_text("utf-8")))


class Change(NamedTuple):
    """What is to change of what a service is told; as text it has names alone."""

    sets: dict[str, str]
    unsets: tuple[str, ...]

    def __bool__(self) -> bool:
        """Say whether there is any."""
        return bool(self.sets or self.unsets)

    def __str__(self) -> str:
        """Say which, without values."""
        parts = (("set", sorted(self.sets)), ("take away", sorted(self.unsets)))
        return "; ".join(f"{what} {', '.join(names)}" for what, names in parts if names)


class Plan:
    """What ops/bootstrap does to a platform, or with `dry` only says.

    `changes` is what it said, `idle` which vendors have nothing to do, each with the setting that is missing.
    """

    def __init__(self, at: Context, *, dry: bool) -> None:
        self._at = at
        self._dry = dry
        self.changes: list[str] = []
        self.idle: dict[str, str] = {}

    def change(self, what: str, do: Callable[[], object]) -> None:
        """Say what it does, and do it."""
        self.changes.append(what)
        self._at.console.say(f"would {what}" if self._dry else what)
        if not self._dry:
            do()

    def without(self, vendor: str, setting: str) -> None:
        """Say that nothing is set up there, as nobody gave the setting."""
        self.idle[vendor] = setting
        self._at.console.say(f"{vendor}: nothing is set up, {setting} is not set")

    def keep(self, name: str, value: str) -> None:
        """Say what is to be kept for deploys."""
        self._at.console.say(f"keep in {SETTINGS}, as a variable of {self._at.env}: {name}={value}")


class Platform(Protocol):
    """One environment on a host."""

    def check(self) -> None:
        """Note what is missing."""

    def image(self, commit: str) -> str:
        """Give the image to deploy, by its digest; or the empty string."""

    def url(self) -> str:
        """Give where it answers."""

    def current(self) -> Release | None:
        """Give what runs."""

    def releases(self) -> list[Release]:
        """Give all that ran, newest first."""

    def deploy(self, commit: str, image: str) -> None:
        """Return once it runs."""

    def restore(self, target: Target) -> None:
        """Bring a release back, and end what is under way."""

    def freeze(self) -> None:
        """Keep others from undoing that."""

    def told(self) -> dict[str, str | None] | None:
        """Give what the service is told, by names; None is a value that nobody is shown.

        None in place of all is a site: it is built with its settings, and nothing runs that could be told any.
        """

    def tell(self, change: Change) -> None:
        """Change that, for the releases to come; nothing is changed if a value cannot be passed on as it is."""

    def bootstrap(self, plan: Plan) -> None:
        """Set the environment up, or bring it to what the files say."""
