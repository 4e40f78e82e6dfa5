"""What a runner of pipelines adds to the same steps by hand, from a push to the end of the scan.

A new Node service runs through build, lint, test and scan with act, gitlab-ci-local and bb-run, as
after a pull request; by hand, each stage runs in a clone of its own, as the jobs do. What cannot be
had is a stand-in in both (tests/runners/standins.py). All in turns; figures are medians.

    python benchmarks/runners.py [RUNS] [copied|cold|warm]

`copied` packages are installed by linking what was installed once. `cold`, npm installs them for
real, each time from a cache that the first job of the pipeline fills; `warm`, from a full one.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/support"), str(ROOT / "tests/runners")]

import conftest  # noqa: E402
import runners  # noqa: E402
import standins  # noqa: E402

from scaffold import project  # noqa: E402
from scaffold.template.answers import resolve  # noqa: E402
from scaffold.template.renderer import render  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

FORGES = ("github", "gitlab", "bitbucket")
#: What a runner may take of the time by hand.
LIMIT = 1.1
STAGES = ("build --image", "lint", "test", "scan --image")


def _service(ci: str, lock: Path | None, folder: Path) -> Path:
    answers = {"stack": "node", "ci": ci, "hosting": "fly"}
    project.write(render(conftest.TEMPLATE, resolve(conftest.TEMPLATE, answers)), folder)
    shutil.rmtree(folder / "test/integration")
    if lock:
        shutil.copy(lock, folder)
    for command in (
        ["init", "--quiet", "--initial-branch", "main"],
        ["remote", "add", "origin", f"https://{ci}.com/Team/Service.git"],
        ["add", "--all"],
        ["commit", "--quiet", "--message", "feat: something"],
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)
    return folder


def _by_hand(service: Path, at: standins.Standins) -> bool:
    image = b""
    for stage in STAGES:
        clone = at.folder / stage.split()[0]
        subprocess.run(["git", "clone", "--quiet", str(service), str(clone)], check=True)
        if image:
            (clone / ".cache").mkdir()
            (clone / ".cache/image.tar").write_bytes(image)
        for task in ("setup", stage):
            done = subprocess.run(
                [f"ops/{task.split()[0]}", *task.split()[1:]], cwd=clone, check=False,
                env={**at.environment, "CI": "true", "OSV_URL": at.url}, capture_output=True,
            )  # fmt: skip
            if done.returncode:
                print(done.stdout.decode(), done.stderr.decode())
                return False
        if not image:
            image = (clone / ".cache/image.tar").read_bytes()
    return True


def _timed(
    work: Callable[[Path, standins.Standins], bool],
    ci: str,
    made: Path,
    folder: Path,
    packages: Path | None,
) -> float:
    folder.mkdir()
    service = _service(ci, made / "package-lock.json", folder / "my-service")
    with standins.Standins(folder, made / "node_modules", packages).running() as at:
        os.sync()  # what earlier turns wrote and deleted is not this one's to wait for
        begin = time.monotonic()
        passed = work(service, at)
        took = time.monotonic() - begin
    if not passed:
        raise SystemExit(f"{ci} did not pass")
    shutil.rmtree(folder)
    return took


def main(runs: int, packages: str) -> int:
    """Print what each runner took, and its ratio to the steps by hand; exit 1 over the limit."""
    times: dict[str, list[float]] = {name: [] for name in ("by hand", *FORGES)}
    with tempfile.TemporaryDirectory() as scratch:
        made = _service("github", None, Path(scratch, "made"))
        subprocess.run(["ops/setup"], cwd=made, check=True, capture_output=True)
        cache = Path(scratch, "packages")

        def kept() -> Path | None:
            if packages == "cold":
                shutil.rmtree(cache, ignore_errors=True)
            return None if packages == "copied" else cache

        if packages == "warm":
            _timed(_by_hand, "github", made, Path(scratch, "fills"), kept())
        for turn in range(runs):
            folder = Path(scratch, f"turn-{turn}")
            times["by hand"].append(_timed(_by_hand, "github", made, folder, kept()))
            for ci in FORGES:

                def pipeline(service: Path, at: standins.Standins, ci: str = ci) -> bool:
                    ran = runners.run(ci, service, at, "change")
                    if not ran.passed:
                        print(ran.output)
                    return ran.passed

                times[ci].append(_timed(pipeline, ci, made, folder, kept()))
    medians = {name: statistics.median(found) for name, found in times.items()}
    ratios = {name: median / medians["by hand"] for name, median in medians.items()}
    for name, median in medians.items():
        print(f"{name}: {median:.1f} s, {ratios[name]:.2f} of by hand, limit {LIMIT}")
    return int(max(ratios.values()) > LIMIT)


if __name__ == "__main__":
    numbers = [each for each in sys.argv[1:] if each.isdigit()]
    words = [each for each in sys.argv[1:] if each in ("copied", "cold", "warm")]
    sys.exit(main(int(numbers[0]) if numbers else 3, words[0] if words else "copied"))
