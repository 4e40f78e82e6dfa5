"""Bitbucket Pipelines, as it is written and as the model has it."""

from __future__ import annotations

from notation import gates, ids, job, pipeline, run

FILE = "bitbucket-pipelines.yml"


def test_steps_follow_each_other_whatever_they_are_in() -> None:
    found = pipeline({FILE: """
        image: node:24
        options: {max-time: 20}
        definitions:
          services: {db: {image: postgres:17}}
          steps:
            - step: &build {name: Build, script: [ops/build]}
            - step: &test {name: Test, services: [db], script: [ops/test], max-time: 5}
        pipelines:
          pull-requests:
            "**":
              - step: *build
              - parallel: [{step: *test}, {step: {<<: *test, script: [ops/lint]}}]
              - parallel: {fail-fast: true, steps: [{step: {script: [ops/scan]}}]}
          branches:
            main:
              - stage:
                  name: Check
                  steps: [{step: *build}, {step: *test}]
              - step: {deployment: sandbox, script: [ops/deploy sandbox], oidc: true}
          tags:
            "v*.*.*": [{step: {deployment: live, trigger: manual, script: [ops/deploy live]}}]
            "v*-rc.*": [{step: {deployment: testbed, script: [ops/deploy testbed]}}]
          custom:
            nightly: [{variables: [{name: X}]}, {step: {script: [ops/scan]}}]
        """})  # fmt: skip
    assert [j.stages[0] for j in run(found, "change")] == ["build", "test", "lint", "scan"]
    assert gates(found, "pull-requests 4", "change") == [
        "pull-requests 1", "pull-requests 2", "pull-requests 3",
    ]  # fmt: skip
    assert gates(found, "pull-requests 2", "change") == ["pull-requests 1"]
    assert gates(found, "branches main 2", "main") == ["branches main 1"]
    assert gates(found, "branches main 3", "main") == ["branches main 1", "branches main 2"]
    deploy = job(found, "branches main 3", "main")
    assert (deploy.environment, deploy.approval, deploy.timeout) == ("sandbox", "environment", 20)
    assert deploy.permissions == (("id-token", "write"),)
    # Of two patterns that fit, the one that says more counts.
    assert [j.environment for j in run(found, "candidate")] == ["testbed"]
    assert job(found, "tags v*.*.* 1", "release").approval == "manual"
    assert ids(found, "manual") == ["custom nightly 1"]
    test = job(found, "pull-requests 2", "change")
    assert (test.name, test.timeout, test.images) == ("Test", 5, ("node:24", "postgres:17"))
    assert found.swallowed() == ()
    assert found.unread == ()


def test_default_is_for_branches_that_have_no_pipeline_of_their_own() -> None:
    found = pipeline({FILE: """
        pipelines:
          default: [{step: {script: [npm test]}}]
          branches: {"release/*": [{step: {script: [fly deploy]}}]}
        """})  # fmt: skip
    assert ids(found, "change") == ids(found, "main") == ["default 1"]
    assert ids(found, "release") == []


def test_a_stage_hands_its_keys_to_its_steps() -> None:
    found = pipeline({FILE: """
        pipelines:
          branches:
            main:
              - stage:
                  deployment: live
                  trigger: manual
                  steps: [{step: {script: [ops/build]}}, {step: {script: [ops/deploy live]}}]
        """})  # fmt: skip
    first, second = (job(found, f"branches main {n}", "main") for n in (1, 2))
    assert (first.environment, first.approval) == ("live", "manual")
    assert (second.environment, second.approval) == ("live", "environment")


def test_pipes_and_secrets() -> None:
    found = pipeline({FILE: """
        pipelines:
          default:
            - step:
                script:
                  - pipe: atlassian/aws-ecs-deploy:1.0.0
                    variables: {AWS_ROLE: $ROLE, API_TOKEN: $API_TOKEN, SHA: $BITBUCKET_COMMIT}
        """})  # fmt: skip
    deploy = job(found, "default 1", "main")
    assert deploy.uses == ("atlassian/aws-ecs-deploy:1.0.0",)
    assert deploy.stages == ("deploy",)
    assert (deploy.secrets, deploy.variables) == (("API_TOKEN",), ("ROLE",))


def test_what_is_unknown_is_said() -> None:
    found = pipeline({FILE: """
        pipelines:
          default:
            - step: {script: [make], deploment: live, services: [cache]}
            - step: {script: [make], condition: {changesets: {includePaths: [src/**]}}}
            - wait: 5
          branches:
            main: {import: shared@main:ci}
        """})  # fmt: skip
    assert found.unread == (
        f"{FILE}: branches main: it is imported from another repository, and was not read",
        f"{FILE}: default 1: unknown: deploment",
        f"{FILE}: default 1: the service 'cache' is not defined",
        f"{FILE}: default 2: whether it runs depends on the files that a change touches",
        f"{FILE}: default: unknown: wait",
    )


def test_a_failure_that_is_ignored_gates_nothing() -> None:
    found = pipeline({FILE: """
        pipelines:
          default:
            - step: {script: [npm test], on-fail: {strategy: ignore}}
            - step: {script: [fly deploy], after-script: [npm run e2e]}
        """})  # fmt: skip
    assert gates(found, "default 2", "main") == []
    assert [s.what for s in found.swallowed()] == ["on-fail: ignore", "after-script: npm run e2e"]
