"""An app of Heroku: what .heroku/ENV.json says of it, and what the API does."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from .errors import Failure
from .platform import Release

#: What brings no image: that of the release before runs on.
SETTING = re.compile(r"config vars?$|^(Initial|Enable|Set|Remove|Add|Attach|Detach|Update) ")
#: All that a release tells of its image, the first digits of what Docker calls its id.
IMAGE = re.compile(r"\bweb \(([0-9a-f]{12})")
BACK = re.compile(r"^Rollback to v(\d+)")
#: The bytes that the config vars of an app may take, names and values together.
MOST = 64 * 1024


class App(NamedTuple):
    """What .heroku/ENV.json says."""

    name: str
    app: dict[str, str]
    config: dict[str, str]
    formation: dict[str, Any]

    @classmethod
    def read(cls, env: str) -> App:
        """Read it, if it is sure to be the environment's."""
        file = f".heroku/{env}.json"
        it = json.loads(Path(file).read_text("utf-8"))
        name = it["app"]["name"]
        if not name.endswith(f"-{env}"):
            raise Failure(f"{name} is not the app of {env}: in {file} its name has to end in -{env}")
        if len(name) > 30:
            then = f"choose a name in {file} that ends in -{env}"
            raise Failure(f"{name} is longer than the 30 characters that Heroku takes: {then}")
        return cls(name, it["app"], it["config"], it["formation"])

    @property
    def log(self) -> str:
        """Where it is said why something failed."""
        return f"heroku logs --app {self.name} says why"


class Entry(NamedTuple):
    """A release, as Heroku lists it."""

    id: str
    version: int
    status: str
    what: str
    created: str
    current: bool

    @classmethod
    def read(cls, it: Any) -> Entry:  # noqa: ANN401 (JSON)
        """Read what the API says of it."""
        what, current = it.get("description") or "", bool(it.get("current"))
        return cls(str(it["id"]), int(it["version"]), it["status"], what, it["created_at"], current)


class Dyno(NamedTuple):
    """A process of the app."""

    type: str
    name: str
    state: str
    release: str

    @classmethod
    def read(cls, it: Any) -> Dyno:  # noqa: ANN401 (JSON)
        """Read what the API says of it, but for the address of its console."""
        return cls(it["type"], it["name"], it["state"], str(it["release"]["id"]))


def with_images(entries: list[Entry]) -> list[Release]:
    """Give those that brought an image. Newest first, as the list of all is."""
    found: list[Release] = []
    images: dict[int, str] = {}
    runs = ""
    for each in reversed(entries):
        if each.status != "succeeded":
            continue
        brought = not SETTING.search(each.what)
        if brought:
            told, back = IMAGE.search(each.what), BACK.match(each.what)
            runs = f"sha256:{told[1]}" if told else images.get(int(back[1]), "") if back else ""
            name = f"v{each.version}"
            found.append(Release(each.id, f"{name}, {each.what}", each.created, runs, name))
        images[each.version] = runs
    return found[::-1]


def running(entries: list[Entry]) -> Release | None:
    """Give what runs: after a change of settings it is still the image before."""
    now = next((each.version for each in entries if each.current), 0)
    return next(iter(with_images([each for each in entries if each.version <= now])), None)
