"""What commands are for, and the failures they hide."""

from __future__ import annotations

import json

import pytest
from quick import quickly

from scaffold.pipeline import read, shell


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
        ("eval 'npm test'", {"test"}),
        ("sh <<'END'\nnpm test\nEND", {"test"}),
        ("cat <<'END'\nnpm test\nEND", set()),
        ("check() {\n  npm test\n}\ncheck", {"test"}),
        ('if [ -n "$CI" ]; then npm run lint; else npm test; fi', {"lint", "test"}),
        ("echo $(npm test) `npm run lint`", {"lint", "test"}),
        ("! { npm test; }", {"test"}),
        ("! ! npm test", {"test"}),
        ("time ! npm test", {"test"}),
        ("cat <<END | bash\nnpm test || true\nEND", {"test"}),
        ('sh -c -- "npm test"', {"test"}),
        ('bash -c -e "npm test"', {"test"}),
        ('eval -- "npm test"', {"test"}),
        (r"bash -c $'npm test\nnpm run lint'", {"lint", "test"}),
        ("make -C app test", {"test"}),
        ("npm --prefix app test", {"test"}),
        ("./node_modules/.bin/jest", {"test"}),
        (".venv/bin/pytest", {"test"}),
        (".venv/bin/python -m pytest", {"test"}),
        ("nice -n 19 npm test", {"test"}),
    ],
)
def test_what_a_command_is_for(command: str, stages: set[str]) -> None:
    assert shell.stages(command) == stages


HIDDEN = {
    "an or that passes": [
        "npm test || true",
        "npm test || :",
        "npm test || exit 0",
        "npm test || return 0",
        "npm test || /usr/bin/true",
        "npm test || command true",
        "npm test || echo 'never mind'",
        "npm test || { true; }",
        "npm test || { echo failed; exit; }",
        "npm test || (rm -rf dist; true)",
        "npm test 2>log || true >log",
        "npm run lint &&\\\n  npm test || true # for now",
        "fine() { true; }; npm test || fine",
        "! npm test && echo failed",
        "! npm test && exit",
        "npm test || echo 'failed' | tee log",
        'npm test || exit "0"',
        "npm test || 'true'",
        'npm test || "true"',
        "npm test || builtin true",
        "npm test || if true; then :; fi",
        "npm test || for each in a b; do echo $each; done",
        "npm test || case $CI in true) echo failed ;; esac",
        "npm test || while true; do break; done",
    ],
    "a variable that nothing reads": [
        "npm test || FAILED=1",
        "npm test || code=$?",
        "npm test || export FAILED=1",
        "npm test || { echo FAILED; FAILED=1; }",
        "if ! npm test; then FAILED=1; fi",
    ],
    "a last command that passes": [
        "npm test ; true",
        "npm test; exit 0",
        "npm test |:",
        "npm test | true",
    ],
    "a condition": [
        "if ! npm test; then echo failed; fi",
        "if npm test; then echo passed; fi",
        "if npm test\nthen echo passed\nelse echo failed\nfi",
        "if ! npm test; then exit; fi",
        "if npm test; then exit 0; fi; echo failed",
        "if npm test; then exit 0; fi",
        "npm test && exit 0; echo failed",
        "for each in 1 2; do if npm test; then exit 0; fi; sleep 5; done; echo failed",
        "while npm test; do sleep 1; done",
        "until npm test; do break; done",
        "while ! npm test; do break; done",
        "! npm test",
        "for each in a b; do npm test || continue; done",
        "npm test && echo passed\necho done",
    ],
    "what runs beside": ["npm test &", "(npm test &)", "nohup npm test & wait"],
    "a place whose exit code is nobody's": [
        "echo $(npm test)",
        "export FOUND=$(npm test)",
        "local FOUND=$(npm test)",
        "readonly FOUND=$(npm test)",
        "declare FOUND=$(npm test)",
        "cat <<END\n$(npm test)\nEND",
        "cat < <(npm test)",
    ],
    "an option of the shell": [
        "set +e\nnpm test",
        "set +o errexit\nnpm test",
        "set -u +xe; npm test",
        "shopt -uo errexit; npm test",
    ],
    "a trap": [
        "trap 'exit 0' EXIT\nnpm test",
        "trap 'exit 0' ERR\nnpm test",
        "done() { rm -rf dist; exit 0; }\ntrap done EXIT\nnpm test",
    ],
    "an option of a tool": [
        "ruff check --exit-zero .",
        "checkov --soft-fail -d .",
        "make -i test",
        "make -C app -ki test",
    ],
    "another shell": [
        "bash -ec 'npm test || true'",
        'eval "npm test || true"',
        "eval npm test || true",
        "sh <<'END'\nnpm test || true\nEND",
        "bash -c 'npm test; npm run lint'",
        "bash -c 'npm test; npm run lint -e'",
        "cat <<END | bash\nnpm test || true\nEND",
        "cat <<END | bash\nnpm test\nnpm run lint\nEND",
        'sh -c -- "npm test || true"',
        "bash -c $'npm test || true'",
    ],
    "a negation": ["! { npm test; }", "! ! npm test", "time ! npm test"],
    "a part of something else": [
        "check() { npm test || true; }\ncheck",
        "case $CI in true) npm test || true ;; esac",
        "if [ -d dist ]; then npm test || true; fi",
        "cat <<END | npm test || true\nEND",
        "npm test <<END || true\nEND",
    ],
}


@pytest.mark.parametrize("text", [text for kind in HIDDEN.values() for text in kind])
def test_hidden_failures_are_seen(text: str) -> None:
    [found] = shell.swallowed(text)
    assert found


