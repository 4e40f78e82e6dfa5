"""What Railway says of a deployment, and of where a service answers."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from .errors import DeployFailed
from .platform import Release

UNDER_WAY = ("INITIALIZING", "QUEUED", "WAITING", "NEEDS_APPROVAL", "BUILDING", "DEPLOYING")
RUNS = ("SUCCESS", "SLEEPING")
RAN = (*RUNS, "CRASHED")
GONE = ("REMOVING", "REMOVED")
ANY = (*UNDER_WAY, *RAN, *GONE, "FAILED", "SKIPPED")


class Deployment(NamedTuple):
    """A deployment.

    Args:
        kept: Whether it can be rolled back to: one that was cancelled is REMOVED as one that was replaced.
        image: With its digest, where Railway tells it.
        commit: What else Railway knows it by.
    """

    id: str
    status: str
    created: str
    kept: bool
    image: str
    commit: str

    @classmethod
    def read(cls, it: Any) -> Deployment:  # noqa: ANN401 (JSON)
        """Read what the API says of it."""
        meta = it["meta"] or {}
        image, digest = meta.get("image") or "", meta.get("imageDigest") or ""
        if image and digest and "@" not in image:
            image = re.sub(":[^:/]*$", "", image) + f"@{digest}"
        known = digest or meta.get("commitHash") or ""
        return cls(it["id"], it["status"], it["createdAt"], it["canRollback"], image, known)

    @property
    def release(self) -> Release:
        """What the sequences know of it."""
        return Release(self.id, self.image or self.commit or self.id, self.created, self.image)

    def state(self, what: str) -> bool:
        """Tell how it is doing."""
        if self.status in RUNS:
            return True
        if self.status in UNDER_WAY:
            return False
        raise DeployFailed(f"{what} failed: it ended as {self.status}; its log is in Railway, with the service")


def address(answer: Any) -> str:  # noqa: ANN401 (JSON)
    """Read where a service answers."""
    domains = [*answer["domains"]["customDomains"], *answer["domains"]["serviceDomains"]]
    return f"https://{domains[0]['domain']}" if domains else ""
