"""One pipeline in every notation: each provider's is the one here, but for declared differences."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from conftest import TEMPLATE, combinations_of

from scaffold.pipeline import Job, Pipeline, Trigger, read
from scaffold.template.answers import resolve
from scaffold.template.renderer import render

CHANGE, MAIN, CANDIDATE, RELEASE = (
    Trigger.CHANGE, Trigger.MAIN, Trigger.CANDIDATE, Trigger.RELEASE,
)  # fmt: skip
GATE = ("build", "lint", "test", "scan")


@dataclass(frozen=True, order=True)
class Work:
    """What a job is for, by what all notations have in common.

    Attributes:
        stages: What it does.
        tasks: The `ops/…` commands that do it, set-up left out.
        environment: What it deploys to.
        approved: Whether the file says that somebody has to start it.
        secrets: The secrets and settings that it gets for its environment, sorted.
    """

    stages: tuple[str, ...]
    tasks: tuple[str, ...]
    environment: str = ""
    approved: bool = False
    secrets: tuple[str, ...] = ()


Works = frozenset[Work]


def work(stage: str, task: str) -> Work:
    return Work((stage,), (task,))


def the_pipeline(trigger: Trigger, *, image: bool, secrets: frozenset[str]) -> Works:
    """Give what every provider does after a trigger."""
    flag = " --image" if image and trigger in {CHANGE, MAIN} else ""
    found = {
        work("build", f"ops/build{flag}"),
        work("lint", "ops/lint"),
        work("test", "ops/test"),
        work("scan", f"ops/scan{flag}"),
    }
    if trigger is MAIN and image:
        found.add(work("publish", "ops/publish"))
    if trigger in {CANDIDATE, RELEASE}:
        found.add(work("release", "ops/release --check TAG"))
    if trigger is RELEASE:
        found.add(work("release", "ops/release --notes TAG"))
    if trigger in ENVIRONMENTS:
        name = ENVIRONMENTS[trigger]
        found.add(
            Work(
                ("deploy",),
                (f"ops/deploy {name}",),
                name,
                trigger is RELEASE,
                tuple(sorted(secrets)),
            ),
        )
    return frozenset(found)


ENVIRONMENTS = {MAIN: "sandbox", CANDIDATE: "testbed", RELEASE: "live"}


# What a provider does otherwise, and why.


def approved_in_settings(works: Works) -> Works:
    return frozenset(replace(each, approved=False) for each in works)


def no_notes(works: Works) -> Works:
    return frozenset(each for each in works if each.tasks != ("ops/release --notes TAG",))


def the_platform_deploys(works: Works) -> Works:
    """One build command is the gate, and what comes after it no command of ours."""
    deploys = {
        replace(each, tasks=(), approved=False, secrets=())
        for each in works
        if each.stages == ("deploy",)
    }
    return frozenset(deploys | {Work(GATE, ("ops/ci",))}) if deploys else frozenset()


def previews(works: Works) -> Works:
    """Pull requests pass the same gate on the way to a preview."""
    if any(each.environment for each in works):
        return works
    return frozenset({Work(GATE, ("ops/ci",)), Work(("deploy",), (), "preview")})


Difference = tuple[Callable[[Works], Works], str]
DIFFERENCES: dict[str, list[Difference]] = {
    "github": [
        (approved_in_settings, "reviewers are a setting of the environment, which no file shows"),
    ],
    "gitlab": [],
    "bitbucket": [
        (no_notes, "Bitbucket has no releases to put notes in"),
    ],
    "render": [
        (
            the_platform_deploys,
            (
                "Render has no jobs: services follow branches, each builds for itself, publishes "
                "nothing, and who may push to a branch approves"
            ),
        ),
    ],
    "vercel": [
        (
            the_platform_deploys,
            (
                "Vercel has no jobs: projects follow branches, each builds for itself, publishes "
                "nothing, and who may push to a branch approves"
            ),
        ),
        (previews, "Vercel itself deploys pull requests, to an address of their own"),
    ],
}
#: Providers without jobs.
PLATFORMS = {o.id for o in TEMPLATE.catalog.axes["ci"] if "forge" not in o.row.get("traits", ())}

#: What every environment may have, whatever it is hosted on.
COMMON = {"SERVICE_URL"}
#: What a provider gives a job by itself.
BUILT_IN = {
    "github": {"GITHUB_TOKEN"},
    "gitlab": {"CI_REGISTRY_PASSWORD", "CI_REGISTRY_USER", "CI_REGISTRY_IMAGE", "CI_JOB_TOKEN"},
    "bitbucket": set[str](),
    "render": set[str](),
    "vercel": set[str](),
}


# The projects.


#: Every stack with every provider that it goes with, on the first host that fits.
COMBINATIONS = [
    {"project_name": "my-service", **row} for row in combinations_of("stack", "ci", "scan")
]


@dataclass(frozen=True)
class Project:
    provider: str
    pipeline: Pipeline
    image: bool
    rows: list[Any]

    def declared(self, *keys: str) -> frozenset[str]:
        """Give the names under some keys of its rows."""
        return frozenset(name for row in self.rows for key in keys for name in row.get(key, ()))

    @property
    def registry(self) -> frozenset[str]:
        """Name what publishing needs."""
        lists = [row["registry"] for row in self.rows if "registry" in row and self.image]
        return frozenset(name for each in lists for names in each.values() for name in names)


@pytest.fixture(
    scope="module",
    params=[pytest.param(a, id="-".join([*a.values()][1:])) for a in COMBINATIONS],
)
def project(request: pytest.FixtureRequest) -> Project:
    answers = resolve(TEMPLATE, request.param)
    files = {str(file.path): file.content for file in render(TEMPLATE, answers)}
    found = read(files)
    provider = request.param["ci"]
    # A host's own file may say something too; here it is about the provider.
    jobs = tuple(job for job in found.jobs if job.provider == provider)
    rows = [option.row for option in TEMPLATE.catalog.chosen(answers.values)]
    image = any("image" in row.get("traits", ()) for row in rows)
    return Project(provider, Pipeline(jobs=jobs, unread=found.unread), image, rows)


def task(command: str) -> str:
    """Write a task the same in every notation: TAG for the tag's variable."""
    return re.sub(r'"?\$\{?(?:GITHUB_REF_NAME|CI_COMMIT_TAG|BITBUCKET_TAG)\}?"?', "TAG", command)


