"""A project that nobody edited is, after an update, what a fresh render would be.

`docs/reference/update-equivalence.md` says what that means.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import copier
import pytest
from by_copier import updated_by_copier
from conftest import ROOT, TEMPLATE, combinations_of, sampled
from history import PRESENT, ROWS, Source, expected, given_away, history
from project import ANSWERS as ANSWERS_TEMPLATE
from project import commit_all, copied, differing, files, fresh, git, template, updated, write

from scaffold.template.answers import resolve
from scaffold.template.source import Shelf

AXES = {axis: [o.id for o in options] for axis, options in TEMPLATE.catalog.axes.items()}
slow = pytest.mark.slow  # there are many of them

#: What comes after the present template in the history that these tests make, and what comes after
#: that, which Copier cannot do: it fails where a file becomes a folder.
NEXT, LAST = "v1.1.0", "v1.2.0"
#: As many earlier versions are tried.
MOST = 6
#: With GitHub no project can be made of this one: it is the first half of a step.
HALF = "157fbd24f8d4b0826f303b2f5eefb4ec92d7e560"


def older() -> list[str]:
    """Give earlier versions of the template by their commits, oldest first.

    The last one is left out when it is the same as the files are now. Of a long history the first,
    the last and some between them are taken, as far apart as they can be.
    """
    command = ["git", "log", "--reverse", "--format=%H", "--", "template", "copier.yml"]
    logged = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    commits = [commit for commit in logged.stdout.split() if commit != HALF]
    differs = ["git", "status", "--porcelain", "--", "template", "copier.yml"]
    if commits and not subprocess.check_output(differs, cwd=ROOT):
        commits.pop()
    if len(commits) <= MOST:
        return commits
    return [commits[round(at * (len(commits) - 1) / (MOST - 1))] for at in range(MOST)]


OLDER = older()
TAGS = [f"v0.0.{number}" for number in range(1, len(OLDER) + 1)]


@pytest.fixture(scope="session")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    """The template's repository: its history, its files as they are now, a version after that."""
    folder = history(tmp_path_factory.mktemp("source"), dict(zip(TAGS, OLDER, strict=True)))
    change(folder / "template/project")
    commit_all(folder)
    git("tag", NEXT, cwd=folder)
    (folder / "template/project/ops/release").unlink()
    write(folder / "template/project", {"ops/release/is/a/folder": "now\n"})
    shutil.rmtree(folder / "template/project/deep")
    write(folder / "template/project", {"deep": "a folder no more\n"})
    commit_all(folder)
    git("tag", LAST, cwd=folder)
    with Shelf() as shelf:
        yield Source(folder, shelf)


def change(files: Path) -> None:
    """Make the version after the present one: edit, add, move, delete, let run no more."""
    readme = files / "README.md.jinja"
    readme.write_text(readme.read_text().replace("## Runbook", "## Runbook of {{ owner }}"))
    write(files, {"NEW.md.jinja": "# {{ project_name }}\n", "deep/new/run": "#!/bin/sh\n"})
    (files / "ops/deploy").rename(files / "ops/ship")
    (files / "ops/smoke").unlink()
    (files / "ops/help.jinja").chmod(0o644)
    (files / "{{ use.trait.fastify }}/src").rename(files / "{{ use.trait.fastify }}/code")


@slow
@pytest.mark.parametrize("tag", TAGS)
def test_from_an_older_version_it_is_a_fresh_render(
    tag: str, source: Source, tmp_path: Path
) -> None:
    for row in source.rows(tag):
        project = source.project(tmp_path / "-".join(row.values()), tag, **row)
        old = files(project)
        new = expected(source, old, PRESENT)
        assert source.updated(project, to=PRESENT) == 0
        assert differing(files(project), new) == set(), row
        assert git("diff", "--name-only", cwd=project) == ""


@slow
@pytest.mark.parametrize("row", ROWS, ids=lambda row: "-".join(row.values()))
def test_whatever_a_version_does_to_files(
    row: dict[str, str], source: Source, tmp_path: Path
) -> None:
    """The next versions add, edit, move and remove, and turn files into folders and back."""
    project = source.project(tmp_path / "project", PRESENT, **row)
    for version in (NEXT, LAST, PRESENT):
        wanted = expected(source, files(project), version)
        assert source.updated(project, to=version) == 0
        assert differing(files(project), wanted) == set(), version
        commit_all(project)


@slow
@pytest.mark.parametrize("tag", TAGS)
def test_back_to_an_older_version(tag: str, source: Source, tmp_path: Path) -> None:
    project = source.project(tmp_path / "project", PRESENT)
    wanted = expected(source, files(project), tag)
    assert source.updated(project, to=tag) == 0
    assert differing(files(project), wanted) == set()


DEFAULTS = {axis: resolve(TEMPLATE, {}).values[axis] for axis in AXES}
COMBINATIONS = combinations_of()


def switch(axis: str, option: str) -> dict[str, str]:
    """Give what switches to an option: a whole row where it does not go with the defaults."""
    if {**DEFAULTS, axis: option} in COMBINATIONS:
        return {axis: option}
    return next(row for row in ROWS if row[axis] == option)


