"""Where people read a file of this repository: at the forge that its remote is at."""

from __future__ import annotations

import re

from .platform import Context

#: What a remote's address is made of: maybe who asks, the forge, maybe a port, and the repository.
REMOTE = re.compile(r"(?:(?:https?|ssh|git)://)?(?:[^@/]*@)?([\w.-]+\.[a-z]+)(?::\d+(?=/))?[:/]/?(.+?)(?:\.git)?/?")
#: Where it says what to do when something fails.
RUNBOOK = "README.md#runbook"


def page(at: Context, path: str) -> str:
    """Give the address of a file as it is on the default branch, or its path where there is no forge."""
    return _page(at.git.found("remote", "get-url", at.git.remote), path)


def runbook(at: Context) -> str:
    """Give the address of the runbook for a message: nothing without a forge, as a path would not lead there."""
    found = page(at, RUNBOOK)
    return found if found.startswith("https://") else ""


def _page(remote: str, path: str) -> str:
    found = REMOTE.fullmatch(remote.strip())
    if not found:
        return path
    # GitLab takes the short way, too.
    way = "src" if "bitbucket" in found[1] else "blob"
    return f"https://{found[1]}/{found[2]}/{way}/HEAD/{path}"