@pytest.mark.parametrize(
    "text",
    [
        "npm test",
        "npm test || exit 1",
        "npm test || exit",
        "npm test || { echo failed; exit 1; }",
        "stop() { echo failed; exit 1; }; npm test || stop",
        "npm test || failed=1; exit $failed",
        "npm test || code=$?\n[ ${code:-0} -eq 0 ]",
        "failed=0; npm test || ((failed+=1)); exit $failed",
        "failed=0; npm test || failed=1; if ((failed)); then exit 1; fi",
        'npm test || eval "code=$?"; exit $code',
        "npm test || again=$(npm run test:again)",
        "npm test || if [ $CI ]; then exit 1; fi",
        "npm test || until npm run test:again; do sleep 1; done",
        "npm test || bash -c 'echo failed; exit 1'",
        "for each in 1 2 3; do if npm test; then exit 0; fi; sleep 5; done; exit 1",
        "for each in 1 2 3; do npm test && exit 0; done; exit 1",
        "for each in 1 2 3; do npm test && { echo ok; exit 0; }; sleep 5; done; exit 1",
        "npm test && exit 0; exit 1",
        "if ! npm test; then echo failed; else exit 0; fi; exit 1",
        "gh release view v1 && exit 0; gh release create v1",
        "until npm test; do n=$((n+1)); [ $n -lt 5 ] || exit 1; sleep 1; done",
        "make -C inner -finfo.mk test",
        "bash -c -e 'npm test; npm run lint'",
        "cat <<END | bash -e\nnpm test\nnpm run lint\nEND",
        "npm test || npm run test:again",
        "echo 'use || true' # || true",
        "if npm test; then echo ok; else exit 1; fi",
        "if ! npm test; then echo failed; exit 1; fi",
        "until npm test; do sleep 1; done",
        "! npm test && exit 1",
        "! grep -q TODO README.md",
        "set -eu\nnpm test",
        "test -d dist || npm run build",
        "[ -d dist ] && npm test",
        "npm ci\nnpm run lint && npm test",
        "npm test 2>&1",
        "npm test | tee log",
        "npm test & wait $!",
        "npm test & one=$!; npm run lint & two=$!; wait $one $two",
        "ops/dev &",
        "FOUND=$(npm test)",
        "trap 'rm -rf dist' EXIT; npm test",
        "cat <<END >hook\nnpm test || true\nset +e\nEND",
        "npm test ${{ inputs.strict || true }}",
        "bash -ec 'npm test; npm run lint'",
        "bash -c 'npm test; code=$?; rm -rf dist; exit $code'",
        "check() { npm test; }\ncheck",
    ],
)
def test_others_are_not(text: str) -> None:
    assert shell.swallowed(text) == ()


def test_a_variable_may_be_read_by_another_line_of_the_job() -> None:
    lines = ["npm test || failed=1", "npm run lint", "exit $failed"]
    for script, count in ((lines, 0), (lines[:2], 1)):
        found = read({".gitlab-ci.yml": json.dumps({"test": {"script": script}}).encode()})
        assert len(found.swallowed()) == count


def test_a_shell_that_goes_on_hides_all_failures_but_the_last() -> None:
    assert shell.swallowed("npm test; npm run build") == ()
    assert shell.swallowed("npm test; npm run build", loose=True) == ("npm test; npm run build",)
    assert shell.swallowed("npm test || exit 1; npm run build", loose=True) == ()
    assert shell.swallowed("set -e; npm test; npm run build", loose=True) == ()


@pytest.mark.parametrize(
    "text",
    [
        "npm test; exit",
        "npm test; exit $?",
        "npm test | tee log; exit ${PIPESTATUS[0]}",
        "npm run format; exit 1",
        "npm test && exit 0; exit 1",
    ],
)
def test_what_follows_may_look_at_the_failure(text: str) -> None:
    assert shell.swallowed(text, loose=True) == ()


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000,
        "$(" * 5_000,
        "sh <<E\n" * 2_000,
        "a=(" * 5_000,
        "a | " * 4_000,
        "npm test && " * 1_000,
        "npm test\n" * 10_000,
        "".join(f"f{n}() {{ f{n + 1}; f{n + 1}; }}\n" for n in range(500)) + "f0 || f0 &",
        "${{ " * 25_000,
        "${{ " * 4_000,
        "$[[ " * 20_000,
        "$[[ " * 4_000,
        "npm test &\n" * 1_400,
        "a\n" * 8_000,
        "a&&" * 5_000,
        f"f() {{ {'a;' * 2_000} }}\n" + "f || f\n" * 1_500,
        f"trap f EXIT\nf() {{ {'a;' * 2_000} }}\n" + "trap f EXIT\n" * 900,
        "set +" + "e" * 16_000 + "1",
        "set -" + "e" * 16_000 + "1",
        "npm test && exit 0\n" * 800,
        "exit\n" * 3_000,
        "npm test || A=1\n" * 1_000,
        "if ! a; then\n" * 30 + "a\n" * 6_000 + "fi\n" * 30,
    ],
    ids=lambda text: text[:8],
)
@pytest.mark.slow
def test_no_text_takes_more_than_a_moment(text: str) -> None:
    with quickly(60):
        shell.swallowed(text)
        shell.swallowed(text, loose=True)
        shell.stages(text)


def test_what_is_not_read_is_said() -> None:
    long = "npm test\n" * 10_000
    found = read({".gitlab-ci.yml": json.dumps({"test": {"script": long}}).encode()})
    assert found.unread == (
        ".gitlab-ci.yml: test: a command's text is too long, or nests too deep",
    )


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
