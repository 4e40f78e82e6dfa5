"""What Vercel is sent of a site: its built files."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from . import site
from .platform import Context
from .team import Team

#: Of vercel.json everything goes along but how to build.
BUILT = {"framework": None, "installCommand": "", "buildCommand": "", "outputDirectory": "."}


class Bundle:
    """What is deployed to one environment."""

    #: What is added to the call that makes a deployment.
    query = ""

    def __init__(self, at: Context, team: Team) -> None:
        del team  # each file has headers of its own
        self._at = at

    def check(self) -> None:
        """Note what is missing."""
        site.check(self._at)

    def image(self, commit: str) -> str:
        """There is none; what is deployed has to have passed before."""
        if self._at.task == "deploy":
            site.passed(commit, self._at)
        return ""

    def files(self, project: str, commit: str, image: str) -> list[dict[str, Any]]:
        """Build and upload them, and say which they are."""
        del project, image
        with tempfile.TemporaryDirectory() as folder:
            built = site.build(commit, Path(folder), self._at, "VERCEL_TOKEN")
            file = Path(folder, "vercel.json")
            settings = json.loads(file.read_text("utf-8")) if file.exists() else {}
            settings.pop("git", None)
            (built / "vercel.json").write_text(json.dumps({**settings, **BUILT}), "utf-8")
            found = site.files(built)
            # The same file twice is sent once.
            for sha1, path in {each.sha1: each.path for each in found}.items():
                team = Team(self._at.settings, **{"x-vercel-digest": sha1})
                team.call("POST", "/v2/files", bool, (built / path).read_bytes(), twice=True)
        return [{"sha": each.sha1, "size": each.size, "file": each.path} for each in found]
