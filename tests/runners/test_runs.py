"""The pipelines of new projects, run: what passes is deployed, and a fault stops at its stage.

A pipeline and the tasks meet in the tasks' names. So each provider's is run with tasks that only
note that they were called; `ops/ci` with each fault in each stack, and the one task real that finds
it; and once for each provider both together, nothing replaced. `docs/reference/pipelines-proof.md`
has the tables of what ran. `UPDATE_TABLES=1` writes them anew. By night more of the same is run.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pages
import pytest
from conftest import ROOT, TEMPLATE, by_night, readme_commands
from runners import ENVIRONMENTS, PASSWORD, RECORD, gate, run
from standins import STAGES, Standins
from store import Store

from scaffold import project
from scaffold.template.answers import resolve
from scaffold.template.renderer import render

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs/reference/pipelines-proof.md"
PROVIDERS = TEMPLATE.catalog.axis("ci")
FORGES = [ci.id for ci in PROVIDERS if "forge" in ci.row.get("traits", ())]
ROWS = [(ci.id, stack) for ci in PROVIDERS for stack in ("node", "python")]
ROWS += [("vercel", "static")]


#: Both together: a stack for each provider; Python takes half the time.
TOGETHER = {
    "github": "node", "gitlab": "python", "bitbucket": "python", "render": "python",
    "vercel": "python",
}  # fmt: skip


#: What each provider calls the stages.
JOBS = {
    "github": ["Build", "Lint", "Test", "Scan", "Publish", "Deploy"],
    "gitlab": ["build-image", "lint", "test", "scan-image", "publish", "deploy-sandbox"],
    "bitbucket": ["Build", "Lint", "Test", "Scan", "Publish", "Deploy to sandbox"],
    "render": ["build", "lint", "test", "scan"],
    "vercel": ["build", "lint", "test", "scan", "publish"],
}
GATES = ["build", "lint", "test", "scan"]
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
        # It ships no dependency.
        "scan": ("planted.txt", f"token = {TOKEN}\n", "not passed: secrets"),
    },
}

FAULTY = [(stack, stage) for stack, stages in FAULTS.items() for stage in stages]


def write(folder: Path, answers: dict[str, str], *, integration: bool = False) -> None:
    """Render a project, by default without its integration tests, which take long."""
    project.write(render(TEMPLATE, resolve(TEMPLATE, answers)), folder)
    for tests in () if integration else ("test", "tests"):
        shutil.rmtree(folder / tests / "integration", ignore_errors=True)


def new(ci: str, stack: str, folder: Path, *, integration: bool = False) -> Path:
    """Make a project with a remote, to be committed."""
    folder = folder / "my-service"
    answers = {"stack": stack, "ci": ci, "hosting": "fly" if ci in FORGES else ci}
    write(folder, answers, integration=integration)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    git(folder, "remote", "add", "origin", f"https://{ci}.com/Team/Service.git")
    git(folder, "init", "--quiet", "--bare", f"{folder}.git")
    git(folder, "remote", "add", RECORD, f"{folder}.git")
    return folder


def git(folder: Path, *arguments: str) -> str:
    return subprocess.check_output(["git", *arguments], cwd=folder, text=True).strip()


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "feat: something")


def recorded(section: str, row: tuple[str, ...], column: int, ran: str) -> None:
    """Hold a cell of a section's table to what ran, or write it there."""

    def filled(text: str) -> str:
        before, heading, rest = text.partition(f"\n## {section}\n")
        begin = "".join(rf"\| {re.escape(cell)} " for cell in row)
        found = re.search(rf"^{begin}\|.*$", rest, re.MULTILINE)
        assert found, f"{section} has no row of {row}"
        cells = [cell.strip() for cell in found[0].strip("|").split("|")]
        cells[column] = ran
        after = f"{rest[: found.start()]}| {' | '.join(cells)} |{rest[found.end() :]}"
        return before + heading + after

    pages.recorded(PAGE, filled)


def until(stage: str) -> str:
    """Give the stages up to one that failed, as the tables have them."""
    return ", ".join([*GATES[: GATES.index(stage)], f"**{stage}**"])


# The pipeline of each provider, with tasks that only note that they were called.


Pushed = tuple[Path, Standins]


@pytest.fixture
def alone(row: tuple[str, str], tmp_path: Path) -> Iterator[Pushed]:
    """A new project, and what its pipeline meets: no package manager does anything."""
    with Standins(tmp_path).running() as at:
        yield new(*row, tmp_path), at


