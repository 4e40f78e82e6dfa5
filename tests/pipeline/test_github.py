"""GitHub Actions, as it is written and as the model has it."""

from __future__ import annotations

import pytest
from notation import gates, ids, job, pipeline, run

CI = ".github/workflows/ci.yml"
DEPLOY = ".github/workflows/deploy.yml"


def test_events_are_triggers_and_needs_are_gates() -> None:
    found = pipeline({CI: """
        on:
          pull_request:
          push: {branches: [main], tags: ["v[0-9]+.[0-9]+.[0-9]+"]}
          schedule: [{cron: "0 3 * * 1"}]
          workflow_dispatch:
        permissions: {contents: read}
        jobs:
          test:
            runs-on: ubuntu-latest
            timeout-minutes: 10
            needs: [lint]
            steps: [{run: npm test}]
          lint:
            runs-on: ubuntu-latest
            steps: [{uses: actions/checkout@v4}, {run: npm run lint}]
        """})  # fmt: skip
    for trigger in ("change", "main", "release", "schedule", "manual"):
        assert ids(found, trigger) == ["ci/lint", "ci/test"], trigger
    assert ids(found, "candidate") == []
    assert gates(found, "ci/test", "main") == ["ci/lint"]
    test = job(found, "ci/test", "main")
    assert (test.stages, test.timeout, test.permissions) == (
        ("test",), 10, (("contents", "read"),),
    )  # fmt: skip
    assert job(found, "ci/lint", "main").uses == ("actions/checkout@v4",)
    assert found.unread == ()


def test_two_schedules_are_told_from_each_other() -> None:
    """By their times, or by what somebody chose who starts one by hand."""
    found = pipeline({CI: """
        on:
          schedule: [{cron: "0 3 * * 1"}, {cron: "15 4 * * *"}]
          workflow_dispatch: {inputs: {job: {type: choice, options: [drill, backup]}}}
        jobs:
          drill:
            if: ${{ github.event.schedule == '0 3 * * 1' || inputs.job == 'drill' }}
            steps: [{run: ops/drill testbed}]
          backup:
            if: ${{ github.event.schedule == '15 4 * * *' || inputs.job == 'backup' }}
            steps: [{run: ops/backup live}]
          gone:
            if: github.event.schedule == '1 1 1 1 1'
            steps: [{run: ops/restore live}]
        """})  # fmt: skip
    assert ids(found, "schedule") == ids(found, "manual") == ["ci/drill", "ci/backup"]
    assert found.unread == ()


def test_a_push_without_a_filter_is_everything_that_is_pushed() -> None:
    found = pipeline({CI: "on: push\njobs: {a: {steps: [{run: make}]}}"})
    assert [t for t in ("change", "main", "candidate", "release") if ids(found, t)] == [
        "change", "main", "candidate", "release",
    ]  # fmt: skip


def test_branches_that_environments_are_named_after() -> None:
    found = pipeline({CI: """
        on: {push: {branches: [main, staging, production]}}
        jobs:
          deploy: {environment: "live", steps: [{run: ./ship.sh}]}
        """})  # fmt: skip
    assert ids(found, "candidate") == ids(found, "release") == ["ci/deploy"]
    assert ids(found, "change") == []
    # Nothing is known of ship.sh; a job of an environment deploys.
    assert job(found, "ci/deploy", "main").stages == ("deploy",)


def test_conditions_are_understood_for_jobs_and_for_steps() -> None:
    found = pipeline({CI: """
        on: [push, pull_request]
        jobs:
          test:
            steps:
              - run: npm test
              - run: npm run deploy
                if: github.ref == 'refs/heads/main' && github.event_name == 'push'
          deploy:
            needs: test
            if: ${{ startsWith(github.ref, 'refs/tags/v') && !contains(github.ref, '-rc') }}
            steps: [{run: fly deploy}]
          notify:
            needs: deploy
            steps: [{run: curl example.com}]
          rescue:
            needs: test
            if: failure()
            steps: [{run: echo}]
        """})  # fmt: skip
    assert ids(found, "change") == ids(found, "main") == ids(found, "candidate") == ["ci/test"]
    assert ids(found, "release") == ["ci/test", "ci/deploy", "ci/notify"]
    assert job(found, "ci/test", "main").stages == ("test", "deploy")
    assert job(found, "ci/test", "change").stages == ("test",)


