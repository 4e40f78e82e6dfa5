"""What ECS says of a service: its deployments, and the task definitions that they run."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from .platform import Release

#: The label that an image's commit is under, in its task definition too.
REVISION = "org.opencontainers.image.revision"
#: The label that the task definition is under that another one was made of, which the stack has.
BASE = "task-definition"
#: What only the description of a task definition has; none may be registered with it.
DESCRIBED = (
    "taskDefinitionArn", "revision", "status", "requiresAttributes", "compatibilities", "registeredAt",
    "registeredBy", "deregisteredAt", "deleteRequestedAt",
)  # fmt: skip


def when(told: object) -> str:
    """Give a time, which version 1 of the command says in seconds."""
    if isinstance(told, (int, float)):
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(told))
    return str(told or "")


class Definition(NamedTuple):
    """A task definition: a release, known by its ARN."""

    arn: str
    image: str
    commit: str
    base: str
    whole: Mapping[str, Any]

    @classmethod
    def read(cls, answer: Any) -> Definition:  # noqa: ANN401 (JSON)
        """Read a description."""
        it = answer["taskDefinition"]
        first = it["containerDefinitions"][0]
        labels = first.get("dockerLabels") or {}
        commit, base = (str(labels.get(label, "")) for label in (REVISION, BASE))
        return cls(str(it["taskDefinitionArn"]), str(first["image"]), commit, base, it)

    def release(self, created: str) -> Release:
        """Give what the sequences know of it."""
        return Release(self.arn, self.commit or self.image, created, self.image, self.arn.rpartition("/")[2])

    def of(self, image: str, commit: str, secrets: Sequence[dict[str, str]]) -> dict[str, Any]:
        """Give the same with an image, and with references to what it is told, to be registered."""
        first, *others = self.whole["containerDefinitions"]
        labels = {**(first.get("dockerLabels") or {}), REVISION: commit, BASE: self.arn}
        told = {each["name"]: each for each in [*(first.get("secrets") or []), *secrets]}
        # ECS takes no name twice.
        plain = [each for each in first.get("environment") or [] if each["name"] not in told]
        ours = {"image": image, "dockerLabels": labels, "environment": plain, "secrets": list(told.values())}
        containers = [{**first, **ours}, *others]
        kept = {name: value for name, value in self.whole.items() if name not in DESCRIBED}
        return {**kept, "containerDefinitions": containers}


class Deployment(NamedTuple):
    """A deployment; the primary one is what the service is to become."""

    id: str
    primary: bool
    state: str
    definition: str
    created: str
    why: str

    @classmethod
    def read(cls, it: Any) -> Deployment:  # noqa: ANN401 (JSON)
        """Read what a service says of it."""
        why = it.get("rolloutStateReason") or "its tasks did not become healthy"
        primary, state = it["status"] == "PRIMARY", str(it.get("rolloutState", ""))
        return cls(str(it["id"]), primary, state, str(it["taskDefinition"]), when(it.get("createdAt")), why)


def deployments(service: Any) -> list[Deployment]:  # noqa: ANN401 (JSON)
    """Read those that a service has at a time."""
    return [Deployment.read(each) for each in service["deployments"]]


def described(answer: Any) -> list[Deployment]:  # noqa: ANN401 (JSON)
    """Read those of the service that was asked for."""
    found = [each for each in answer["services"] if each["status"] == "ACTIVE"]
    if not found:
        raise LookupError("there is no such service")
    return deployments(found[0])


def primary(found: list[Deployment]) -> Deployment | None:
    """Give what a service is to become."""
    return next((each for each in found if each.primary), None)


def complete(found: list[Deployment]) -> Deployment | None:
    """Give what runs, also while something else is under way."""
    done = [each for each in found if each.state == "COMPLETED"]
    return primary(done) or next(iter(done), None)


def started(answer: Any) -> str:  # noqa: ANN401 (JSON)
    """Read which deployment an update has started."""
    made = primary(deployments(answer["service"]))
    if not made:
        raise LookupError("it has started no deployment")
    return made.id


def finished(answer: Any) -> list[tuple[str, str]]:  # noqa: ANN401 (JSON)
    """Read when each revision of a service got to run, the newest first."""
    done = sorted(answer["serviceDeployments"], key=lambda it: when(it["createdAt"]), reverse=True)
    return [(when(it["createdAt"]), str(it["targetServiceRevisionArn"])) for it in done]


def revisions(answer: Any) -> dict[str, str]:  # noqa: ANN401 (JSON)
    """Read the task definition of each revision."""
    return {str(it["serviceRevisionArn"]): str(it["taskDefinition"]) for it in answer["serviceRevisions"]}
