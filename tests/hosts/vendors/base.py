"""A hosting vendor on loopback: its API, what it runs, and the machine that deploys to it."""

from __future__ import annotations

import json
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from conftest import Bench, Call, answering, run_tasks_in

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "s3cr3t-t0ken"  # noqa: S105 (the stand-ins' own)
REGISTRY = {
    "IMAGE_REPOSITORY": "registry.example.com/team/service",
    "REGISTRY_USER": "robot",
    "REGISTRY_PASSWORD": SECRET,
}
#: A registry that has an image of every commit: its digest is the commit, padded with zeros.
SKOPEO = """\
for name; do :; done
case $1 in
  login) cat >/dev/null ;;
  inspect) echo "sha256:${name##*:}000000000000000000000000" ;;
esac"""


def commit_of(image: str) -> str:
    """Give the commit of an image that `SKOPEO` told the digest of."""
    return image.rpartition("sha256:")[2][:40]


@dataclass
class Vendor(ABC):
    """A vendor's API for the service in `live`, as far as the tasks use it.

    It serves what it runs at `url`: `/healthz` says the commit, and `/readyz` that it is ready.
    """

    #: The row of the template's catalogue.
    hosting: ClassVar[str]
    url: str = ""
    #: Commits that start, but are not healthy; and commits whose deploy the vendor gives up on.
    sick: set[str] = field(default_factory=set)
    doomed: set[str] = field(default_factory=set)
    calls: list[Call] = field(default_factory=list)

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""

    @abstractmethod
    def running(self) -> str:
        """Give the commit that it runs, or "none"."""

    @abstractmethod
    def answer(self, call: Call) -> tuple[int, Any]:
        """Answer a call: a status and JSON, or None for no body."""

    def changes(self) -> list[str]:
        """Give the calls that were no mere questions."""
        return [f"{call.method} {call.path}" for call in self.calls if call.method != "GET"]

    def _reply(self, call: Call) -> tuple[int, bytes]:
        if call.path in ("/healthz", "/readyz"):
            commit = self.running()
            health = {"status": "down" if commit in self.sick else "ok", "commit": commit}
            return (404, b"") if commit == "none" else (200, json.dumps(health).encode())
        self.calls.append(call)
        if call.headers["Authorization"] != f"Bearer {SECRET}":
            return 401, b""
        status, told = self.answer(call)
        return status, b"" if told is None else json.dumps(told).encode()

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Answer until the end of the block."""
        with answering(self._reply) as self.url:
            yield


@dataclass
class Machine(Bench):
    """A project, the vendor that it is deployed to, and what its tasks run on."""

    vendor: Vendor

    @classmethod
    def new(cls, project: Path, vendor: Vendor, folder: Path, shell: str) -> Machine:
        """Set one up: its commands are in `folder`, the tasks run in `shell`."""
        folder.mkdir()
        run_tasks_in(shell, project)
        environment = {
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(folder.parent),
            **{name: value for name, value in os.environ.items() if name.startswith("GIT_")},
            "SMOKE_TIMEOUT": "0",
            "POLL_INTERVAL": "0",
            "SERVICE_URL": vendor.url,
            **REGISTRY,
            **vendor.environment(),
        }
        made = cls(project, environment, folder, vendor)
        made.stub("skopeo", SKOPEO)
        made.git("init", "--quiet", "--initial-branch", "main")
        return made

    def deploy(self, tag: str) -> str:
        """Commit and deploy a version, which has to succeed, and return its commit."""
        commit = self.commit(tag)
        done = self.run("ops/deploy", "live")
        assert done.returncode == 0, done.stderr
        assert self.vendor.running() == commit
        return commit
