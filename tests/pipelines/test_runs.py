"""The pipelines of new projects, run: what passes is deployed, and a fault stops at its stage.

`docs/reference/pipelines-proof.md` has the table of what ran. `UPDATE_TABLES=1` writes it anew.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import ROOT, TEMPLATE
from runners import ENVIRONMENTS, PASSWORD, RECORD, run
from standins import STAGES, Standins

from scaffold import project
from scaffold.answers import resolve
from scaffold.render import render

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs/reference/pipelines-proof.md"
FORGES = ("github", "gitlab", "bitbucket")
ROWS = [(ci, stack) for ci in (*FORGES, "render", "vercel") for stack in ("node", "python")]
ROWS += [("vercel", "static")]
#: What each provider calls the stages.
JOBS = {
    "github": ["Build", "Lint", "Test", "Scan", "Publish", "Deploy"],
    "gitlab": ["build-image", "lint", "test", "scan-image", "publish", "deploy-sandbox"],
    "bitbucket": ["Build", "Lint", "Test", "Scan", "Publish", "Deploy to sandbox"],
    "render": ["build", "lint", "test", "scan"],
    "vercel": ["build", "lint", "test", "scan", "publish"],
}
#: A token that is none, in the form that GitHub's have; in halves, so that no scan finds it here.
TOKEN = "ghp_" + "x7Kq2LmN9pRs4TuV6wXy8ZaB1cDe3FgH5iJk"
VITEST = """\
import { expect, test } from "vitest";

test("planted", () => {
  expect(1).toBe(2);
});
"""
#: For each stage a file that is wrong, or for scan the dependency that is; and what is said of it.
FAULTS = {
    "node": {
        "lint": ("src/planted.ts", "export const planted: any = 1;\n", "no-explicit-any"),
        "test": ("test/unit/planted.test.ts", VITEST, "expected 1 to be 2"),
        "scan": ("fastify", "", "1 critical severity vulnerability"),
    },
    "python": {
        "lint": ("app/planted.py", "import os\n", "F401"),
        "test": (
            "tests/unit/test_planted.py",
            'def test_planted() -> None:\n    assert str(1) == "2"\n',
            "assert '1' == '2'",
        ),
        "scan": ("starlette", "", "PLANTED-1"),
    },
    "static": {
        "lint": ("src/planted.ts", "export const planted: any = 1;\n", "no-explicit-any"),
        "test": ("test/unit/planted.test.ts", VITEST, "expected 1 to be 2"),
        "scan": ("planted.txt", f"token = {TOKEN}\n", "leaks found: 1"),  # it ships no dependency
    },
}

CASES = ("green", "lint", "test", "scan")

Installed = Callable[[str], Path]


def write(folder: Path, **answers: str) -> None:
    """Render a project; its integration tests, which take long, are for other tests to run."""
    project.write(render(TEMPLATE, resolve(TEMPLATE, answers)), folder)
    for tests in ("test", "tests"):
        shutil.rmtree(folder / tests / "integration", ignore_errors=True)


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Give a function that gives a project of a stack with its lock file and dependencies."""
    shared = tmp_path_factory.getbasetemp() / "runs"
    if "PYTEST_XDIST_WORKER" in os.environ:  # whose folder is one of several
        shared = tmp_path_factory.getbasetemp().parent / "runs"
    shared.mkdir(exist_ok=True)

    def installed(stack: str) -> Path:
        folder = shared / stack
        with (shared / f"{stack}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not (shared / f"{stack}.made").exists():
                shutil.rmtree(folder, ignore_errors=True)
                write(folder, stack=stack, **{"ci": "vercel"} if stack == "static" else {})
                subprocess.run(["ops/setup"], cwd=folder, check=True, capture_output=True)
                (shared / f"{stack}.made").touch()
        return folder

    return installed


Row = tuple[str, str]


@pytest.fixture(params=ROWS, ids="-".join)
def row(request: pytest.FixtureRequest) -> Row:
    """A provider, and a stack that it runs."""
    found: Row = request.param
    return found


def new(ci: str, stack: str, installed: Installed, folder: Path) -> Path:
    """Make a project, committed and with a remote, as whoever pushes it to main has it."""
    folder = folder / "my-service"
    write(folder, stack=stack, ci=ci, hosting="fly" if ci in FORGES else ci)
    lock = "uv.lock" if stack == "python" else "package-lock.json"
    shutil.copy(installed(stack) / lock, folder)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "remote", "add", "origin", f"https://{ci}.com/Team/Service.git")
    git(folder, "init", "--quiet", "--bare", f"{folder}.git")
    git(folder, "remote", "add", RECORD, f"{folder}.git")
    commit(folder)
    return folder


@pytest.fixture
def service(row: Row, installed: Installed, tmp_path: Path) -> Path:
    """A new project of a stack, with the pipeline of a provider."""
    return new(*row, installed, tmp_path)


@pytest.fixture
def standins(row: Row, installed: Installed, tmp_path: Path) -> Iterator[Standins]:
    """What the pipeline meets."""
    with Standins(tmp_path, installed(row[1]) / "node_modules").running() as running:
        yield running