@pytest.mark.parametrize("row", ROWS, ids="-".join)
def test_a_pipeline_calls_the_tasks_in_order(row: tuple[str, str], alone: Pushed) -> None:
    ci, stack = row
    service, at = alone
    at.replace_tasks(service)
    commit(service)
    ran = run(ci, service, at)
    assert ran.passed, ran.output
    jobs = [job for job in JOBS[ci] if job != "publish" or stack != "static"]
    assert ran.jobs == dict.fromkeys(jobs, True), ran.output
    assert at.stages == list(STAGES)[: len(jobs)], "each once, in this order"
    recorded("A pipeline alone", row, 3, ", ".join(at.stages))


@pytest.mark.parametrize("stage", GATES)
@pytest.mark.parametrize(
    "row", by_night(ROWS, [row for row in ROWS if "node" not in row]), ids="-".join
)
def test_a_task_that_fails_ends_the_pipeline(
    row: tuple[str, str], stage: str, alone: Pushed
) -> None:
    ci, _ = row
    service, at = alone
    at.replace_tasks(service, failing=stage)
    commit(service)
    ran = run(ci, service, at)
    assert not ran.passed, ran.output
    reached = GATES.index(stage) + 1
    assert list(ran.jobs) == JOBS[ci][:reached], ran.output
    assert ran.failed == [JOBS[ci][reached - 1]], ran.output
    assert at.stages == GATES[:reached], "nothing after it"
    assert f"planted: {stage}" in ran.output, "whoever looks at it sees why"
    recorded("A task that fails", (ci,), reached, until(stage))


# Of the forges: what else makes a pipeline run. The stack makes no difference to it.


@pytest.fixture(params=FORGES)
def forge(request: pytest.FixtureRequest) -> str:
    """A provider with pipelines of its own."""
    return str(request.param)


@pytest.fixture
def pushed(forge: str, tmp_path: Path) -> Iterator[Pushed]:
    """A new service, and what its pipeline meets."""
    with Standins(tmp_path).running() as at:
        yield new(forge, "node", tmp_path), at


#: After what, with which tag, the tasks that are called.
EVENTS = {
    "a change": ("change", "", "build --image, lint, test, scan --image"),
    "a candidate's tag": (
        "candidate",
        "v0.1.0-rc.1",
        "release --check v0.1.0-rc.1, build, lint, test, scan, deploy testbed",
    ),
    "a release's tag": (
        "release",
        "v0.1.0",
        "release --check v0.1.0, build, lint, test, scan, deploy live",
    ),
}


@pytest.mark.parametrize("after", EVENTS)
def test_what_happens_decides_which_tasks_are_called(
    forge: str, after: str, pushed: Pushed
) -> None:
    service, at = pushed
    event, tag, expected = EVENTS[after]
    at.replace_tasks(service)
    commit(service)
    ran = run(forge, service, at, event, tag)
    assert ran.passed, ran.output
    notes = [task for task in at.tasks if not task.startswith("release --notes")]
    # A scan of an image may take two calls.
    called = [task for task, _ in groupby(notes)]
    assert ", ".join(called) == expected
    recorded("What makes a pipeline run", (after, forge), 2, ", ".join(called))


def test_a_tag_that_is_refused_deploys_nothing(forge: str, pushed: Pushed) -> None:
    service, at = pushed
    at.replace_tasks(service, failing="release")
    commit(service)
    ran = run(forge, service, at, "release", "v9.9.9")
    assert not ran.passed
    assert len(ran.jobs) == 1, ran.output
    assert at.tasks == ["release --check v9.9.9"]


# The tasks of each stack, with a fault, by `ops/ci`.


@pytest.mark.parametrize(
    "real", [pytest.param("its task", id=""), pytest.param("all", marks=pytest.mark.nightly)]
)
@pytest.mark.parametrize(("stack", "stage"), FAULTY)
def test_a_fault_fails_its_stage(
    stack: str, stage: str, real: str, store: Store, tmp_path: Path
) -> None:
    planted, text, says = FAULTS[stack][stage]
    with Standins(tmp_path, store.project(stack) / "node_modules").running() as at:
        service = new("vercel" if stack == "static" else "github", stack, tmp_path)
        lock(service, stack, store)
        if real != "all":
            at.replace_tasks(service, kept=("setup", stage))
        if text:
            (service / planted).write_text(text)
        else:
            at.vulnerable = planted
        commit(service)
        ran = gate(service, at)
        assert not ran.passed, ran.output
        assert ran.failed == [stage], ran.output
        assert at.stages == GATES[: GATES.index(stage) + 1], "nothing after it"
        assert says in re.sub(r"\x1b\[\d*m", "", ran.output)
    recorded("The tasks alone", (stack,), GATES.index(stage), until(stage))