def test_what_files_do_not_tell_is_uncertain_and_said() -> None:
    found = pipeline({CI: """
        on: {push: {branches: [main]}, issues: }
        jobs:
          deploy:
            if: vars.DEPLOY == 'yes'
            steps: [{run: ops/deploy sandbox}]
        """})  # fmt: skip
    assert job(found, "ci/deploy", "main").uncertain == {"main"}
    assert found.unread == (
        f"{CI}: on: issues starts it, which is no trigger known here",
        f"{CI}: deploy: whether it runs depends on: vars.DEPLOY == 'yes'",
    )


def test_reusable_workflows_and_composite_actions_are_part_of_it() -> None:
    found = pipeline({
        DEPLOY: """
        on: {push: {branches: [main]}}
        jobs:
          ci: {uses: $/.github/workflows/ci.yml, with: {target: live}}
          deploy:
            needs: ci
            uses: ./.github/workflows/ship.yml
            with: {environment: sandbox}
            secrets: {token: "${{ secrets.SANDBOX_TOKEN }}"}
        """,
        ".github/workflows/ci.yml": """
        on:
          workflow_call: {inputs: {target: {type: string}, slow: {default: false}}}
        jobs:
          lint: {steps: [{uses: ./.github/actions/setup, with: {cache: npm}}, {run: npm run lint}]}
          test: {needs: lint, steps: [{run: npm test}]}
          slow: {if: inputs.slow, needs: lint, steps: [{run: npm run e2e}]}
        """,
        ".github/workflows/ship.yml": """
        on: {workflow_call: {inputs: {environment: {type: string}}, secrets: {token: }}}
        jobs:
          ship:
            environment: ${{ inputs.environment }}
            steps: [{run: "fly deploy", env: {FLY_API_TOKEN: "${{ secrets.token }}"}}]
        """,
        ".github/actions/setup/action.yml": """
        inputs: {cache: {default: none}, node: {default: "24"}}
        runs:
          using: composite
          steps: [{run: "setup ${{ inputs.cache }} ${{ inputs.node }}", shell: bash}]
        """,
    })  # fmt: skip
    assert ids(found, "main") == ["deploy/ci/lint", "deploy/ci/test", "deploy/deploy/ship"]
    ship = job(found, "deploy/deploy/ship", "main")
    assert (ship.environment, ship.secrets) == ("sandbox", ("SANDBOX_TOKEN",))
    assert gates(found, ship.id, "main") == ["deploy/ci/lint", "deploy/ci/test"]
    assert [s.run for s in job(found, "deploy/ci/lint", "main").steps] == [
        "setup npm 24", "npm run lint",
    ]  # fmt: skip
    assert found.unread == ()


def test_what_is_elsewhere_is_not_guessed() -> None:
    found = pipeline({CI: """
        on: push
        jobs:
          shared: {uses: acme/ci/.github/workflows/node.yml@v1, secrets: inherit}
          own: {steps: [{uses: ./gone}]}
        """})  # fmt: skip
    assert f"{CI}: shared: the workflow acme/ci/.github/workflows/node.yml@v1 was not read" in (
        found.unread
    )
    assert f"{CI}: own: the action ./gone was not read" in found.unread
    assert job(found, "ci/shared", "main").uses == ("acme/ci/.github/workflows/node.yml@v1",)


@pytest.mark.parametrize("on", ["push", "[push]", "{push: }"])
def test_a_workflow_that_says_nothing_of_calls_cannot_be_called(on: str) -> None:
    found = pipeline({
        ".github/workflows/deploy.yml": "on: push\njobs: {ci: {uses: $/.github/workflows/ci.yml}}",
        CI: f"on: {on}\njobs: {{test: {{steps: [{{run: npm test}}]}}}}",
    })  # fmt: skip
    [note] = found.unread
    assert note.endswith(": ci: the workflow $/.github/workflows/ci.yml is none that can be called")


