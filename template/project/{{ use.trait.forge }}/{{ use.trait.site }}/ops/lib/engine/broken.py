"""A build for drills: the site of a commit, but without its file for health checks."""

from __future__ import annotations

import tempfile

from .hosting import Hosting

MESSAGE = "A build that never gets healthy, for a drill"


def publish(good: str, at: Hosting) -> str:
    """Make a commit on no branch, whose build is broken, and give it; of the same commit it is the same."""
    date = at.git("show", "--no-patch", "--no-show-signature", "--format=%cI", good)
    who = {"NAME": "drill", "EMAIL": "drill@invalid", "DATE": date}
    told = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
    build = at.git("show", f"{good}:./ops/build") + "\nrm -f dist/healthz\n"
    blob = at.git("hash-object", "-w", "--stdin", stdin=build)
    where = at.git("rev-parse", "--show-prefix")
    with tempfile.TemporaryDirectory() as folder:
        told["GIT_INDEX_FILE"] = f"{folder}/index"
        at.git("read-tree", good, **told)
        at.git("update-index", "--cacheinfo", f"100755,{blob},{where}ops/build", **told)
        tree = at.git("write-tree", **told)
    return at.git("commit-tree", tree, "-p", good, "-m", MESSAGE, **told)