@pytest.mark.parametrize(
    "stack",
    by_night([option.id for option in TEMPLATE.catalog.axes["stack"]], ["node", "fullstack"]),
)
def test_without_the_example_everything_passes(stack: str, store: Store, tmp_path: Path) -> None:
    """Also the integration tests: nothing that is kept for people leans on what they delete."""
    with Standins(tmp_path, store.project(stack) / "node_modules").running() as at:
        ci = "vercel" if stack == "static" else "github"
        service = new(ci, stack, tmp_path, integration=True)
        lock(service, stack, store)
        commit(service)
        words = readme_commands(service, "What is yours")
        deletions = [block for block in words if block.startswith("rm ")]
        assert deletions
        subprocess.run(["sh", "-euc", "\n".join(deletions)], cwd=service, check=True)
        commit(service)
        ran = gate(service, at)
        assert ran.passed, ran.output
        assert list(ran.jobs) == GATES, ran.output


def lock(service: Path, stack: str, store: Store) -> None:
    """Give a service the lock file of its stack."""
    name = "uv.lock" if stack == "python" else "package-lock.json"
    shutil.copy(store.project(stack) / name, service)


# Both together, nothing replaced.


@pytest.fixture
def whole(row: tuple[str, str], store: Store, tmp_path: Path) -> Iterator[Pushed]:
    """A new project, as whoever pushes it has it, and what its pipeline meets."""
    ci, stack = row
    with Standins(tmp_path, store.project(stack) / "node_modules").running() as at:
        service = new(ci, stack, tmp_path)
        lock(service, stack, store)
        yield service, at


@pytest.mark.parametrize("row", by_night(ROWS, {*ROWS} - TOGETHER.items()), ids="-".join)
def test_what_passes_is_published_and_deployed_by_its_digest(
    row: tuple[str, str], whole: Pushed
) -> None:
    ci, stack = row
    service, at = whole
    commit(service)
    ran = run(ci, service, at)
    jobs = [job for job in JOBS[ci] if job != "publish" or stack != "static"]
    assert ran.passed, ran.output
    assert ran.jobs == dict.fromkeys(jobs, True), ran.output
    assert at.stages == list(STAGES)[: len(ran.jobs)], "each once, in this order"
    assert PASSWORD not in ran.output
    if ci in FORGES:
        head = git(service, "rev-parse", "HEAD")
        digest = at.digest("team/service", head)
        [deployed] = [call for call in at.calls if call.startswith("fly deploy")]
        assert deployed.endswith(f":{head}@{digest}"), "what was published, and no other"
        assert f"sandbox runs {head}" in ran.output
        recorded_there = git(service, "ls-remote", RECORD, "refs/deployments/sandbox")
        assert recorded_there, "and that it passed"
    if row in TOGETHER.items():
        recorded("Both together", row, 2, ", ".join(at.stages))


@pytest.mark.parametrize("row", [("github", "node")], ids="-".join)
def test_a_tag_deploys_the_image_that_main_published(whole: Pushed) -> None:
    """What only a tag does is real: a deploy of any environment begins with the digest."""
    service, at = whole
    at.replace_tasks(service, kept=("setup", "release", "deploy", "smoke"))
    changelog = service / "CHANGELOG.md"
    changelog.write_text(f"{changelog.read_text()}\n## [0.1.0] - 2026-11-27\n\n- Something.\n")
    commit(service)
    ran = run("github", service, at, "candidate", "v0.1.0-rc.1")
    assert ran.passed, ran.output
    head = git(service, "rev-parse", "HEAD")
    [deployed] = [call for call in at.calls if call.startswith("fly deploy")]
    env = ENVIRONMENTS["candidate"]
    assert f"fly.{env}.toml" in deployed
    assert deployed.endswith(f":{head}@{at.digest('team/service', head)}")
    told = f"notify {env} resolved {env} runs {head}"
    assert at.tasks == [*GATES, told], "no image is built, and people know of it"
