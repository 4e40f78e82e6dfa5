"""What Vercel says of a project and of its deployments."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from .platform import Release

#: Where the commit is said: by ops/deploy, or by the repository that Vercel built from.
COMMITS = ("commit", "githubCommitSha", "gitlabCommitSha", "bitbucketCommitSha")


class Project(NamedTuple):
    """The project of an environment.

    Args:
        production: The deployment that is production, if any is.
        automatic: Whether a new deployment gets the domains by itself; after a rollback it does not.
    """

    name: str
    production: str
    automatic: bool

    @classmethod
    def read(cls, it: Any) -> Project:  # noqa: ANN401 (JSON)
        """Read what the API says of it."""
        production = (it.get("targets") or {}).get("production") or {}
        return cls(str(it["name"]), production.get("id") or "", it.get("autoAssignCustomDomains", True))


class Deployment(NamedTuple):
    """A deployment; that of somebody else is known by its id, if its repository says no commit.

    Args:
        attempt: Which call made it.
        staged: Whether it never had the domains.
    """

    id: str
    state: str
    what: str
    created: int
    image: str
    attempt: str
    staged: bool
    error: str

    @classmethod
    def read(cls, it: Any) -> Deployment:  # noqa: ANN401 (JSON)
        """Read what the API says of it, which is less in a list."""
        known, meta = str(it.get("uid") or it["id"]), it.get("meta") or {}
        state = it.get("readyState") or it["state"]
        return cls(
            known,
            state,
            next((meta[key] for key in COMMITS if meta.get(key)), known),
            int(it["created"] if "created" in it else it["createdAt"]),
            meta.get("image", ""),
            meta.get("attempt", ""),
            it.get("readySubstate") == "STAGED",
            it.get("errorMessage") or state,
        )

    @property
    def release(self) -> Release:
        """What the sequences know of it."""
        when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(self.created // 1000))
        return Release(self.id, self.what, when, self.image)