def test_a_workflow_that_calls_itself_ends() -> None:
    found = pipeline(
        {CI: "on: {push: , workflow_call: }\njobs: {a: {uses: ./.github/workflows/ci.yml}}"}
    )
    assert ids(found, "main") == ["ci/a"]
    assert found.unread == (f"{CI}: a: the workflow ./.github/workflows/ci.yml was not read",)


def test_a_workflow_after_another_one_is_gated_when_it_looks() -> None:
    files = {
        CI: "name: CI\non: {push: {branches: [main]}}\njobs: {test: {steps: [{run: npm test}]}}",
        DEPLOY: """
        on: {workflow_run: {workflows: [CI], types: [completed], branches: [main]}}
        jobs:
          deploy:
            if: github.event.workflow_run.conclusion == 'success'
            steps: [{run: fly deploy}]
        """,
    }  # fmt: skip
    found = pipeline(files)
    assert gates(found, "deploy/deploy", "main") == ["ci/test"]
    assert found.swallowed() == ()
    blind = pipeline({**files, DEPLOY: files[DEPLOY].replace("if:", "name:")})
    assert gates(blind, "deploy/deploy", "main") == []
    assert "runs after a failure of ci/test" in blind.swallowed()[0].what


def test_always_gates_only_where_the_result_is_looked_at() -> None:
    files = {CI: """
        on: push
        jobs:
          test: {steps: [{run: npm test}]}
          careful:
            needs: test
            if: always() && needs.test.result == 'success'
            steps: [{run: fly deploy}]
          blind: {needs: test, if: always(), steps: [{run: fly deploy}]}
          report: {needs: test, if: always(), steps: [{run: curl example.com}]}
        """}  # fmt: skip
    found = pipeline(files)
    assert gates(found, "ci/careful", "main") == ["ci/test"]
    assert gates(found, "ci/blind", "main") == gates(found, "ci/report", "main") == []
    assert [s.what for s in found.swallowed()] == ["always() runs after a failure of ci/test"]


def test_matrix_concurrency_images_and_permissions() -> None:
    found = pipeline({CI: """
        on: pull_request
        permissions: read-all
        concurrency: {group: "ci-${{ github.ref }}", cancel-in-progress: true}
        jobs:
          test:
            strategy: {matrix: {node: [22, 24], os: [a, b, c], exclude: [{node: 22, os: a}]}}
            container: node:24
            services: {db: {image: "postgres:17"}}
            steps: [{run: npm test}]
          deploy:
            concurrency: {group: live, queue: max}
            permissions: {id-token: write}
            strategy: {matrix: "${{ fromJSON(needs.x.outputs.m) }}"}
            steps: [{run: npm run deploy}]
        """})  # fmt: skip
    test, deploy = run(found, "change")
    assert (test.copies, test.images) == (5, ("node:24", "postgres:17"))
    assert test.permissions == (("*", "read"),)
    assert test.concurrency
    assert (test.concurrency.exclusive, test.concurrency.cancels) == (True, True)
    assert deploy.copies == 0
    assert deploy.concurrency
    assert (deploy.concurrency.queued, deploy.concurrency.cancels) == (True, False)
    assert deploy.permissions == (("id-token", "write"),)


def test_needs_in_a_circle_or_of_nothing_are_said() -> None:
    found = pipeline({CI: """
        on: push
        jobs:
          a: {needs: b, steps: [{run: make}]}
          b: {needs: a, steps: [{run: make}]}
          c: {needs: nowhere, steps: [{run: make}]}
        """})  # fmt: skip
    assert f"{CI}: a: what it needs comes after it, in a circle" in found.unread
    assert f"{CI}: c: it needs 'nowhere', which is no job" in found.unread
