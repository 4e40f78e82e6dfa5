"""Push the image that ops/build --image has built, and print its digest."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from .errors import Failure, otherwise
from .git import Git
from .image import Images
from .process import ProgramFailed, run
from .tasks import Call, Usage

USAGE = Usage(0, 0, "it takes no arguments")
ARCHIVE = Path(".cache/image.tar")


def built() -> str:
    """Give the commit that the image says it is of."""
    config = json.loads(run("skopeo", "inspect", "--config", f"docker-archive:{ARCHIVE}"))
    variables = dict(each.split("=", 1) for each in config["config"]["Env"])
    return str(variables.get("GIT_COMMIT", ""))


def task(call: Call) -> None:
    """Publish it. An image that is there already stays: what one environment had is what the next one gets."""
    settings, images = call.settings, Images(call.settings)
    settings.need_tool("git")
    images.needs()
    if not ARCHIVE.exists():
        settings.lack(str(ARCHIVE), "ops/build --image writes it")
    settings.met("")
    commit = Git(settings).commit("HEAD")
    of = built()
    if of != commit:
        raise Failure(f"the image is of {of or 'no commit'}, not of {commit}: ops/build --image")
    name = f"{images.repository}:{commit}"
    with otherwise(f"could not log in to the registry of {images.repository}"):
        images.login(images.repository, settings.get("REGISTRY_USER"), settings.get("REGISTRY_PASSWORD"))
    try:
        digest = images.digest(commit)
        call.console.say(f"it is there already: {name}")
    except ProgramFailed:
        noted = ARCHIVE.with_suffix(".digest")
        with otherwise("could not push it"):
            images.copy(f"docker-archive:{ARCHIVE}", f"docker://{name}", "--digestfile", str(noted))
        digest = noted.read_text("utf-8").strip()
    sys.stdout.write(f"{images.repository}@{digest}\n")
