"""What commands are for, and the failures they hide."""

from __future__ import annotations

import pytest

from scaffold.pipeline import shell


@pytest.mark.parametrize(
    ("command", "stages"),
    [
        ("ops/ci", {"build", "lint", "test", "scan"}),
        ("./ops/build --image", {"build"}),
        ("if ! CI=1 ops/lint; then exit 1; fi", {"lint"}),
        ('ops/release --check "$TAG"', {"release"}),
        ("cat ops/test ops/scan.md", set()),
        ("npm ci && npm run lint && npm test", {"lint", "test"}),
        ("npx prettier --check . && npx tsc --noEmit", {"lint"}),
        ("uv run pytest -x", {"test"}),
        ("python -m pytest", {"test"}),
        ("docker build -t a . && docker push a", {"build", "publish"}),
        ("flyctl deploy --remote-only", {"deploy"}),
        ("./gradlew --no-daemon build", {"build"}),
        ("make test-unit", {"test"}),
        ("npm audit --audit-level high", {"scan"}),
        ("npm install # then npm test", set()),
        ("echo npm test", set()),
        ("bash -c 'npm test'", {"test"}),
    ],
)
def test_what_a_command_is_for(command: str, stages: set[str]) -> None:
    assert shell.stages(command) == stages


@pytest.mark.parametrize(
    "text",
    [
        "npm test || true",
        "npm test || :",
        "npm test || exit 0",
        "npm test || echo 'never mind'",
        "npm test ; true",
        "set +e\nnpm test",
        "set +o errexit\nnpm test",
        "bash -ec 'npm test || true'",
        "ruff check --exit-zero .",
        "npm run lint &&\\\n  npm test || true # for now",
    ],
)
def test_hidden_failures_are_seen(text: str) -> None:
    assert shell.swallowed(text)


@pytest.mark.parametrize(
    "text",
    [
        "npm test",
        "npm test || exit 1",
        "echo 'use || true' # || true",
        "if npm test; then echo ok; else exit 1; fi",
        "set -eu\nnpm test",
        "test -d dist || npm run build",
        "npm test 2>&1",
        "npm test | tee log",
    ],
)
def test_others_are_not(text: str) -> None:
    assert shell.swallowed(text) == ()


def test_a_pipe_hides_a_failure_where_the_shell_lets_it() -> None:
    assert shell.swallowed("npm test | tee log", pipes=True) == ("npm test | tee log",)
    assert shell.swallowed("set -o pipefail; npm test | tee log", pipes=True) == ()


def test_tasks_keep_their_arguments() -> None:
    assert shell.tasks('ops/setup\nCI=1 ops/deploy live "$TAG"') == (
        "ops/setup", 'ops/deploy live "$TAG"',
    )  # fmt: skip


def test_names_are_read_from_outside_unless_the_text_sets_them() -> None:
    text = (
        'ONE=1\nTWO=$TWO ops/test $ONE\nexport THREE="${THREE:-none}"\nFOUR=${ONE}4 run $FOUR $FIVE'
    )
    assert shell.names(text) == {"TWO", "THREE", "FIVE"}
