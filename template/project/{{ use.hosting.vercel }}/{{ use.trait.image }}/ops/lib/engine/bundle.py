"""What Vercel is sent of a service: where its image is, in the form that `vercel build` writes.

The image runs as a function.
"""

from __future__ import annotations

import json
from typing import Any

from .errors import NothingChanged
from .image import Images
from .platform import Context, digest
from .process import ProgramFailed
from .team import Team

CONFIG = {"version": 3, "routes": [{"handle": "filesystem"}, {"src": "/(.*)", "dest": "/index"}]}


class Bundle:
    """What is deployed to one environment."""

    #: What is added to the call that makes a deployment.
    query = "&prebuilt=1"

    def __init__(self, at: Context, team: Team) -> None:
        self._at = at
        self._team = team
        self._images = Images(at.settings)

    def check(self) -> None:
        """Note what is missing."""
        if self._at.task not in ("bootstrap", "releases", "rollback"):
            self._images.needs()

    def image(self, commit: str) -> str:
        """Give what is deployed, built and published before; to roll back takes no registry."""
        if self._at.task == "rollback" and not self._at.settings.get("REGISTRY_PASSWORD"):
            return ""
        return self._images.published(commit)

    def files(self, project: str, commit: str, image: str) -> list[dict[str, Any]]:
        """Vercel runs images of its own registry only: it gets a copy, under the same digest."""
        settings = self._at.settings
        # Of what Vercel built itself, no image is on record.
        image = image or self._images.published(commit)
        registry = settings.get("VERCEL_REGISTRY", "vcr.vercel.com")
        copy = f"{registry}/{self._team.owner()}/{project}/service"
        try:
            self._images.login(copy, settings.get("VERCEL_ORG_ID"), settings.get("VERCEL_TOKEN"))
            self._images.mirror(image, f"{copy}:{commit}")
        except ProgramFailed as error:
            raise NothingChanged(f"could not copy the image to {copy}") from error
        function = {"handler": f"{copy}@{digest(image)}", "runtime": "container", "environment": {}}
        written = {"config.json": CONFIG, "functions/index.func/.vc-config.json": function}
        return [{"file": f".vercel/output/{name}", "data": json.dumps(it)} for name, it in written.items()]
