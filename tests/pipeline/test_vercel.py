"""Vercel's configuration, as it is written and as the model has it."""

from __future__ import annotations

import json

import pytest
from conftest import ENGINE
from notation import gates, ids, job, pipeline

from scaffold.pipeline import Pipeline

FILE = "vercel.json"


def test_the_build_command_gates_the_deploy() -> None:
    found = pipeline({FILE: '{"installCommand": "ops/setup", "buildCommand": "ops/ci"}'})
    assert ids(found, "main") == ["production/build", "production/deploy"]
    assert ids(found, "change") == ["preview/build", "preview/deploy"]
    build = job(found, "production/build", "main")
    assert build.stages == ("build", "lint", "test", "scan")
    assert build.tasks == ("ops/setup", "ops/ci")
    assert gates(found, "production/deploy", "main") == ["production/build"]


def test_services_are_built_one_after_the_other() -> None:
    found = pipeline({
        FILE: """
        {"services": {
           "gate": {"root": "ops", "buildCommand": "cd .. && ops/ci"},
           "api": {"root": "./api", "entrypoint": "Dockerfile"}}}
        """,
        "api/Dockerfile": "FROM node\nRUN npm ci",
    })  # fmt: skip
    build = job(found, "production/build", "main")
    assert [step.run for step in build.steps] == ["cd .. && ops/ci", "npm ci"]
    assert gates(found, "production/deploy", "main") == ["production/build"]


def test_an_image_whose_file_is_not_there_is_said() -> None:
    found = pipeline({FILE: '{"services": {"api": {"root": ".", "runtime": "container"}}}'})
    assert found.unread == (f"{FILE}: api: Dockerfile was not read",)


def test_branches_may_be_environments() -> None:
    found = pipeline({FILE: """
        {"buildCommand": "ops/ci",
         "git": {"deploymentEnabled": {
           "*": false, "**": false, "main": true, "testbed": true, "live": true}}}
        """})  # fmt: skip
    assert ids(found, "main") == ["sandbox/build", "sandbox/deploy"]
    assert ids(found, "candidate") == ["testbed/build", "testbed/deploy"]
    assert ids(found, "release") == ["live/build", "live/deploy"]
    assert ids(found, "change") == []


def test_pushes_may_deploy_nothing() -> None:
    assert pipeline({FILE: '{"git": {"deploymentEnabled": false}}'}).jobs == ()
    only_main = pipeline({FILE: '{"git": {"deploymentEnabled": {"main": false}}}'})
    assert (ids(only_main, "main"), ids(only_main, "change")) == (
        [], ["preview/build", "preview/deploy"],
    )  # fmt: skip


@pytest.mark.parametrize("path", [f"{ENGINE}/pipeline.py", "ops/lib/ci.sh"])
def test_what_ops_release_pushes_are_environments_too(path: str) -> None:
    found = pipeline({
        FILE: '{"buildCommand": "ops/ci"}',
        path: "echo git push origin $2^{}:refs/heads/testbed\necho refs/heads/live",
    })  # fmt: skip
    assert ids(found, "main") == ["sandbox/build", "sandbox/deploy"]
    assert ids(found, "candidate") == ["testbed/build", "testbed/deploy"]
    assert ids(found, "release") == ["live/build", "live/deploy"]


def test_a_command_that_skips_builds() -> None:
    def of(command: str) -> Pipeline:
        return pipeline({FILE: json.dumps({"ignoreCommand": command})})

    previews = of('[ "$VERCEL_ENV" != production ]')
    assert (ids(previews, "change"), previews.unread) == ([], ())
    assert ids(previews, "main") == ["production/build", "production/deploy"]
    some = of('[ "$VERCEL_ENV" != production ] && [ "$MINE" != sandbox ]')
    assert job(some, "preview/deploy", "change").uncertain == {"change"}
    assert job(some, "production/deploy", "main").uncertain == set()
    assert some.unread == (f"{FILE}: ignoreCommand: it may keep preview from being built",)
    assert len(of("git diff --quiet").unread) == 2
