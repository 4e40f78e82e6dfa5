"""A build for drills: the image of a commit, but that its process ends at once."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from .hosting import Hosting
from .image import Images
from .process import ProgramFailed

MESSAGE = "A build that never gets healthy, for a drill"


def commit_of(good: str, at: Hosting) -> str:
    """Make a commit of the same files, on no branch; of the same commit it is the same."""
    date = at.git("show", "--no-patch", "--no-show-signature", "--format=%cI", good)
    who = {"NAME": "drill", "EMAIL": "drill@invalid", "DATE": date}
    names = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    return at.git("commit-tree", f"{good}^{{tree}}", "-p", good, "-m", MESSAGE, **names)


def publish(good: str, at: Hosting) -> str:
    """Publish it under a commit of its own, and give that."""
    broken = commit_of(good, at)
    images = Images(at.settings)
    image = images.published(good)
    try:
        images.digest(broken)
    except ProgramFailed:
        folder = images.folder / "broken"
        images.copy(f"docker://{image}", f"dir:{folder}")
        spoil(folder, broken)
        images.copy(f"dir:{folder}", f"docker://{images.repository}:{broken}")
    return broken


def spoil(folder: Path, commit: str) -> None:
    """Have an image in a folder end at once, and say that it is of another commit."""
    manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
    config = json.loads((folder / manifest["config"]["digest"].rpartition(":")[2]).read_text("utf-8"))
    config["config"].update(Entrypoint=["false"], Cmd=None)
    variables = config["config"]["Env"]
    config["config"]["Env"] = [f"GIT_COMMIT={commit}" if it.startswith("GIT_COMMIT=") else it for it in variables]
    spoilt = json.dumps(config).encode()
    name = hashlib.sha256(spoilt).hexdigest()
    (folder / name).write_bytes(spoilt)
    manifest["config"].update(digest=f"sha256:{name}", size=len(spoilt))
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
