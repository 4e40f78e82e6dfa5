"""ops/publish and ops/deploy with a registry: an image is built once, and promoted by its digest.

The registries are real ones (Debian's docker-registry) that want a password, the image is a small
archive as `docker save` writes it, skopeo is skopeo. Only `fly` is a recorder.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from conftest import ENGINE, Checkout
from registry import PASSWORD, registry, trust
from saved_image import save_image

if TYPE_CHECKING:
    from collections.abc import Iterator

    from conftest import Render

FLY = """\
#!/bin/sh
if [ "$1" = releases ]; then
  sed -n '$s/.* \\(.*\\)/[{"ImageRef": "\\1", "Status": "complete", "CreatedAt": "-"}]/p' "$FLY_LOG"
else
  printf '%s\\n' "$*" >>"$FLY_LOG"
fi
"""


@dataclass
class Machine(Checkout):
    """A project with its registry, and Fly.io's."""

    commit: str
    ours: str
    flys: str

    def digest(self, image: str, user: str) -> str:
        """Ask a registry which digest an image has; the empty string if there is none."""
        done = self.run(
            *("skopeo", "inspect", "--no-tags", "--creds", f"{user}:{PASSWORD}"),
            *("--format", "{{.Digest}}", f"docker://{image}"),
        )
        return done.stdout.strip()


@pytest.fixture
def machine(render: Render, tmp_path: Path) -> Iterator[Machine]:
    with registry(tmp_path / "ours", "robot") as ours, registry(tmp_path / "flys", "x") as flys:
        yield prepared(render, tmp_path, ours, flys)


def prepared(render: Render, tmp_path: Path, ours: str, flys: str) -> Machine:
    """Give a project and its registries, on a machine that knows them."""
    project = render(stack="node", ci="github", hosting="fly")
    binaries = tmp_path / "bin"
    binaries.mkdir()
    (binaries / "fly").write_text(FLY)
    (binaries / "fly").chmod(0o755)
    trust(tmp_path, ours, flys)
    (tmp_path / "fly.log").touch()
    environment = {
        **os.environ,
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "IMAGE_REPOSITORY": f"{ours}/team/service",
        "REGISTRY_USER": "robot",
        "REGISTRY_PASSWORD": PASSWORD,
        "FLY_REGISTRY": flys,
        "FLY_API_TOKEN": f"FlyV1 {PASSWORD}",
        "FLY_LOG": str(tmp_path / "fly.log"),
        "TMPDIR": str(tmp_path),
        "POLL_INTERVAL": "0",
    }
    made = Machine(project, environment, "", ours, flys)
    (project / "ops/smoke").write_text("#!/bin/sh\n")  # what answers is not what this is about
    made.init()
    for arguments in ("add --all", "commit --quiet --message one"):
        made.git(*arguments.split())
    made.commit = made.git("rev-parse", "HEAD")
    return made


def test_the_published_image_is_the_deployed_one_by_its_digest(machine: Machine) -> None:
    save_image(machine.project / ".cache/image.tar", machine.commit)
    published = machine.run("ops/publish")
    assert published.returncode == 0, published.stderr
    name, _, digest = published.stdout.strip().partition("@")
    assert published.stdout == f"{machine.ours}/team/service@{digest}\n", "alone on stdout"
    assert re.fullmatch("sha256:[0-9a-f]{64}", digest)
    assert machine.digest(f"{name}:{machine.commit}", "robot") == digest

    for env in ("sandbox", "testbed", "live"):
        done = machine.run("ops/deploy", env)
        assert done.returncode == 0, done.stderr
        image = f"{machine.flys}/my-service-{env}:{machine.commit}"
        assert machine.digest(image, "x") == digest, "Fly.io has the very image"
        log = Path(machine.environment["FLY_LOG"]).read_text().splitlines()
        assert log[-1] == f"deploy --config fly.{env}.toml --image {image}@{digest}"
        assert PASSWORD not in done.stdout + done.stderr