SWITCHES = [
    pytest.param(switch(axis, option), id=f"{axis}={option}")
    for axis, options in AXES.items()
    for option in options
]
TEXTS = [
    {"description": 'He said: "it\'s"'},
    {"owner": "Søren & Co."},
    {"project_name": "another-name"},
]


def given(answers: dict[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in answers.items()]


@slow
@pytest.mark.parametrize("answers", [*SWITCHES, *TEXTS])
def test_another_answer_gives_what_it_would_have_given_at_first(
    answers: dict[str, str], source: Source, tmp_path: Path
) -> None:
    project = source.project(tmp_path / "project", PRESENT)
    wanted = expected(source, files(project), PRESENT, **answers)
    assert source.updated(project, to=PRESENT, data=given(answers)) == 0
    assert differing(files(project), wanted) == set()


@slow
def test_a_second_time_there_is_nothing_to_do(
    source: Source, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = source.project(tmp_path / "project", TAGS[0])
    assert updated(project) == 0
    commit_all(project)
    capsys.readouterr()
    assert updated(project) == 0
    assert capsys.readouterr().out == f"my-service is at {LAST} already: nothing to do.\n"
    assert git("status", "--porcelain", cwd=project) == ""


@slow
def test_cold_or_warm_it_gives_the_same_bytes(source: Source, tmp_path: Path) -> None:
    results = []
    for number in range(2):
        project = source.project(tmp_path / str(number), TAGS[0])
        done = subprocess.run(
            [sys.executable, "-m", "scaffold", "update", "--no-lock"],
            cwd=project, check=False, capture_output=True, text=True,
            env={**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        results.append((done.stdout, git("ls-files", "--stage", cwd=project), files(project)))
    assert results[0] == results[1]
    assert any((tmp_path / "cache").rglob("*.cache"))


@slow
def test_several_projects_of_one_repository(source: Source, tmp_path: Path) -> None:
    """One at a time from its folder, or all at once; the others and the rest stay as they are."""
    together = tmp_path / "together"
    rows = {f"services/{number}": row for number, row in enumerate(source.rows(TAGS[-1])[:4])}
    for path, row in rows.items():
        fresh(source.folder, together / path, TAGS[-1], **row)
    write(together, {"README.md": "# Ours\n"})
    git("init", "--quiet", cwd=together)
    commit_all(together)
    wanted = {path: expected(source, files(together / path), PRESENT) for path in rows}
    before = {path: files(together / path) for path in rows}
    assert source.updated(together / "services/1", to=PRESENT) == 0
    assert files(together / "services/1") == wanted["services/1"]
    assert files(together / "services/2") == before["services/2"]
    commit_all(together)
    assert source.updated(together, to=PRESENT, every=True) == 0
    assert {path: files(together / path) for path in rows} == wanted
    assert (together / "README.md").read_text() == "# Ours\n"


@slow
def test_several_answers_files_in_one_folder(tmp_path: Path) -> None:
    """Two templates, each with a name of its own for its answers file."""
    sources, project = [], tmp_path / "project"
    for name in ("api", "web"):
        folder = template(
            tmp_path / name,
            {**ANSWERS_TEMPLATE, f"{name}.txt": "one\n"},
            {**ANSWERS_TEMPLATE, f"{name}.txt": "two\n"},
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


@slow
def test_a_project_that_plain_copier_made(source: Source, tmp_path: Path) -> None:
    project = tmp_path / "project"
    copier.run_copy(str(source.folder), project, vcs_ref=PRESENT, defaults=True, quiet=True)
    git("init", "--quiet", cwd=project)
    commit_all(project)
    wanted = expected(source, files(project), LAST)
    assert updated(project) == 0
    assert differing(files(project), wanted) == set()


# Copier takes seconds; three earlier versions are in test_engine_arrives.py.
@pytest.mark.parametrize("tag", sampled([*TAGS, NEXT], NEXT, others=pytest.mark.nightly))
def test_copier_makes_the_same_of_it(tag: str, source: Source, tmp_path: Path) -> None:
    before, after = (PRESENT, NEXT) if tag == NEXT else (tag, PRESENT)
    rows = source.rows(before)
    row = rows[[*TAGS, NEXT].index(tag) % len(rows)]  # more of them are tried without Copier
    project = source.project(tmp_path / "project", before, **row)
    copy = copied(project, tmp_path / "copy")
    old = files(project)
    assert source.updated(project, to=after) == 0
    new, by_copier = files(project), updated_by_copier(copy, after)
    # What was written once is Copier's again as soon as a version says so; to us it was given.
    ours = given_away(source, old, after)
    assert {path for path in ours & new.keys() if new[path] != old[path]} == set()
    assert differing(new, by_copier) <= ours


@pytest.mark.parametrize("axis", sampled(AXES, next(iter(AXES)), others=pytest.mark.nightly))
def test_copier_switches_to_the_same(axis: str, source: Source, tmp_path: Path) -> None:
    answers = switch(axis, AXES[axis][-1])
    project = source.project(tmp_path / "project", PRESENT)
    copy = copied(project, tmp_path / "copy")
    assert source.updated(project, to=PRESENT, data=given(answers)) == 0
    assert differing(files(project), updated_by_copier(copy, PRESENT, **answers)) == set()
