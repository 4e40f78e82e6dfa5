"""A project that nobody edited is, after an update, what a fresh render would be.

`docs/reference/update-equivalence.md` has the table that comes of it. `UPDATE_TABLES=1` writes it
anew.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import copier
import pytest
import yaml
from conftest import ROOT, copy_template
from pathspec import PathSpec
from project import commit_all, copied, fresh, git, repository, template, updated, work_tree, write

from scaffold.answers import resolve
from scaffold.render import seeds
from scaffold.template import opened

spec = importlib.util.spec_from_file_location("matrix", ROOT / "tests/template/test_matrix.py")
assert spec is not None
assert spec.loader is not None
matrix = importlib.util.module_from_spec(spec)
spec.loader.exec_module(matrix)
AXES, ROWS = matrix.AXES, matrix.ROWS

PAGE = ROOT / "docs/reference/update-equivalence.md"
ANSWERS = ".copier-answers.yml"
#: What the present template is in the history that these tests make, and what comes after it.
PRESENT, NEXT = "v1.0.0", "v1.1.0"

Files = dict[str, tuple[int, bytes]]


def older() -> list[tuple[str, str]]:
    """Give each earlier version of the template, oldest first: its commit, and what it was about.

    The last one is left out when it is the same as the files are now.
    """
    command = ["git", "log", "--reverse", "--format=%H %s", "--", "template", "copier.yml"]
    logged = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    commits = [line.split(" ", 1) for line in logged.stdout.splitlines()]
    differs = ["git", "status", "--porcelain", "--", "template", "copier.yml"]
    if commits and not subprocess.check_output(differs, cwd=ROOT):
        commits.pop()
    return [(commit, subject) for commit, subject in commits]


OLDER = older()
TAGS = [f"v0.0.{number}" for number in range(1, len(OLDER) + 1)]


def restart(folder: Path) -> None:
    for name in ("template", "copier.yml"):
        subprocess.run(["rm", "-rf", name], cwd=folder, check=True)


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template's repository: its history, its files as they are now, a version after that."""
    if not OLDER or git("rev-parse", "--is-shallow-repository", cwd=ROOT) == "true":
        pytest.skip("this checkout has no history of the template: git fetch --unshallow")
    folder = tmp_path_factory.mktemp("source")
    git("init", "--quiet", "--initial-branch=main", cwd=folder)
    for tag, (commit, _) in zip(TAGS, OLDER, strict=True):
        restart(folder)
        archive = subprocess.check_output(
            ["git", "archive", commit, "template", "copier.yml"], cwd=ROOT
        )
        subprocess.run(["tar", "--extract"], cwd=folder, input=archive, check=True)
        commit_all(folder)
        git("tag", tag, cwd=folder)
    restart(folder)
    copy_template(folder)
    commit_all(folder)
    git("tag", PRESENT, cwd=folder)
    change(folder / "template/project")
    commit_all(folder)
    git("tag", NEXT, cwd=folder)
    return folder


def change(files: Path) -> None:
    """Make the version after the present one: add, edit, move, delete, let run, make a folder."""
    readme = files / "README.md.jinja"
    readme.write_text(readme.read_text().replace("## Runbook", "## Runbook of {{ owner }}"))
    write(files, {"NEW.md.jinja": "# {{ project_name }}\n", "deep/new/run": "#!/bin/sh\n"})
    (files / "ops/deploy").rename(files / "ops/ship")
    (files / "ops/smoke").unlink()
    (files / "ops/help.jinja").chmod(0o644)
    (files / "ops/release").unlink()
    write(files, {"ops/release/is/a/folder": "now\n"})
    (files / "{{ use.stack.node }}/src").rename(files / "{{ use.stack.node }}/code")


def files(folder: Path) -> Files:
    """Give a project's files, without its folders."""
    return {path: what for path, what in work_tree(folder).items() if not (folder / path).is_dir()}


def answers_of(folder: Path) -> dict[str, Any]:
    found = yaml.safe_load((folder / ANSWERS).read_text())
    return {key: value for key, value in found.items() if not key.startswith("_")}


def expected(source: Path, old: Path, after: str, **changed: str) -> Files:
    """Render a version with a project's answers; what is written only once is as it was written."""
    before = yaml.safe_load((old / ANSWERS).read_text())["_commit"]
    given = {**answers_of(old), **changed}
    patterns: list[str] = []
    for ref in (before, after):
        with opened(str(source), ref) as template:
            asked = {key: given[key] for key in given if key in template.questions}
            patterns += seeds(template, resolve(template, asked))
    with tempfile.TemporaryDirectory() as scratch:
        new = files(fresh(source, Path(scratch, "fresh"), after, **asked))
    written_once, was = PathSpec.from_lines("gitignore", patterns), files(old)
    return {
        path: was[path] if path in was and written_once.match_file(path) else new[path]
        for path in new
    }


