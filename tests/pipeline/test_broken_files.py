"""Files of anybody: broken, huge, hostile or merely strange."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from quick import quickly

from scaffold.errors import ScaffoldError
from scaffold.pipeline import Trigger, read, source

WORKFLOW, RENDER, VERCEL = ".github/workflows/ci.yml", "render.yaml", "vercel.json"
GITLAB, BITBUCKET = ".gitlab-ci.yml", "bitbucket-pipelines.yml"
YAML = (WORKFLOW, GITLAB, BITBUCKET, RENDER)


@pytest.mark.parametrize("path", YAML)
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: ]", "is no valid YAML (line 1): expected the node content, but found ']'."),
        (b"a: *b", "is no valid YAML (line 1): found undefined alias 'b'."),
        (b"a: \xff", "is no valid YAML: it is not UTF-8 text."),
        (b"a: \x07", "is no valid YAML: special characters are not allowed."),
        (b"[" * 20_000, "is no valid YAML: it nests too deep."),
        (b"&a [*a]", "is no valid YAML: it nests too deep."),
        (b"a: b\n" * 200_000, "is larger than 512 KiB, so it was not read."),
    ],
    ids=["open", "alias", "encoding", "control", "nested", "itself", "huge"],
)  # fmt: skip
def test_broken_yaml_is_said_in_two_lines(path: str, content: bytes, message: str) -> None:
    with pytest.raises(ScaffoldError) as caught:
        read({path: content})
    assert caught.value.message == f"'{path}' {message}"
    assert caught.value.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a": ', "is no valid JSON (line 1): Expecting value."),
        (b"[" * 100_000, "is no valid JSON: it nests too deep."),
        (b"\xff", "is no valid JSON: it is not UTF-8 text."),
    ],
    ids=["open", "nested", "encoding"],
)
def test_broken_json_is_said_in_two_lines(content: bytes, message: str) -> None:
    with pytest.raises(ScaffoldError) as caught:
        read({VERCEL: content})
    assert caught.value.message == f"'{VERCEL}' {message}"


def test_a_bomb_of_aliases_is_small() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with quickly(60), pytest.raises(ScaffoldError, match="stands for more than 50000 values"):
        read({GITLAB: "\n".join(lines).encode()})


@pytest.mark.slow
def test_a_bomb_of_merges_references_and_calls_is_small() -> None:
    merges = ["a0: &a0 {k: v}"] + [
        f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}]}}" for n in range(1, 12)
    ]
    references = ["a0: {script: [x, x]}"] + [
        f"a{n}: {{script: [{', '.join([f'!reference [a{n - 1}, script]'] * 10)}]}}"
        for n in range(1, 11)
    ]
    calls = {
        f".github/workflows/w{n}.yml": "on: {push: , workflow_call: }\njobs:\n"
        + "".join(f"  j{m}: {{uses: ./.github/workflows/w{n + 1}.yml}}\n" for m in range(10))
        for n in range(10)
    }
    with quickly(300):
        with pytest.raises(ScaffoldError, match="stands for more"):
            read({GITLAB: "\n".join(merges).encode()})
        assert read({GITLAB: "\n".join(references).encode()}).unread
        assert read({path: text.encode() for path, text in calls.items()}).unread


SLOW = {
    "globs": (WORKFLOW, f'on: {{push: {{branches: ["{"*a?+" * 200}"]}}}}\njobs: {{a: {{}}}}'),
    "pattern": (
        GITLAB,
        f"a: {{script: b, rules: [{{if: $CI_COMMIT_TAG =~ /^{'(.*)*' * 30}x$/}}]}}",
    ),
    "condition": (
        WORKFLOW,
        f'on: push\njobs: {{a: {{if: "{"!" * 100_000}", steps: [{{run: b}}]}}}}',
    ),
    "quotes": (GITLAB, f'a: {{script: [{{}}, "{"$A=( # " * 40_000}"]}}'),
    "stages": (GITLAB, "\n".join(f"j{n}: {{stage: s{n}, script: a}}" for n in range(5000))),
    "steps": (BITBUCKET, "pipelines:\n  default:\n" + "    - step: {script: [a]}\n" * 5000),
    "chain": (
        WORKFLOW,
        "on: push\njobs:\n" + "".join(f"  j{n}: {{needs: j{n - 1}}}\n" for n in range(5000)),
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SLOW)
def test_what_is_made_to_be_slow_is_not(name: str) -> None:
    path, text = SLOW[name]
    with quickly(200):
        harmless({path: text.encode()})


def test_a_tag_makes_no_object() -> None:
    found = read({GITLAB: b'test: {script: !!python/object/apply:os.system ["exit 1"]}'})
    assert [step.run for step in found.jobs[0].steps] == ["exit 1"]


@pytest.mark.parametrize(
    "content", [b"", b"# nothing", b"3", b"[a]", b"jobs: 3", b"on: push\njobs: [x]"]
)
@pytest.mark.parametrize("path", YAML)
def test_what_has_no_pipeline_has_no_jobs(path: str, content: bytes) -> None:
    assert read({path: content}).jobs == ()


def test_keys_and_scalars_are_what_they_look_like() -> None:
    text = b"{on: yes, 1: 0x10, t: 1:30, d: 2026-01-01, v: 1.10, n: ~}"
    assert source.document("a.yml", text) == {
        "on": "yes", "1": "0x10", "t": "1:30", "d": "2026-01-01", "v": 1.1, "n": None,
    }  # fmt: skip


def harmless(files: Mapping[str, bytes]) -> None:
    """Read files, and ask for everything there is to ask."""
    try:
        found = read(files)
    except ScaffoldError as error:
        if "\n" in error.message + error.hint:
            raise AssertionError(error.message) from error
        return
    json.dumps(found.to_json())
    for trigger in Trigger:
        for job in found.run(trigger):
            found.gates(job, trigger)
            assert trigger in job.triggers


@given(st.sampled_from([*YAML, VERCEL]), st.text() | st.binary())
def test_no_text_does_harm(path: str, content: str | bytes) -> None:
    harmless({path: content.encode("utf-8", "replace") if isinstance(content, str) else content})


WORDS = [
    "on", "push", "pull_request", "branches", "tags", "jobs", "needs", "steps", "run", "uses",
    "if", "env", "with", "strategy", "matrix", "include", "environment", "name", "concurrency",
    "secrets", "permissions", "stages", "stage", "script", "rules", "when", "only", "except",
    "extends", "default", "variables", "parallel", "allow_failure", "image", "services",
    "trigger", "timeout", "workflow", "local", "pipelines", "step", "deployment", "custom",
    "pull-requests", "condition", "max-time", "pipe", "type", "runtime", "buildCommand",
    "branch", "envVars", "key", "value", "projects", "previews", "git", "deploymentEnabled",
    "workflow_call", "inputs", "inherit", ".base", "test", "main", "**", "main*{a,b}[",
    "${{ inputs.x }}", "$A =~ /(/", "a && (b", "manual", "npm test || true",
    "./.github/workflows/ci.yml", "always()", "docker", "action", "resource_group",
]  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 99) | st.sampled_from(WORDS) | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6)
    ),
    max_leaves=40,
)


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=8))
def test_no_shape_does_harm(content: dict[str, object]) -> None:
    text = yaml.safe_dump(content, allow_unicode=True).encode()
    for path in YAML:
        harmless({path: text})
    harmless({VERCEL: json.dumps(content).encode()})


JOB = st.dictionaries(st.sampled_from(WORDS), VALUES, max_size=5)


@pytest.mark.slow
@given(st.dictionaries(st.sampled_from(["a", "b", ".base", "test"]), JOB, max_size=4))
def test_no_job_does_harm(jobs: dict[str, object]) -> None:
    steps: list[object] = [{"step": job} for job in jobs.values()]
    steps.append({"parallel": steps.copy()})
    harmless({
        WORKFLOW: yaml.safe_dump({"on": ["push", "workflow_call"], "jobs": jobs}).encode(),
        GITLAB: yaml.safe_dump(jobs).encode(),
        BITBUCKET: yaml.safe_dump({"pipelines": {"default": steps}}).encode(),
        RENDER: yaml.safe_dump({"services": list(jobs.values())}).encode(),
    })  # fmt: skip