def git(folder: Path, *arguments: str) -> str:
    return subprocess.check_output(["git", *arguments], cwd=folder, text=True).strip()


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "feat: something")


def recorded(row: tuple[str, str], column: int, ran: str) -> None:
    """Hold a cell of a table to what ran, or write it there."""
    with PAGE.open("r+") as page:
        fcntl.flock(page, fcntl.LOCK_EX)
        text = page.read()
        [line] = re.findall(rf"^\| {row[0]} \| {row[1]} \|.*$", text, re.MULTILINE)
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if os.environ.get("UPDATE_TABLES"):
            cells[column] = ran
            page.seek(0)
            page.truncate()
            page.write(text.replace(line, f"| {' | '.join(cells)} |"))
        else:
            assert cells[column] == ran, "run it with UPDATE_TABLES=1"


def test_what_passes_is_published_and_deployed_by_its_digest(
    row: Row, service: Path, standins: Standins
) -> None:
    ci, stack = row
    ran = run(ci, service, standins)
    jobs = [job for job in JOBS[ci] if job != "publish" or stack != "static"]
    assert ran.passed, ran.output
    assert ran.jobs == dict.fromkeys(jobs, True), ran.output
    assert standins.stages == list(STAGES)[: len(ran.jobs)], "each once, in this order"
    assert PASSWORD not in ran.output
    if ci in FORGES:
        head = git(service, "rev-parse", "HEAD")
        digest = standins.digest("team/service", head)
        [deployed] = [call for call in standins.calls if call.startswith("fly deploy")]
        assert deployed.endswith(f":{head}@{digest}"), "what was published, and no other"
        assert f"sandbox runs {head}" in ran.output
        recorded_there = git(service, "ls-remote", RECORD, "refs/deployments/sandbox")
        assert recorded_there, "and that it passed"
    recorded(row, 3, ", ".join(standins.stages))


@pytest.mark.parametrize("stage", CASES[1:])
def test_a_fault_stops_it_at_its_stage(
    row: Row, stage: str, service: Path, standins: Standins
) -> None:
    ci, stack = row
    planted, text, says = FAULTS[stack][stage]
    if text:
        (service / planted).write_text(text)
        commit(service)
    else:
        standins.vulnerable = planted
    ran = run(ci, service, standins)
    assert not ran.passed, ran.output
    until = list(STAGES).index(stage) + 1
    assert list(ran.jobs) == JOBS[ci][:until], ran.output
    assert ran.failed == [JOBS[ci][until - 1]], ran.output
    assert standins.stages == list(STAGES)[:until], "nothing after it"
    assert says in re.sub(r"\x1b\[\d*m", "", ran.output)
    recorded(row, 3 + CASES.index(stage), ", ".join([*standins.stages[:-1], f"**{stage}**"]))


# Of the forges: what else makes a pipeline run. The stack makes no difference to it.


@pytest.fixture(params=FORGES)
def forge(request: pytest.FixtureRequest) -> str:
    """A provider with pipelines of its own."""
    return str(request.param)


@pytest.fixture
def pushed(forge: str, installed: Installed, tmp_path: Path) -> Iterator[tuple[Path, Standins]]:
    """A new service, and what its pipeline meets."""
    with Standins(tmp_path, installed("node") / "node_modules").running() as running:
        yield new(forge, "node", installed, tmp_path), running


def test_a_change_is_checked_and_goes_nowhere(forge: str, pushed: tuple[Path, Standins]) -> None:
    service, at = pushed
    ran = run(forge, service, at, "change")
    assert ran.passed, ran.output
    assert list(ran.jobs) == JOBS[forge][:4], ran.output
    recorded(("a change", forge), 2, ", ".join(at.stages))


@pytest.mark.parametrize(("event", "tag"), [("candidate", "v0.1.0-rc.1"), ("release", "v0.1.0")])
def test_a_tag_deploys_the_image_that_main_published(
    forge: str, event: str, tag: str, pushed: tuple[Path, Standins]
) -> None:
    service, at = pushed
    changelog = service / "CHANGELOG.md"
    changelog.write_text(f"{changelog.read_text()}\n## [0.1.0] - 2026-11-27\n\n- Something.\n")
    ran = run(forge, service, at, event, tag)
    assert ran.passed, ran.output
    head = git(service, "rev-parse", "HEAD")
    [deployed] = [call for call in at.calls if call.startswith("fly deploy")]
    assert f"fly.{ENVIRONMENTS[event]}.toml" in deployed
    assert deployed.endswith(f":{head}@{at.digest('team/service', head)}")
    assert not [call for call in at.calls if call.startswith("docker build")], "it is built"
    recorded((f"a {event}'s tag", forge), 2, ", ".join(at.stages))


def test_a_tag_that_the_changelog_does_not_know_deploys_nothing(
    forge: str, pushed: tuple[Path, Standins]
) -> None:
    service, at = pushed
    ran = run(forge, service, at, "release", "v9.9.9")
    assert not ran.passed
    assert len(ran.jobs) == 1, ran.output
    assert 'CHANGELOG.md has no section "## [9.9.9]"' in ran.output
    assert at.stages == []
