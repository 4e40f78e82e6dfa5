"""GitLab CI, as it is written and as the model has it."""

from __future__ import annotations

import pytest
from notation import gates, ids, job, pipeline

from scaffold.pipeline.gitlab.jobs import minutes

FILE = ".gitlab-ci.yml"


def test_stages_gate_and_rules_choose() -> None:
    found = pipeline({FILE: """
        workflow:
          rules:
            - if: $CI_PIPELINE_SOURCE == "merge_request_event"
            - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
            - if: $CI_COMMIT_TAG
        stages: [build, test, deploy]
        deploy:
          stage: deploy
          script: [ops/deploy live]
          environment: {name: live}
          resource_group: live
          rules:
            - if: $CI_COMMIT_TAG =~ /^v\\d+\\.\\d+\\.\\d+$/
              when: manual
        test: {stage: test, script: [npm test], timeout: 15 minutes, interruptible: true}
        build: {stage: build, script: [npm run build]}
        """})  # fmt: skip
    for trigger in ("change", "main", "candidate"):
        assert ids(found, trigger) == ["build", "test"], trigger
    assert ids(found, "release") == ["build", "test", "deploy"]
    assert gates(found, "deploy", "release") == ["build", "test"]
    deploy = job(found, "deploy", "release")
    assert (deploy.environment, deploy.approval) == ("live", "manual")
    assert deploy.concurrency
    assert deploy.concurrency.queued
    test = job(found, "test", "main")
    assert test.timeout == 15
    assert test.concurrency
    assert test.concurrency.cancels
    assert found.swallowed() == ()
    assert found.unread == ()


def test_a_job_without_rules_is_for_branches_and_tags() -> None:
    found = pipeline({FILE: """
        test: {script: make test}
        mr: {script: make lint, only: [merge_requests]}
        main: {script: make build, only: [main], except: [schedules]}
        tag: {script: make deploy, only: {refs: [/^v.*$/], variables: [$CI_COMMIT_TAG]}}
        """})  # fmt: skip
    assert ids(found, "change") == ["mr", "test"]
    assert ids(found, "main") == ["test", "main"]
    assert ids(found, "schedule") == ["test"]
    assert ids(found, "release") == ["test", "tag"]


def test_two_schedules_are_told_from_each_other() -> None:
    """By a variable that one of them has; the other has another, or none."""
    found = pipeline({FILE: """
        drill:
          script: ops/drill testbed
          rules:
            - if: $CI_PIPELINE_SOURCE == "schedule" && ($SCHEDULE == "drill" || $SCHEDULE == null)
        backup:
          script: ops/backup live
          rules: [{if: $CI_PIPELINE_SOURCE == "schedule" && $SCHEDULE == "backup"}]
        """})  # fmt: skip
    assert ids(found, "schedule") == ["drill", "backup"]
    assert ids(found, "main") == []
    assert found.unread == ()


def test_includes_extends_references_and_defaults() -> None:
    found = pipeline({
        FILE: """
        include:
          - local: /ci/*.yml
          - {project: acme/ci, file: node.yml}
          - template: Jobs/SAST.gitlab-ci.yml
        default: {image: node:24, before_script: [npm ci], timeout: 1h}
        lint:
          extends: [.quick, .base]
          script:
            - !reference [.base, script]
            - npm run lint
        bare: {inherit: {default: false}, script: [true]}
        """,
        "ci/base.yml": """
        .base: {script: [echo base], tags: [docker], variables: {A: "1"}}
        .quick: {timeout: 5m, variables: {B: "2"}}
        """,
    })  # fmt: skip
    lint = job(found, "lint", "main")
    assert [step.run for step in lint.steps] == ["npm ci", "echo base", "npm run lint"]
    assert (lint.timeout, lint.images) == (5, ("node:24",))
    assert job(found, "bare", "main").images == ()
    assert found.unread == (
        f"{FILE}: include: project acme/ci is not in the repository",
        f"{FILE}: include: template Jobs/SAST.gitlab-ci.yml is not in the repository",
    )


