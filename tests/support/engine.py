"""Docker for the image tests: the machine's own, or a daemon that is started for them alone.

That daemon touches no firewall, so it has no network to build on but the machine's; and where
SCAFFOLD_TEST_IMAGES=standin says that there is no registry either, it gets its base images from
buildah's store.
"""

from __future__ import annotations

import importlib.resources
import json
import os
import re
import shutil
import subprocess
import tarfile
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import small_disk

#: Set to `standin` where no registry can be reached: base images are in buildah's store.
IMAGES = "SCAFFOLD_TEST_IMAGES"

#: How a service is run: with nothing that it does not need.
HARDENED = (
    "--read-only", "--tmpfs=/tmp:size=16m", "--cap-drop=ALL", "--security-opt=no-new-privileges",
    "--memory=256m", "--pids-limit=128",
)  # fmt: skip

# The daemon's client, which builds on the machine's network.
CLIENT = """#!/bin/sh
[ "$1" != build ] || { shift; set -- build --network=host "$@"; }
exec /usr/bin/docker "$@"
"""


@dataclass(frozen=True)
class Docker:
    """A Docker daemon, and the client that talks to it."""

    environment: Mapping[str, str]
    #: One whose containers the machine can reach.
    network: str = "bridge"

    def run(
        self, *arguments: str, cwd: Path | None = None, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run `docker` with these arguments, and show what it says when it fails."""
        done = subprocess.run(
            ["docker", *arguments],
            cwd=cwd,
            env=self.environment,
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        assert not check or done.returncode == 0, f"{arguments}:\n{done.stdout}{done.stderr}"
        return done

    def build(self, folder: Path, tag: str, *options: str) -> Image:
        """Build the image of a project."""
        dockerfile = (folder / "Dockerfile").read_text()
        stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?$", dockerfile, re.MULTILINE)
        bases = {name for name, _ in stages} - {stage for _, stage in stages}
        for base in sorted(bases):
            self.provide(base)
        log = self.run("build", *options, f"--tag={tag}", ".", cwd=folder).stderr
        layers = Image(self, tag).layers
        [base] = [b for b in bases if layers[: len(Image(self, b).layers)] == Image(self, b).layers]
        return Image(self, tag, base, log)

    def provide(self, base: str) -> None:
        """Make sure that a base image is here."""
        if self.run("image", "inspect", base, check=False).returncode == 0:
            return
        if os.environ.get(IMAGES) != "standin":
            self.run("pull", "--quiet", base)
            return
        name = f"docker.io/library/{base}"
        with tempfile.TemporaryDirectory() as scratch:
            archive = f"{scratch}/image.tar"
            pushed = subprocess.run(
                ["buildah", "push", "--quiet", name, f"docker-archive:{archive}:{name}"],
                check=False,
                capture_output=True,
            )
            if pushed.returncode:
                pytest.skip(f"needs {name} in buildah's store")
            self.run("load", f"--input={archive}")
            # They tell npm and pip whom this machine trusts, but not uv.
            dockerfile = Path(scratch, "Dockerfile")
            dockerfile.write_text(f"FROM {base}\nENV SSL_CERT_FILE=/etc/ssl/ci-ca.crt\n")
            self.run("build", f"--tag={base}", ".", cwd=dockerfile.parent)


@dataclass(frozen=True)
class Image:
    """An image in the store of a daemon."""

    docker: Docker
    name: str
    base: str = ""
    #: What BuildKit said while it was built here.
    log: str = ""

    @property
    def inspected(self) -> dict[str, Any]:
        """What Docker tells about it."""
        found: dict[str, Any] = json.loads(self.docker.run("image", "inspect", self.name).stdout)[0]
        return found

    @property
    def config(self) -> dict[str, Any]:
        """How its containers are run."""
        found: dict[str, Any] = self.inspected["Config"]
        return found

    @property
    def layers(self) -> list[str]:
        """The digests of its layers, bottom up."""
        found: list[str] = self.inspected["RootFS"]["Layers"]
        return found

    def history(self) -> list[tuple[int, str]]:
        """Give the size in bytes and the instruction of each step, the last one first."""
        listed = self.docker.run(
            "history", "--no-trunc", "--human=false", "--format={{.Size}} {{.CreatedBy}}", self.name
        ).stdout
        steps = [line.partition(" ") for line in listed.splitlines()]
        return [(int(size), instruction) for size, _, instruction in steps if size.isdigit()]

    @property
    def added(self) -> list[tuple[int, str]]:
        """The part of its history that is not its base's."""
        return self.history()[: -len(Image(self.docker, self.base).history())]

    def commands(self) -> list[str]:
        """Give the RUN instructions that its build ran, and did not take from an earlier one."""
        steps = re.findall(r"^#(\d+) \[.*?\] (RUN .*)$", self.log, re.MULTILINE)
        cached = re.findall(r"^#(\d+) CACHED$", self.log, re.MULTILINE)
        return [instruction for step, instruction in steps if step not in cached]

    def files(self) -> dict[str, tarfile.TarInfo]:
        """List every file and folder in it, by its path."""
        container = self.docker.run("create", self.name).stdout.strip()
        command = ["docker", "export", container]
        try:
            with (
                subprocess.Popen(
                    command, env=self.docker.environment, stdout=subprocess.PIPE
                ) as process,
                tarfile.open(fileobj=process.stdout, mode="r|") as archive,
            ):
                return {f"/{entry.name}": entry for entry in archive}
        finally:
            self.docker.run("rm", container)

    @contextmanager
    def started(self, *options: str, **variables: str) -> Iterator[Container]:
        """Run it, as hardened as can be, until the end of the `with` block."""
        container = Container(
            self.docker,
            self.docker.run(
                "run", "--detach", f"--network={self.docker.network}", "--publish=127.0.0.1::3000",
                *HARDENED, *options, *variable_options(variables), self.name,
            ).stdout.strip(),
            int(variables.get("PORT", 3000)),
        )  # fmt: skip
        try:
            yield container
        finally:
            self.docker.run("rm", "--force", container.id)

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run it until it ends by itself, on a file system that can be written to."""
        options = variable_options(variables)
        return self.docker.run("run", "--rm", "--network=none", *options, self.name, *command,
                               check=False)  # fmt: skip


def variable_options(variables: Mapping[str, str]) -> list[str]:
    """Give the options that set a container's environment variables."""
    return [f"--env={name}={value}" for name, value in variables.items()]


@dataclass(frozen=True)
class Container:
    """A container, running or not."""

    docker: Docker
    id: str
    #: Where the service listens in it.
    port: int = 3000

    @property
    def state(self) -> dict[str, Any]:
        """What Docker tells about its process."""
        state = self.docker.run("inspect", "--format={{json .State}}", self.id).stdout
        found: dict[str, Any] = json.loads(state)
        return found

    @property
    def health(self) -> str:
        """What Docker's monitor makes of its HEALTHCHECK: starting, healthy or unhealthy."""
        return str(self.state["Health"]["Status"])

    @property
    def address(self) -> tuple[str, int]:
        """Where the machine reaches the service."""
        if self.docker.network == "host":
            return "127.0.0.1", self.port
        host, _, port = self.docker.run("port", self.id, "3000/tcp").stdout.strip().rpartition(":")
        return host, int(port)

    def get(self, path: str) -> tuple[int, dict[str, Any]]:
        """Ask the service for a JSON document."""
        host, port = self.address
        try:
            with urllib.request.urlopen(f"http://{host}:{port}{path}", timeout=5) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def ready(self) -> None:
        """Wait until the service answers."""
        eventually(lambda: self.get("/readyz")[0] == 200, self.logs, OSError)

    def kill(self, name: str) -> None:
        """Send its process a signal."""
        self.docker.run("kill", f"--signal={name}", self.id)

    def exec(self, *command: str) -> str:
        """Run a command in it."""
        return self.docker.run("exec", self.id, *command).stdout

    def logs(self) -> str:
        """Give all it has printed."""
        done = self.docker.run("logs", self.id)
        return done.stdout + done.stderr

    def exit_code(self) -> int:
        """Wait for its process to end."""
        return int(self.docker.run("wait", self.id).stdout)


def eventually(
    happens: Callable[[], bool],
    otherwise: Callable[[], str] = str,
    but: type[Exception] = AssertionError,
    seconds: float = 60,
) -> None:
    """Wait until something is true, without minding an error on the way there."""
    end = time.monotonic() + seconds
    while True:
        try:
            if happens():
                return
        except but:
            pass
        assert time.monotonic() < end, otherwise()
        time.sleep(0.05)


@contextmanager
def daemon() -> Iterator[Docker]:
    """Give the machine's Docker, or start one; skip the test where there is neither."""
    there = Docker({**os.environ, "DOCKER_BUILDKIT": "1"})
    if shutil.which("docker") and there.run("version", check=False).returncode == 0:
        yield there
        return
    if os.geteuid() != 0 or not Path("/usr/sbin/dockerd").exists():
        pytest.skip("needs Docker: one that answers, or to be root with Debian's docker.io")
    if os.environ.get(IMAGES) == "standin" and not shutil.which("buildah"):
        pytest.skip("needs buildah, which has the base images")
    with (
        tempfile.TemporaryDirectory(prefix="scaffold-docker-") as scratch,
        # In memory: tens of thousands of files are written, and deleted a minute later.
        small_disk(Path(scratch, "disk"), "8g") as disk,
        _started(disk) as docker,
    ):
        yield docker


@contextmanager
def _started(folder: Path) -> Iterator[Docker]:
    socket = f"unix://{folder}/docker.sock"
    client, plugin = folder / "bin/docker", folder / "config/cli-plugins/docker-compose"
    for file in (client, plugin):
        file.parent.mkdir(parents=True)
    client.write_text(CLIENT)
    client.chmod(0o755)
    plugin.symlink_to(str(importlib.resources.files("compose") / "docker-compose"))
    docker = Docker(
        {
            **os.environ,
            "DOCKER_BUILDKIT": "1",
            "DOCKER_CONFIG": str(plugin.parents[1]),
            "DOCKER_HOST": socket,
            "PATH": f"{client.parent}{os.pathsep}{os.environ['PATH']}",
        },
        network="services",
    )
    log = folder / "log"
    with log.open("w") as output:
        process = subprocess.Popen(
            [
                "/usr/sbin/dockerd", f"--host={socket}", f"--data-root={folder}/data",
                f"--exec-root={folder}/exec", f"--pidfile={folder}/pid", "--bridge=none",
                "--iptables=false", "--ip6tables=false", "--ip-forward=false",
                "--storage-driver=overlay2", "--default-ulimit=nofile=4096:4096",
            ],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
        )  # fmt: skip
    try:
        eventually(lambda: docker.run("version", check=False).returncode == 0, log.read_text)
        docker.run("network", "create", docker.network)
        yield docker
    finally:
        # Its bridge and this mount would outlive the daemon.
        docker.run("network", "rm", docker.network, check=False)
        process.terminate()
        process.wait(60)
        subprocess.run(["umount", f"{folder}/exec/netns/default"], check=False, capture_output=True)
