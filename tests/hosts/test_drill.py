"""A drill with images that really run: what is healthy, and what breaks, is for Docker to say."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from conftest import Render
from engine import Container, Docker, daemon, eventually
from registry import PASSWORD, registry, trust
from vendors.base import SECRET, Machine, Vendor, commit_of
from vendors.ecs import Ecs
from vendors.fly import Fly

pytestmark = pytest.mark.image


@dataclass
class Running(Vendor):
    """A host that runs what it is told to: a container for each image that has been healthy."""

    docker: Docker | None = None
    #: Where its own registry is, and who may pull there.
    registry: str = ""
    user: str = ""
    containers: dict[str, Container] = field(default_factory=dict)

    def attempt(self, image: str) -> None:
        """Start an image of its registry; one that does not get healthy in time is doomed."""
        ours = self.registry and image.startswith(self.registry)
        if commit_of(image) in self.containers or not ours:
            return
        docker = self.docker
        assert docker
        name = f"scaffold-test-drill:{commit_of(image)[:12]}"
        archive = Path(docker.environment["DRILL_FOLDER"], "image.tar")
        archive.unlink(missing_ok=True)
        # Whoever pulls knows an image by its digest alone.
        named = re.sub(":[0-9a-f]{40}@", "@", image)
        subprocess.run(
            ["skopeo", "copy", "--src-tls-verify=false", "--src-creds", f"{self.user}:{PASSWORD}",
             f"docker://{named}", f"docker-archive:{archive}:{name}"],
            check=True, capture_output=True,
        )  # fmt: skip
        docker.run("load", f"--input={archive}")
        options = ("--detach", f"--network={docker.network}", "--publish=127.0.0.1::3000")
        started = Container(docker, docker.run("run", *options, name).stdout.strip())
        self.containers[commit_of(image)] = started
        try:
            eventually(lambda: started.get("/readyz")[0] == 200, but=OSError, seconds=15)
        except (AssertionError, ValueError):
            # Docker knows no address of what has ended.
            self.doomed.add(commit_of(image))

    def health(self, path: str) -> tuple[int, bytes]:
        """Ask the container of the image that is said to run."""
        container = self.containers.get(self.running())
        if container is None:
            return 404, b""
        status, told = container.get(path)
        return status, json.dumps(told).encode()


@dataclass
class RunningFly(Running, Fly):
    """An app of Fly.io, really running."""

    user: str = "x"

    def prepare(self, at: Machine) -> None:
        """Have it pull from its own registry."""
        super().prepare(at)
        at.environment["FLY_REGISTRY"] = self.registry

    def _deploy(self, image: str) -> dict[str, Any]:
        self.attempt(image)
        return super()._deploy(image)


@dataclass
class RunningEcs(Running, Ecs):
    """A service of ECS, really running."""

    user: str = "AWS"

    def start(self, definition: str) -> dict[str, Any]:
        """Start a deployment."""
        self.attempt(self.image(definition))
        return super().start(definition)

    def _stack(self) -> dict[str, Any]:
        stack = super()._stack()
        for output in stack["Outputs"]:
            if output["OutputKey"] == "Repository":
                output["OutputValue"] = f"{self.registry}/{self.name}"
        return stack


@pytest.fixture(scope="module")
def docker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Docker]:
    with daemon() as found:
        folder = str(tmp_path_factory.mktemp("drill"))
        yield Docker({**found.environment, "DRILL_FOLDER": folder}, found.network)


@contextmanager
def opened(vendor: Running, render: Render, folder: Path, ours: str) -> Iterator[Machine]:
    """Give a machine with the real skopeo, and end its containers."""
    with vendor.serving():
        at = Machine.new(vendor, render, folder)
        (at.bin / "skopeo").unlink()
        at.environment |= {
            "IMAGE_REPOSITORY": f"{ours}/team/service",
            "REGISTRY_PASSWORD": PASSWORD,
            "SMOKE_TIMEOUT": "20",
            "POLL_INTERVAL": "0.2",
            "HTTP_TIMEOUT": "60",
        }
        trust(folder, ours, vendor.registry)
        try:
            yield at
        finally:
            for container in vendor.containers.values():
                container.docker.run("rm", "--force", container.id)


@pytest.mark.parametrize("kind", [RunningFly, RunningEcs], ids=["fly", "ecs"])
def test_a_drill_breaks_a_running_service_and_sees_it_come_back(
    render: Render, tmp_path: Path, docker: Docker, kind: type[Running]
) -> None:
    assert SECRET == PASSWORD
    vendor = kind(docker=docker)
    with (
        registry(tmp_path / "ours", "robot") as ours,
        registry(tmp_path / "theirs", vendor.user) as vendor.registry,
        opened(vendor, render, tmp_path, ours) as at,
    ):
        at.limit = 300  # type: ignore[misc]
        subprocess.run(
            ["npm", "install", "--package-lock-only", "--ignore-scripts", "--no-audit"],
            cwd=at.project, check=True, capture_output=True,
        )  # fmt: skip
        commit = at.commit("v1.0.0")
        image = docker.build(
            at.project, "scaffold-test-drill:built", f"--build-arg=GIT_COMMIT={commit}"
        )
        (at.project / ".cache").mkdir()
        docker.run("save", f"--output={at.project}/.cache/image.tar", image.name)
        published = at.run("ops/publish")
        assert published.returncode == 0, published.stderr
        deployed = at.run("ops/deploy", "live")
        assert deployed.returncode == 0, deployed.stderr

        done = at.run("ops/drill", "live", "--yes-live")
        assert done.returncode == 0, done.stderr
        assert len(vendor.containers) == 2, "a good one, and a broken one"
        ends = [container.state for container in vendor.containers.values()]
        assert [state["Running"] for state in ends] == [True, False]
        assert ends[1]["ExitCode"] == 1, "its process ended by itself"
        good = next(iter(vendor.containers.values()))
        assert good.get("/healthz")[1]["commit"] == commit
        evidence = json.loads(at.run("ops/drill", "live", "--last").stdout)
        assert evidence["result"] == "passed"
        assert evidence["good"] == commit