def differing(one: Files, other: Files) -> set[str]:
    return {path for path in {*one, *other} if one.get(path) != other.get(path)}


def line(row: Mapping[str, str], counts: list[int]) -> str:
    return f"| {', '.join(row.values())} | {' | '.join(map(str, counts))} |\n"


@pytest.mark.parametrize("row", ROWS)
def test_from_every_older_version_it_is_a_fresh_render(
    row: dict[str, str], source: Path, tmp_path: Path
) -> None:
    counts = []
    for tag in TAGS:
        project = repository(source, tmp_path / tag, tag, **row)
        wanted = expected(source, project, PRESENT)
        assert updated(project, to=PRESENT) == 0
        assert differing(files(project), wanted) == set(), tag
        assert git("diff", "--name-only", cwd=project) == ""
        commit_all(project)
        counts.append(len(wanted))
    if not os.environ.get("UPDATE_TABLES"):
        assert line(row, counts) in PAGE.read_text("utf-8"), "run it with UPDATE_TABLES=1"


TEXT = """\
# Updates of projects that nobody edited

For each row of options and each older version of the template, a project was made, committed and
updated to the version of this checkout. The number is that of the files that were compared with a
fresh render of that version with the same answers; all of them were equal, byte for byte and mode
for mode, and there was no file besides. Files that the template writes only once
(`_skip_if_exists`) were held to what they were written as. The tests marked `slow` hold each of
these updates to what `copier update` makes of the same project, too.

The rows are those of `tests/template/test_matrix.py`: every two options meet in one of them.

<!-- What follows is written by tests/update/test_equivalence.py. -->

"""


def test_the_page_says_what_is_compared(source: Path, tmp_path: Path) -> None:
    table = [line({"": "Options"}, [*range(1, len(TAGS) + 1)]), f"|---|{'---|' * len(TAGS)}\n"]
    for number, row in enumerate(ROWS):
        counts = []
        for tag in TAGS:
            old = fresh(source, tmp_path / f"{number}-{tag}", tag, **row.values[0])
            counts.append(len(expected(source, old, PRESENT)))
        table.append(line(row.values[0], counts))
    versions = [f"{number}. {what}\n" for number, (_, what) in enumerate(OLDER, 1)]
    made = TEXT + "".join([*table, "\nThe versions, by the commit that made them:\n\n", *versions])
    if os.environ.get("UPDATE_TABLES"):
        PAGE.write_text(made, "utf-8")
    assert PAGE.read_text("utf-8") == made, "run it with UPDATE_TABLES=1"


@pytest.mark.parametrize("row", ROWS)
def test_whatever_a_version_does_to_files(
    row: dict[str, str], source: Path, tmp_path: Path
) -> None:
    """The next version adds, edits, moves, removes, and turns files into folders and back."""
    project = repository(source, tmp_path / "project", PRESENT, **row)
    wanted = expected(source, project, NEXT)
    assert updated(project) == 0
    assert differing(files(project), wanted) == set()
    commit_all(project)
    back = expected(source, project, PRESENT)
    assert updated(project, to=PRESENT) == 0
    assert differing(files(project), back) == set()


@pytest.mark.parametrize("tag", TAGS)
def test_back_to_an_older_version(tag: str, source: Path, tmp_path: Path) -> None:
    project = repository(source, tmp_path / "project", PRESENT)
    wanted = expected(source, project, tag)
    assert updated(project, to=tag) == 0
    assert differing(files(project), wanted) == set()


SWITCHES = [f"{axis}={option}" for axis, options in AXES.items() for option in options]
TEXTS = ['description=He said: "it\'s"', "owner=Søren & Co.", "project_name=another-name"]


@pytest.mark.parametrize("answer", [*SWITCHES, *TEXTS])
def test_another_answer_gives_what_it_would_have_given_at_first(
    answer: str, source: Path, tmp_path: Path
) -> None:
    name, _, value = answer.partition("=")
    project = repository(source, tmp_path / "project", PRESENT)
    wanted = expected(source, project, PRESENT, **{name: value})
    assert updated(project, to=PRESENT, data=(answer,)) == 0
    assert differing(files(project), wanted) == set()


