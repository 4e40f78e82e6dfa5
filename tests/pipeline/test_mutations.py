"""What is done to a good pipeline to get something past it, and how the model shows it."""

from __future__ import annotations

import pytest
from notation import gates, ids, job, pipeline

from scaffold.pipeline import Pipeline

WORKFLOW, CI, PIPELINES = ".github/workflows/main.yml", ".gitlab-ci.yml", "bitbucket-pipelines.yml"
GITHUB = """
on: {push: {branches: [main]}}
jobs:
  test:
    timeout-minutes: 10
    steps:
      - run: npm test
  scan:
    needs: test
    timeout-minutes: 10
    steps:
      - run: npm audit
  deploy:
    needs: [test, scan]
    environment: sandbox
    steps:
      - run: fly deploy
        env: {FLY_API_TOKEN: "${{ secrets.FLY_API_TOKEN }}"}
"""
GITLAB = """
stages: [test, scan, deploy]
test:
  stage: test
  script: [npm test]
scan:
  stage: scan
  script: [npm audit]
deploy:
  stage: deploy
  script: [fly deploy -t $FLY_API_TOKEN]
  environment: sandbox
"""
BITBUCKET = """
pipelines:
  branches:
    main:
      - step:
          name: test
          script: [npm test]
      - step:
          name: scan
          script: [npm audit]
      - step:
          name: deploy
          deployment: sandbox
          script: [fly deploy -t $FLY_API_TOKEN]
"""
FILES = {
    WORKFLOW: GITHUB,
    CI: GITLAB,
    PIPELINES: BITBUCKET,
}
DEPLOY = {
    WORKFLOW: "main/deploy",
    CI: "deploy",
    PIPELINES: "branches main 3",
}


def mutated(path: str, old: str, new: str) -> Pipeline:
    """Read a pipeline with one thing changed."""
    assert FILES[path].count(old) == 1, f"{old!r} is in {path} once"
    return pipeline({path: FILES[path].replace(old, new)})


def stages(found: Pipeline, path: str) -> set[str]:
    names = gates(found, DEPLOY[path], "main")
    return {stage for name in names for stage in job(found, name, "main").stages}


@pytest.mark.parametrize("path", FILES)
def test_the_pipeline_is_good(path: str) -> None:
    found = pipeline({path: FILES[path]})
    assert stages(found, path) == {"test", "scan"}
    assert found.swallowed() == ()
    assert found.secrets() == ("FLY_API_TOKEN",)
    assert found.unread == ()


@pytest.mark.parametrize("path", FILES)
@pytest.mark.parametrize(
    "hidden",
    ["npm test || true", "npm test || { :; }", "npm test; true", "set +e", "npm test &"],
)
def test_a_hidden_exit_code_is_swallowed(path: str, hidden: str) -> None:
    found = mutated(path, "npm test", f"{hidden!r}")
    assert [s.what for s in found.swallowed()] == [hidden]


TOLERATED = [
    # where, below which line, what is added, and what the model says of it
    (WORKFLOW, "      - run: npm test", "        continue-on-error: true", ""),
    (WORKFLOW, "  test:", "    continue-on-error: true", ""),
    (WORKFLOW, "      - run: npm test", "        shell: bash {0}", ""),
    (CI, "  stage: test", "  allow_failure: true", ""),
    (CI, "  stage: test", "  allow_failure: {exit_codes: [1]}", "allow_failure: exit codes 1"),
    (CI, "  stage: test", "  when: manual", "when: manual without allow_failure: false"),
    (CI, "  stage: test", "  when: manual\n  allow_failure: false", "when: manual"),
    (PIPELINES, "          name: test", "          on-fail: {strategy: ignore}", "on-fail: ignore"),
    (PIPELINES, "          name: test", "          trigger: manual", ""),
]


@pytest.mark.parametrize(("path", "line", "added", "what"), TOLERATED)
def test_a_tolerated_failure_is_swallowed(path: str, line: str, added: str, what: str) -> None:
    found = mutated(path, f"{line}\n", f"{line}\n{added}\n")
    assert [s.what for s in found.swallowed()] == [what or added.strip()]


def test_a_job_that_may_fail_gates_nothing() -> None:
    tolerated = mutated(CI, "  stage: test\n", "  stage: test\n  allow_failure: true\n")
    assert stages(tolerated, CI) == {"scan"}


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (WORKFLOW, "needs: [test, scan]", "needs: test"),
        (CI, "  stage: deploy\n", "  stage: deploy\n  needs: [test]\n"),
        (PIPELINES, "[npm audit]", "[echo fine]"),
    ],
)
def test_a_dropped_gate_is_missing(path: str, old: str, new: str) -> None:
    assert stages(mutated(path, old, new), path) == {"test"}


def test_a_deploy_that_runs_anyway_has_no_gate() -> None:
    path = WORKFLOW
    found = mutated(
        path, "    environment: sandbox\n", "    environment: sandbox\n    if: always()\n"
    )
    assert stages(found, path) == set()
    assert found.swallowed()[0].job == "main/deploy"
    assert mutated(
        path, "      - run: fly deploy", "      - run: fly deploy\n        if: always()"
    ).swallowed()
    gitlab = mutated(CI, "  stage: deploy\n", "  stage: deploy\n  when: always\n")
    assert stages(gitlab, CI) == set()
    assert gitlab.swallowed()


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (WORKFLOW, "npm audit", "npm audit ${{ secrets.OTHER_TOKEN }}"),
        (CI, "npm audit", "npm audit $OTHER_TOKEN"),
        (PIPELINES, "npm audit", "'npm audit ${OTHER_TOKEN}'"),
    ],
)
def test_an_undeclared_secret_is_shown(path: str, old: str, new: str) -> None:
    assert mutated(path, old, new).secrets() == ("FLY_API_TOKEN", "OTHER_TOKEN")


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        (
            WORKFLOW,
            "on: {push: {branches: [main]}}",
            "on: [push, pull_request]",
        ),
        (PIPELINES, "    main:\n", '    "**":\n'),
    ],
)
def test_a_deploy_of_changes_is_shown(path: str, old: str, new: str) -> None:
    found = mutated(path, old, new)
    assert any("deploy" in each.stages for each in found.jobs if "change" in each.triggers)
    assert ids(pipeline({path: FILES[path]}), "change") == []


def test_a_lost_timeout_is_shown() -> None:
    found = mutated(
        WORKFLOW,
        "  scan:\n    needs: test\n    timeout-minutes: 10\n",
        "  scan:\n    needs: test\n",
    )
    assert [job(found, f"main/{name}", "main").timeout for name in ("test", "scan")] == [10, None]