def test_needs_replace_the_order_of_stages() -> None:
    found = pipeline({FILE: """
        stages: [build, test, deploy]
        build: {stage: build, script: make build}
        test: {stage: test, script: make test}
        early: {stage: deploy, needs: [], script: fly deploy}
        late: {stage: deploy, needs: [build, {job: test, optional: true}], script: fly deploy}
        lost: {stage: deploy, needs: [gone], script: fly deploy}
        """})  # fmt: skip
    assert gates(found, "early", "main") == []
    assert gates(found, "late", "main") == ["build", "test"]
    assert found.unread == (f"{FILE}: lost: it needs 'gone', which is no job",)


def test_a_job_may_be_another_one_by_trigger() -> None:
    found = pipeline({FILE: """
        deploy:
          script: fly deploy
          environment: $WHERE
          rules:
            - {if: $CI_COMMIT_BRANCH == "main", variables: {WHERE: sandbox}}
            - {if: $CI_COMMIT_TAG, when: manual, allow_failure: true, variables: {WHERE: live}}
        """})  # fmt: skip
    main, release = job(found, "deploy", "main"), job(found, "deploy", "release")
    assert (main.environment, main.approval) == ("sandbox", "environment")
    assert (release.environment, release.approval) == ("live", "manual")
    assert [s.what for s in found.swallowed()] == ["when: manual without allow_failure: false"]


def test_a_manual_job_lets_the_pipeline_pass_unless_it_says_otherwise() -> None:
    found = pipeline({FILE: """
        stages: [check, deploy]
        scan: {stage: check, script: snyk test, when: manual}
        deploy: {stage: deploy, script: fly deploy}
        """})  # fmt: skip
    assert gates(found, "deploy", "main") == []
    assert [s.job for s in found.swallowed()] == ["scan"]


def test_what_stops_an_environment_deploys_nothing() -> None:
    found = pipeline({FILE: """
        stop: {script: [./stop.sh], environment: {name: review, action: stop}}
        start: {script: [./start.sh], environment: {name: review}}
        """})  # fmt: skip
    assert job(found, "stop", "main").stages == ()
    assert job(found, "start", "main").stages == ("deploy",)


def test_secrets_and_variables_are_told_apart_by_name() -> None:
    found = pipeline({FILE: """
        variables: {REGION: iad}
        deploy:
          script:
            - HERE=1
            - fly deploy --token "$FLY_API_TOKEN" --app "$APP" --region $REGION $HERE $CI_COMMIT_SHA
          secrets: {VAULTED: {vault: a/b}}
        """})  # fmt: skip
    deploy = job(found, "deploy", "main")
    assert deploy.secrets == ("FLY_API_TOKEN", "VAULTED")
    assert deploy.variables == ("APP",)
    assert deploy.ambient


def test_what_rules_leave_open_is_uncertain() -> None:
    found = pipeline({FILE: """
        test: {script: make test, rules: [{changes: [src/**]}]}
        parts: {script: make test, parallel: {matrix: [{A: [1, 2], B: [1, 2, 3]}, {A: 3}]}}
        child: {trigger: {include: child.yml}}
        odd: {script: make, retires: 2}
        """})  # fmt: skip
    assert job(found, "test", "main").uncertain == {"change", "main", "candidate", "release",
                                                   "schedule", "manual"}  # fmt: skip
    assert job(found, "parts", "main").copies == 7
    assert f"{FILE}: child: the pipeline that it triggers was not read" in found.unread
    assert f"{FILE}: odd: unknown: retires" in found.unread


def test_inputs_have_their_defaults() -> None:
    found = pipeline({FILE: """
        spec: {inputs: {stage: {default: build}}}
        ---
        "$[[ inputs.stage ]]-job": {script: ["ops/$[[ inputs.stage ]]"]}
        """})  # fmt: skip
    assert job(found, "build-job", "main").stages == ("build",)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("15 minutes", 15), ("1h 30m", 90), ("3600", 60), ("1 hour and 5 min", 65), ("soon", None)],
)
def test_durations(written: str, meant: float | None) -> None:
    assert minutes(written) == meant
