"""What App Platform says of an app: what it wants, its spec, and what it runs, a deployment."""

from __future__ import annotations

from typing import Any, NamedTuple

from .appspec import Part, named
from .platform import Release, Target, digest


class Deployment(NamedTuple):
    """One attempt to have an app run as a spec says."""

    id: str
    phase: str
    created: str
    spec: Part
    why: str

    @classmethod
    def read(cls, it: Any) -> Deployment:  # noqa: ANN401 (JSON)
        """Read what the API says of it."""
        progress = it.get("progress") or {}
        steps = [*(progress.get("summary_steps") or []), *(progress.get("steps") or [])]
        why = next(filter(None, ((each.get("reason") or {}).get("message") for each in steps)), "")
        return cls(it["id"], it["phase"], it.get("created_at", ""), dict(it["spec"]), why)

    @property
    def under_way(self) -> bool:
        """Whether it has yet to come to its end."""
        return self.phase not in ("ACTIVE", "SUPERSEDED", "ERROR", "CANCELED")

    @property
    def release(self) -> Release:
        """What the sequences know of it."""
        images = (each.get("image") or {} for each in self.spec.get("services") or [])
        image = next(filter(None, map(named, images)), "")
        return Release(self.id, image.rpartition("/")[2] or self.id, self.created, image)


def newest_first(answer: Any) -> list[Deployment]:  # noqa: ANN401 (JSON)
    """Read a list of deployments."""
    found = [Deployment.read(each) for each in answer.get("deployments") or []]
    return sorted(found, key=lambda it: it.created, reverse=True)


def started(answer: Any) -> str:  # noqa: ANN401 (JSON)
    """Read which deployment a call has started, if it says so."""
    app = answer.get("app") or {}
    made = answer.get("deployment") or app.get("pending_deployment") or app.get("in_progress_deployment") or {}
    return str(made.get("id", ""))


def objection(answer: Any) -> str:  # noqa: ANN401 (JSON)
    """Read what there is against a rollback."""
    return "" if answer.get("valid") else f"{answer['error']['code']}: {answer['error'].get('message', '')}"


class App(NamedTuple):
    """An app.

    Args:
        pinned: The deployment of a rollback that was neither committed nor reverted: it takes no other.
        under_way: Whether it is about to run something else.
    """

    id: str
    url: str
    spec: Part
    active: Deployment | None
    pinned: str
    under_way: bool

    @classmethod
    def read(cls, it: Any) -> App:  # noqa: ANN401 (JSON)
        """Read what the API says of it."""
        url = it.get("live_url") or it.get("default_ingress") or ""
        active = Deployment.read(it["active_deployment"]) if it.get("active_deployment") else None
        pinned = (it.get("pinned_deployment") or {}).get("id", "")
        under_way = bool(it.get("pending_deployment") or it.get("in_progress_deployment"))
        spec = {**it["spec"], "name": str(it["spec"]["name"])}
        return cls(it["id"], url, spec, active, pinned, under_way)

    def runs(self, target: Target) -> bool:
        """Say whether it runs this: that deployment, or the image of that commit with newer settings."""
        if not self.active or self.active.id == target.release:
            return self.active is not None
        return target.ours and bool(target.image) and digest(target.image) == digest(self.active.release.image)
