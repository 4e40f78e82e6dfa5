"""Render's blueprints, as they are written and as the model has them."""

from __future__ import annotations

import pytest
from notation import gates, ids, job, pipeline

FILE = "render.yaml"


def test_a_service_is_a_build_that_gates_a_deploy() -> None:
    found = pipeline({FILE: """
        services:
          - {type: web, name: my-sandbox, runtime: node, buildCommand: ops/ci}
          - {type: web, name: my-testbed, runtime: node, branch: testbed, buildCommand: ops/ci,
             preDeployCommand: npm run migrate}
          - {type: web, name: my-live, runtime: node, branch: live, buildCommand: ops/ci,
             envVars: [{key: API_TOKEN, sync: false}, {key: APP_ENV, value: live}]}
          - {type: keyvalue, name: cache}
        """})  # fmt: skip
    assert ids(found, "change") == []
    assert ids(found, "main") == ["my-sandbox/build", "my-sandbox/deploy"]
    assert ids(found, "candidate") == ["my-testbed/build", "my-testbed/deploy"]
    assert job(found, "my-sandbox/build", "main").stages == ("build", "lint", "test", "scan")
    deploy = job(found, "my-live/deploy", "release")
    assert (deploy.environment, deploy.stages) == ("live", ("deploy",))
    assert deploy.secrets == ("API_TOKEN",)
    assert gates(found, "my-live/deploy", "release") == ["my-live/build"]
    assert [s.run for s in job(found, "my-testbed/deploy", "candidate").steps] == [
        "npm run migrate", "",
    ]  # fmt: skip
    assert found.unread == ()


@pytest.mark.parametrize("off", ["autoDeployTrigger: off", "autoDeploy: false", "autoDeploy: no"])
def test_a_service_that_no_push_deploys_waits_for_somebody(off: str) -> None:
    service = f"{{type: web, name: a, runtime: node, buildCommand: make build, {off}}}"
    found = pipeline({FILE: f"services: [{service}]"})
    assert ids(found, "main") == []
    assert ids(found, "manual") == ["a/build", "a/deploy"]


def test_an_image_runs_what_its_last_stage_needs() -> None:
    found = pipeline({
        FILE: "services: [{type: web, name: a, runtime: docker}]",
        "Dockerfile": """
        FROM node:24 AS base
        RUN npm ci
        FROM base AS checked
        RUN --mount=type=cache,target=/c ops/lint && \\
            # a comment
            ops/test
        FROM base AS unused
        RUN ops/scan
        FROM node:24-alpine
        COPY --from=checked /app /app
        """,
    })  # fmt: skip
    build = job(found, "a/build", "main")
    assert build.tasks == ("ops/lint", "ops/test")
    assert build.stages == ("lint", "test")


def test_a_build_of_an_image_goes_on_after_a_failure() -> None:
    found = pipeline({
        FILE: "services: [{type: web, name: a, runtime: docker}]",
        "Dockerfile": "FROM node:24\nRUN npm test; npm run build\nRUN set -e; npm test; npm ci",
    })  # fmt: skip
    assert [each.what for each in found.swallowed()] == ["npm test; npm run build"]


def test_checks_of_others_gate_when_it_waits_for_them() -> None:
    ci = "on: push\njobs: {test: {steps: [{run: npm test}]}}"
    service = "{type: web, name: a, runtime: image, image: {url: x}, autoDeployTrigger: TRIGGER}"
    for trigger, before in (("checksPass", ["ci/test", "a/build"]), ("commit", ["a/build"])):
        blueprint = f"services: [{service.replace('TRIGGER', trigger)}]"
        found = pipeline({FILE: blueprint, ".github/workflows/ci.yml": ci})
        assert gates(found, "a/deploy", "main") == before


def test_projects_previews_and_what_is_not_in_the_files() -> None:
    found = pipeline({FILE: """
        previews: {generation: automatic}
        projects:
          - name: shop
            environments:
              - {name: production, services: [{type: web, name: a, runtime: python, branch: odd}]}
        services: [{type: web, name: b, runtime: docker}]
        """})  # fmt: skip
    assert "a preview/deploy" in ids(found, "change")
    assert f"{FILE}: a: the branch odd belongs to no trigger known here" in found.unread
    assert f"{FILE}: b: Dockerfile was not read" in found.unread
    assert f"{FILE}: a: it has no buildCommand; what Render runs instead is not in a file" in (
        found.unread
    )
