"""Nothing that is added leans on what was there: workflows call only the template's.

Pipelines call and include one another (`requires` in the rows), and it is not known what somebody
else's file of the same name does.
"""

from __future__ import annotations

import subprocess
from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from conftest import TEMPLATE, pairwise, rendered
from pathspec import PathSpec

from scaffold.adopt import plan
from scaffold.adopt.evidence import requires
from scaffold.adopt.plan import Adoption, adopted
from scaffold.files import File
from scaffold.git.repository import Repository
from scaffold.pipeline import read
from scaffold.template.answers import Answers, resolve

#: Every provider, with a stack that is deployed as an image and with one that is not.
FOUND = [row for row in pairwise("stack", "ci", "hosting") if row["stack"] in {"python", "static"}]
ROWS = [*{(row["stack"], row["ci"]): row for row in reversed(FOUND)}.values()]
#: What each provider reads first.
ENTRIES = {
    "github": ".github/workflows/ci.yml",
    "gitlab": ".gitlab-ci.yml",
    "bitbucket": "bitbucket-pipelines.yml",
    "render": "render.yaml",
    "vercel": "vercel.json",
}
WORKFLOW = "on: push\njobs:\n  x:\n    runs-on: ubuntu-latest\n    steps: [{ run: make }]\n"


def theirs(path: str) -> str:
    """Give a file of somebody else's that its provider takes."""
    if path.startswith(".github/workflows/"):
        return WORKFLOW
    return "x:\n  script: make\n" if path.startswith(".gitlab") else "{}\n"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Render every project once."""

    def render(_: object, answers: Answers) -> tuple[File, ...]:
        return rendered(*answers.remembered.items())

    monkeypatch.setattr(plan, "render", render)


def adopt(top: Path, path: str, *take: str, **answers: str) -> tuple[Adoption, dict[str, bytes]]:
    """Adopt a repository with one file; give also what it has then, which is written."""
    (top / path).parent.mkdir(parents=True, exist_ok=True)
    (top / path).write_text(theirs(path))
    for command in ("init --quiet", "add --all", "commit --quiet --message Start"):
        subprocess.run(["git", *command.split()], cwd=top, check=True)
    repository = Repository.opened(top)
    found = adopted(TEMPLATE, resolve(TEMPLATE, answers), repository, [*map(PurePosixPath, take)])
    files = {path: (top / path).read_bytes()}
    files |= {str(name): content for name, (content, _) in found.result.items()}
    for name, content in files.items():
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(content)
    return found, files


def lint(top: Path) -> None:
    """Have the linters of the providers look for what is called and not there."""
    for tool, there in {
        ("actionlint",): ".github/workflows",
        ("gitlab-ci-verify", "--no-lint-api"): ".gitlab-ci.yml",
    }.items():
        if (top / there).exists():
            done = subprocess.run(tool, cwd=top, check=False, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, marks=[pytest.mark.slow] if row["stack"] == "static" else [])
        for row in ROWS
    ],
    ids=lambda row: "-".join(row.values()),
)
def test_nothing_is_added_that_calls_what_is_not_the_templates(
    row: dict[str, str], tmp_path: Path
) -> None:
    """Each file of a provider is somebody else's once."""
    answers = resolve(TEMPLATE, row)
    folder = f"use.ci.{row['ci']} "
    paths = {
        str(file.path)
        for file in rendered(*answers.remembered.items())
        if folder in str(file.origin) and file.path.parts[0] != "ops"
    } | {ENTRIES[row["ci"]]}
    for number, path in enumerate(sorted(paths)):
        (top := tmp_path / str(number)).mkdir()
        _, files = adopt(top, path, **row)
        before = read({path: files[path]}, "main").unread
        assert [note for note in read(files, "main").unread if note not in before] == [], path
        if path == ENTRIES[row["ci"]]:
            lint(top)


WORKFLOWS = ".github/workflows"
DEPLOYS = {f"{WORKFLOWS}/deploy-{name}.yml" for name in ("live", "sandbox", "testbed")}
DRILL, SETUP = f"{WORKFLOWS}/scheduled.yml", ".github/actions/setup/action.yml"
SET_UP = ".gitlab/setup.yml"
GITLAB = {
    f".gitlab/{name}.yml"
    for name in ("deploy-live", "deploy-sandbox", "deploy-testbed", "image", "scheduled", "setup")
}


@pytest.mark.parametrize(
    ("path", "lacking", "left_out"),
    [
        (ENTRIES["github"], ENTRIES["github"], {*DEPLOYS, DRILL, SETUP}),
        # GitHub takes theirs, and never both.
        (".github/actions/setup/action.yaml", SETUP, {ENTRIES["github"], *DEPLOYS, DRILL}),
        (
            f"{WORKFLOWS}/deploy-sandbox.yml",
            f"{WORKFLOWS}/deploy-sandbox.yml",
            {*DEPLOYS - {f"{WORKFLOWS}/deploy-sandbox.yml"}, DRILL},
        ),
        (f"{WORKFLOWS}/deploy-live.yml", f"{WORKFLOWS}/deploy-live.yml", set()),
        (f"{WORKFLOWS}/test.yml", f"{WORKFLOWS}/test.yml", set()),
        (ENTRIES["gitlab"], ENTRIES["gitlab"], GITLAB),
        (SET_UP, SET_UP, {ENTRIES["gitlab"], *GITLAB} - {SET_UP}),
    ],
)  # fmt: skip
def test_what_is_nothing_without_a_file_is_left_out_with_it(
    path: str, lacking: str, left_out: set[str], tmp_path: Path
) -> None:
    ci = "gitlab" if "gitlab" in path else "github"
    found, files = adopt(tmp_path, path, stack="node", ci=ci)
    assert found.stranded == dict.fromkeys(map(PurePosixPath, left_out), PurePosixPath(lacking))
    assert not left_out & files.keys()
    kept = found.result[PurePosixPath(".scaffold.yml")][0].decode().splitlines()
    assert {f"  - /{name}" for name in left_out} <= {*kept}, "no update brings it"


def test_who_takes_the_templates_gets_what_goes_with_it(tmp_path: Path) -> None:
    found, files = adopt(tmp_path, ENTRIES["github"], ENTRIES["github"], stack="node", ci="github")
    assert found.stranded == {}
    assert {ENTRIES["github"], *DEPLOYS, DRILL, SETUP} <= files.keys()
    lint(tmp_path)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(row.values()))
def test_what_rows_say_is_of_files_that_there_are(row: dict[str, str]) -> None:
    """A pattern without a file is a slip of the pen, or of a rename."""
    answers = resolve(TEMPLATE, row)
    paths = [file.path for file in rendered(*answers.remembered.items())]
    patterns: list[PathSpec[Any]] = [
        spec for pair in requires(TEMPLATE.catalog.chosen(answers.values)) for spec in pair
    ]
    assert all(any(map(spec.match_file, paths)) for spec in patterns)