def as_work(project: Project, job: Job) -> Work:
    mentioned = {*job.secrets, *job.variables} - BUILT_IN[project.provider]
    if job.ambient:
        # GitLab and Bitbucket hand a job all that its environment has, unmentioned.
        mine = project.declared("secrets", "variables") | COMMON
        mentioned = set(mine) if job.environment and project.provider not in PLATFORMS else set()
    return Work(
        stages=job.stages,
        tasks=tuple(task(each) for each in job.tasks if each != "ops/setup"),
        environment=job.environment,
        approved=job.approval == "manual",
        secrets=tuple(sorted(mentioned - project.declared("stage_secrets") - project.registry)),
    )


def test_every_provider_is_compared() -> None:
    compared = {answers["ci"] for answers in COMBINATIONS}
    assert compared == {option.id for option in TEMPLATE.catalog.axes["ci"]}
    assert compared <= set(DIFFERENCES)


@pytest.mark.parametrize("trigger", [CHANGE, MAIN, CANDIDATE, RELEASE])
def test_it_is_the_same_pipeline(project: Project, trigger: Trigger) -> None:
    secrets = project.declared("secrets", "variables") | COMMON
    expected = the_pipeline(trigger, image=project.image, secrets=secrets)
    for difference, _reason in DIFFERENCES[project.provider]:
        expected = difference(expected)
    found = [as_work(project, job) for job in project.pipeline.run(trigger)]
    assert sorted(found) == sorted(expected)


def test_no_failure_is_swallowed(project: Project) -> None:
    assert project.pipeline.swallowed() == ()


def test_all_of_it_is_understood(project: Project) -> None:
    # Which of Vercel's projects makes previews of a site is a setting of theirs.
    previews = [job for job in project.pipeline.jobs if job.id.startswith("preview/")]
    skipped = "vercel.json: ignoreCommand: it may keep preview from being built"
    assert project.pipeline.unread == ((skipped,) if previews and not project.image else ())
    assert all(not job.uncertain for job in project.pipeline.jobs if job not in previews)


def test_every_name_is_declared_in_a_row(project: Project) -> None:
    declared = project.declared("secrets", "variables", "stage_secrets") | project.registry
    known = declared | COMMON | BUILT_IN[project.provider]
    used = {name for job in project.pipeline.jobs for name in (*job.secrets, *job.variables)}
    assert used - known == set()


def test_every_job_ends_in_time(project: Project) -> None:
    assert {job.id for job in project.pipeline.jobs if not job.timeout} == set()


@pytest.mark.parametrize("trigger", ENVIRONMENTS)
def test_all_four_stages_gate_every_deploy(project: Project, trigger: Trigger) -> None:
    deploys = [job for job in project.pipeline.run(trigger) if "deploy" in job.stages]
    assert [job.environment for job in deploys] == [ENVIRONMENTS[trigger]]
    for job in deploys:
        gates = project.pipeline.gates(job, trigger)
        passed = [stage for each in gates for stage in each.stages]
        assert set(GATE) <= set(passed)
        if project.provider not in PLATFORMS and trigger is not MAIN:
            assert "release" in passed, "the changelog gates a tag"
        if project.provider not in PLATFORMS and trigger is MAIN and project.image:
            assert "publish" in passed, "the image is there before it is deployed"


@pytest.mark.parametrize("trigger", Trigger)
def test_each_stage_gates_the_next(project: Project, trigger: Trigger) -> None:
    for job in project.pipeline.run(trigger):
        own = [GATE.index(stage) for stage in job.stages if stage in GATE]
        gates = project.pipeline.gates(job, trigger)
        passed = {stage for each in (*gates, job) for stage in each.stages}
        assert set(GATE[: max(own, default=0)]) <= passed, job.id


def test_a_change_reaches_no_environment(project: Project) -> None:
    for job in project.pipeline.run(CHANGE):
        if job.environment == "preview" and project.provider == "vercel":
            continue  # no environment of ours, and the same gate is before it
        assert not {"publish", "deploy", "release"} & set(job.stages), job.id
        assert not job.environment, job.id
        named = {*job.secrets, *job.variables}
        assert not named & (project.declared("secrets", "variables") | project.registry), job.id
        # What a token may write, a pull request could.
        assert "write" not in dict(job.permissions or ()).values(), job.id


def test_only_publishing_writes_to_the_registry(project: Project) -> None:
    for job in project.pipeline.jobs:
        if dict(job.permissions or ()).get("packages") == "write":
            # A drill publishes what it breaks.
            assert job.stages == ("publish",) or job.tasks == ("ops/drill testbed",), job.id


def test_no_deploy_is_cut_short_and_those_of_one_environment_queue(project: Project) -> None:
    for job in project.pipeline.jobs:
        if any(each.startswith("ops/deploy") for each in job.tasks):
            assert job.concurrency, job.id
            assert job.concurrency.exclusive, job.id
            assert not job.concurrency.cancels, job.id
            # A site's sandbox may leave out what a newer push replaces; an image is waited for.
            assert job.concurrency.queued or (job.environment == "sandbox" and not project.image)
