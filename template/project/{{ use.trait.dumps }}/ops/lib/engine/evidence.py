"""What a rehearsal of a restore has shown: drills/DATE-ENV-restore.json, and kept in the repository's remote."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path

from .errors import Failure
from .platform import Context


def last(at: Context) -> str:
    """Give the evidence of the last time."""
    found = at.git.read(_ref(at))
    if not found:
        raise Failure(f"no restore of {at.env} was rehearsed yet: ops/restore {at.env} --drill")
    return at.git("show", f"{found}:evidence.json") + "\n"


def keep(at: Context, began: float, told: Mapping[str, object]) -> None:
    """Write it, and keep it in the remote."""
    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began))
    file = Path("drills", f"{when[:10]}-{at.env}-restore.json")
    file.parent.mkdir(exist_ok=True)
    content = {"environment": at.env, "began": when, **told}
    file.write_text(json.dumps(content, indent=2) + "\n", "utf-8")
    at.console.say(f"{told['result']}; see {file}")
    if at.env == "local" or not at.kept:
        return
    blob = at.git("hash-object", "-w", str(file))
    tree = at.git("mktree", stdin=f"100644 blob {blob}\tevidence.json\n")
    try:
        parent = at.git.read(_ref(at))
        at.git.move(_ref(at), parent, at.git.write(f"{at.env}: restore of {when} {told['result']}", parent, tree))
    except Failure:
        at.console.say(f"it could not be kept in {at.git.remote}")


def _ref(at: Context) -> str:
    return f"drills/{at.env}-restore"