def test_a_second_time_there_is_nothing_to_do(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = repository(source, tmp_path / "project", TAGS[0])
    assert updated(project) == 0
    commit_all(project)
    capsys.readouterr()
    assert updated(project) == 0
    assert capsys.readouterr().out == f"my-service is at {NEXT} already: nothing to do.\n\n"
    assert git("status", "--porcelain", cwd=project) == ""


def test_cold_or_warm_it_gives_the_same_bytes(source: Path, tmp_path: Path) -> None:
    results = []
    for number in range(2):
        project = repository(source, tmp_path / str(number), TAGS[0])
        done = subprocess.run(
            [sys.executable, "-m", "scaffold", "update", "--no-lock"],
            cwd=project, check=False, capture_output=True, text=True,
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        results.append((done.stdout, git("ls-files", "--stage", cwd=project), files(project)))
    assert results[0] == results[1]
    assert any((tmp_path / "cache").rglob("*.cache"))


def test_several_projects_of_one_repository(source: Path, tmp_path: Path) -> None:
    """One at a time from its folder, or all at once; the others and the rest stay as they are."""
    together = tmp_path / "together"
    rows = {f"services/{number}": row.values[0] for number, row in enumerate(ROWS[:4])}
    for path, row in rows.items():
        fresh(source, together / path, TAGS[0], **row)
    write(together, {"README.md": "# Ours\n"})
    git("init", "--quiet", cwd=together)
    commit_all(together)
    wanted = {path: expected(source, together / path, PRESENT) for path in rows}
    before = {path: files(together / path) for path in rows}
    assert updated(together / "services/1", to=PRESENT) == 0
    assert files(together / "services/1") == wanted["services/1"]
    assert files(together / "services/2") == before["services/2"]
    commit_all(together)
    assert updated(together, to=PRESENT, every=True) == 0
    assert {path: files(together / path) for path in rows} == wanted
    assert (together / "README.md").read_text() == "# Ours\n"


def test_several_answers_files_in_one_folder(tmp_path: Path) -> None:
    """Two templates, each with a name of its own for its answers file."""
    sources, project = [], tmp_path / "project"
    for name in ("api", "web"):
        folder = template(
            tmp_path / name,
            {**ANSWERS_FILE, f"{name}.txt": "one\n"},
            {**ANSWERS_FILE, f"{name}.txt": "two\n"},
            settings=f"_answers_file: .copier-answers.{name}.yml\n",
        )
        sources.append(folder)
        fresh(folder, tmp_path / f"made-{name}", "v1.0.0")
        shutil.copytree(tmp_path / f"made-{name}", project, dirs_exist_ok=True)
    git("init", "--quiet", cwd=project)
    commit_all(project)
    assert updated(project) == 2  # which one?
    assert updated(project / ".copier-answers.web.yml") == 0
    assert (project / "web.txt").read_text() == "two\n"
    assert (project / "api.txt").read_text() == "one\n"
    commit_all(project)
    assert updated(project, every=True) == 0
    assert (project / "api.txt").read_text() == "two\n"
    for name, folder in zip(("api", "web"), sources, strict=True):
        made = files(fresh(folder, tmp_path / f"new-{name}"))
        assert made.items() <= files(project).items()


def test_a_project_that_plain_copier_made(source: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    copier.run_copy(str(source), project, vcs_ref=PRESENT, defaults=True, quiet=True)
    git("init", "--quiet", cwd=project)
    commit_all(project)
    wanted = expected(source, project, NEXT)
    assert updated(project) == 0
    assert differing(files(project), wanted) == set()


def updated_by_copier(project: Path, to: str, **data: str) -> Files:
    copier.run_update(
        project, data=data, vcs_ref=to, defaults=True, overwrite=True, quiet=True, unsafe=False
    )
    return files(project)


@pytest.mark.slow
@pytest.mark.parametrize("tag", [*TAGS, NEXT])
@pytest.mark.parametrize("row", ROWS)
def test_copier_makes_the_same_of_it(
    row: dict[str, str], tag: str, source: Path, tmp_path: Path
) -> None:
    before, after = (PRESENT, NEXT) if tag == NEXT else (tag, PRESENT)
    project = repository(source, tmp_path / "project", before, **row)
    copy = copied(project, tmp_path / "copy")
    assert updated(project, to=after) == 0
    assert differing(files(project), updated_by_copier(copy, after)) == set()


@pytest.mark.slow
@pytest.mark.parametrize("answer", SWITCHES)
def test_copier_switches_to_the_same(answer: str, source: Path, tmp_path: Path) -> None:
    project = repository(source, tmp_path / "project", PRESENT)
    copy = copied(project, tmp_path / "copy")
    assert updated(project, to=PRESENT, data=(answer,)) == 0
    name, _, value = answer.partition("=")
    assert differing(files(project), updated_by_copier(copy, PRESENT, **{name: value})) == set()