def test_what_is_published_stays(machine: Machine) -> None:
    archive = machine.project / ".cache/image.tar"
    save_image(archive, machine.commit)
    first = machine.run("ops/publish").stdout
    save_image(archive, machine.commit, b"built again, and not the same\n")
    again = machine.run("ops/publish")
    assert again.returncode == 0, again.stderr
    assert "there already" in again.stderr
    assert again.stdout == first


def test_an_image_of_another_commit_is_not_published(machine: Machine) -> None:
    save_image(machine.project / ".cache/image.tar", "f" * 40)
    done = machine.run("ops/publish")
    assert done.returncode == 1
    assert f"the image is of {'f' * 40}, not of {machine.commit}" in done.stderr
    assert not machine.digest(f"{machine.ours}/team/service:{machine.commit}", "robot")


@pytest.mark.parametrize("task", [("ops/publish",), ("ops/deploy", "live")])
def test_a_wrong_password_is_told_and_not_shown(machine: Machine, task: tuple[str, ...]) -> None:
    save_image(machine.project / ".cache/image.tar", machine.commit)
    done = machine.run(*task, REGISTRY_PASSWORD="wr0ng-one")  # noqa: S106
    assert done.returncode == 1
    assert "invalid username/password" in done.stderr
    assert "wr0ng-one" not in done.stdout + done.stderr
    assert not Path(machine.environment["FLY_LOG"]).read_text()


def test_a_deploy_waits_for_the_pipeline_that_publishes(machine: Machine) -> None:
    missing = machine.run("ops/deploy", "testbed")
    assert missing.returncode == 2
    assert f"no image of {machine.commit}" in missing.stderr
    save_image(machine.project / ".cache/image.tar", machine.commit)
    with subprocess.Popen(
        ["ops/deploy", "testbed"],
        cwd=machine.project,
        env={**machine.environment, "IMAGE_TIMEOUT": "60"},
    ) as waiting:
        time.sleep(1)
        assert waiting.poll() is None
        assert machine.run("ops/publish").returncode == 0
        assert waiting.wait(60) == 0


def test_the_broken_build_of_a_drill_is_the_same_image_but_that_it_ends_at_once(
    machine: Machine,
) -> None:
    save_image(machine.project / ".cache/image.tar", machine.commit)
    assert machine.run("ops/publish").returncode == 0
    program = f"""
import sys
sys.path.insert(0, "{Path(ENGINE).parent}")
from engine.broken import publish
from engine.errors import Console
from engine.hosting import Hosting
from engine.tasks import Call, Usage
at = Hosting(Call(Usage(1, 1, ""), ["live"], Console("drill")))
print(publish("{machine.commit}", at))
"""
    publish = ("python3", "-BIc", program)
    done = machine.run(*publish)
    assert done.returncode == 0, done.stderr
    broken = done.stdout.strip()
    assert machine.git("rev-parse", f"{broken}^") == machine.commit
    assert not machine.git("branch", "--all", "--contains", broken)
    image = f"docker://{machine.ours}/team/service"
    creds = ("--creds", f"robot:{PASSWORD}")
    good_image, broken_image = (
        json.loads(machine.run("skopeo", "inspect", "--config", *creds, f"{image}:{tag}").stdout)
        for tag in (machine.commit, broken)
    )
    assert broken_image["rootfs"] == good_image["rootfs"]
    assert broken_image["config"]["Entrypoint"] == ["false"]
    assert f"GIT_COMMIT={broken}" in broken_image["config"]["Env"]
    assert machine.run(*publish).stdout.strip() == broken, "of the same commit it is the same"


def test_no_password_is_left_behind(machine: Machine, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    save_image(machine.project / ".cache/image.tar", machine.commit)
    assert machine.run("ops/publish").returncode == 0
    assert machine.run("ops/deploy", "live").returncode == 0
    assert not {path for path in tmp_path.iterdir() if path.name.startswith("tmp")} - before
    kept = list((tmp_path / ".docker").rglob("*")) if (tmp_path / ".docker").exists() else []
    assert not kept
