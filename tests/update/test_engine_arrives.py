"""Projects whose tasks were shell get the engine: `scaffold update` and `copier update` bring it.

Versions of before are commits of this repository, in which the tasks were shell.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from by_copier import updated_by_copier
from conftest import ENGINE, ROOT, pairwise, sampled
from history import PRESENT, Source, expected, given_away, history
from project import commit_all, copied, differing, files, git, write
from vendors.base import Machine
from vendors.render import Render

from scaffold.template.source import Shelf


def last_of_shell() -> str:
    """Give the commit before the one that took the last of it away."""
    went = git("rev-list", "-1", "HEAD", "--", "template/project/ops/lib/hosting.sh", cwd=ROOT)
    return git("rev-parse", f"{went}^", cwd=ROOT)


#: The first version, the first with one sequence for all hosts, and the last of shell.
SHELL = {
    "v0.0.1": "7764998388ce0117988db6d0fa47c07a39b6dec7",
    "v0.0.2": "21ee1676b083ab8b137157b2efadbdca0d4c85c5",
    "v0.0.3": last_of_shell(),
}
#: What the tasks were made of.
GONE = {
    f"ops/lib/{name}.sh"
    for name in (
        "broken", "bundle", "ci", "hosting", "http", "image", "platform", "project", "record",
        "site", "tools",
    )
}  # fmt: skip
OWN = "# Our own words.\n"
HOOKS = {
    "ops/notify": '#!/bin/sh\nprintf "notify %s %s: %s\\n" "$@" >>"$HOME/hooks"\n',
    "ops/migrate": '#!/bin/sh\nprintf "migrate %s\\n" "$@" >>"$HOME/hooks"\n',
    "ops/data": '#!/bin/sh\nprintf "data %s\\n" "$@" >>"$HOME/hooks"\necho 17 notes\n',
}


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Source]:
    """The template as it was, three times, and as it is."""
    folder = history(tmp_path_factory.mktemp("source"), SHELL)
    with Shelf() as shelf:
        yield Source(folder, shelf)


def on(source: Source, tag: str, *hosts: str) -> dict[str, str]:
    """Give options of a project on one of some hosts, from a forge."""
    return next(
        row for row in source.rows(tag, pairwise("stack", "ci", "hosting"))
        if row["hosting"] in hosts and row["ci"] != row["hosting"]
    )  # fmt: skip


def edit(project: Path, *paths: str) -> None:
    """Write a line of our own into the middle of files, and commit them."""
    for path in paths:
        lines = (project / path).read_text().splitlines(keepends=True)
        lines.insert(len(lines) * 2 // 3, OWN)
        (project / path).write_text("".join(lines))
    commit_all(project)


def run(project: Path, *command: str) -> str:
    """Run a task, which has to succeed and to leave nothing; give what it says."""
    done = subprocess.run(command, cwd=project, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert git("status", "--porcelain", cwd=project) == ""
    return done.stdout + done.stderr


def starts(project: Path) -> None:
    """Hold an updated project to having the engine, no shell besides, and tasks that start."""
    commit_all(project)
    assert {path for path in GONE if (project / path).exists()} == set()
    assert (project / ENGINE / "host.py").exists()
    assert run(project, "ops/releases", "--help").startswith("Usage: ops/releases ENV")
    assert "promises of the tasks hold" in run(project, "ops/test", "--ops")


def arrives(row: dict[str, str], tag: str, source: Source, folder: Path) -> None:
    """Hold a project that nobody edited to being what a new one is, with either command."""
    project = source.project(folder / "-".join(row.values()), tag, **row)
    assert GONE & files(project).keys(), "it had what goes"
    copy = copied(project, folder / f"copy-{project.name}")
    old = files(project)
    wanted = expected(source, old, PRESENT)
    assert source.updated(project, to=PRESENT) == 0
    assert differing(files(project), wanted) == set(), row
    starts(project)
    theirs = updated_by_copier(copy, PRESENT)
    # What was written once is replaced: see docs/how-to/use-plain-copier.md.
    assert differing(theirs, wanted) <= given_away(source, old, PRESENT), row
    starts(copy)


@pytest.mark.slow
@pytest.mark.parametrize("tag", SHELL)
def test_who_edited_nothing_has_what_a_new_project_has(
    tag: str, source: Source, tmp_path: Path
) -> None:
    rows = source.rows(tag)
    # All rows of more versions are in test_equivalence.py, without Copier.
    arrives(rows[[*SHELL].index(tag) % len(rows)], tag, source, tmp_path)


@pytest.mark.nightly
@pytest.mark.parametrize("tag", SHELL)
def test_so_it_is_with_every_option(tag: str, source: Source, tmp_path: Path) -> None:
    for row in source.rows(tag):
        arrives(row, tag, source, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("tag", SHELL)
def test_edits_in_shell_end_as_a_conflict_or_are_kept(
    tag: str, source: Source, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    project = edited_shell(tag, source, tmp_path)
    platform = (project / "ops/lib/platform.sh").read_text()
    capsys.readouterr()

    assert source.updated(project, to=PRESENT) == 1
    said = capsys.readouterr().out
    assert "  CONFLICT  ops/deploy (both changed it)\n" in said
    assert "  kept      ops/lib/platform.sh (you changed it; the template has it no more)\n" in said
    assert said.count("CONFLICT") == 1
    assert (project / "ops/lib/platform.sh").read_text() == platform
    yours, theirs = sides((project / "ops/deploy").read_text(), "yours")
    assert OWN in yours
    assert 'engine "$task" "$@"' in theirs
    assert "platform_deploy " in yours, "what it is about is there, too"

    # It is settled by taking theirs; then the tasks start.
    git("checkout", "--theirs", "ops/deploy", cwd=project)
    git("add", "ops/deploy", cwd=project)
    assert source.updated(project, resume=True) == 0
    commit_all(project)
    assert "promises of the tasks hold" in run(project, "ops/test", "--ops")


@pytest.mark.parametrize("tag", sampled(SHELL, "v0.0.2", others=pytest.mark.nightly))
def test_with_copier_one_conflicts_and_the_other_is_removed(
    tag: str, source: Source, tmp_path: Path
) -> None:
    by_copier = updated_by_copier(edited_shell(tag, source, tmp_path), PRESENT)
    assert "ops/lib/platform.sh" not in by_copier, "it is removed, with the edits"
    yours, theirs = sides(by_copier["ops/deploy"][1].decode(), "before updating")
    assert OWN in yours
    assert 'engine "$task" "$@"' in theirs


def edited_shell(tag: str, source: Source, folder: Path) -> Path:
    project = source.project(folder / "project", tag, **on(source, tag, "fly"))
    edit(project, "ops/deploy", "ops/lib/platform.sh")
    return project


def sides(marked: str, yours: str) -> tuple[str, str]:
    """Give both sides of the first conflict in a text."""
    before, _, after = (
        marked.split(f"<<<<<<< {yours}")[1].split(">>>>>>>", 1)[0].partition("=======")
    )
    return before, after


@pytest.mark.slow
@pytest.mark.parametrize("tag", list(SHELL)[1:])
def test_no_edit_of_any_file_that_goes_is_lost(
    tag: str, source: Source, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nor does it turn up in what came instead."""
    project = source.project(tmp_path / "project", tag, **on(source, tag, "vercel"))
    new = expected(source, files(project), PRESENT)
    edited = sorted(GONE & files(project).keys())
    edit(project, *edited)
    ours = files(project)
    capsys.readouterr()
    assert source.updated(project, to=PRESENT) == 0
    said = capsys.readouterr().out
    assert [path for path in edited if f"kept      {path} (you changed it; " not in said] == []
    assert differing(files(project), {**new, **{path: ours[path] for path in edited}}) == set()


@pytest.mark.parametrize(
    ("tag", "tool"),
    sampled(
        product(SHELL, ("scaffold", "copier")),
        ("v0.0.1", "copier"),
        ("v0.0.3", "scaffold"),
        others=pytest.mark.nightly,
    ),
)
def test_hooks_survive_and_are_called(tag: str, tool: str, source: Source, tmp_path: Path) -> None:
    project = source.project(tmp_path / "project", tag, **on(source, tag, "render"))
    write(project, HOOKS)
    commit_all(project)
    if tool == "copier":
        updated_by_copier(project, PRESENT)
    else:
        assert source.updated(project, to=PRESENT) == 0
    for path, text in HOOKS.items():
        assert (project / path).read_text() == text
        assert os.access(project / path, os.X_OK)
    commit_all(project)

    vendor, hooks = Render(), tmp_path / "hooks"
    with vendor.serving():
        at = Machine.new(vendor, lambda **_: project, tmp_path)
        good = at.deploy("v1.0.0")
        assert hooks.read_text() == f"migrate live\nnotify live resolved: live runs {good}\n"
        hooks.unlink()
        # All but that one is a build for the drill, and never healthy.
        vendor.sick = AllBut(good)
        done = at.run("ops/drill", "live", "--yes-live")
        assert done.returncode == 0, done.stderr
    assert hooks.read_text().count("data live\n") == 2


class AllBut(set[str]):
    """Has everything but what it is made of."""

    def __init__(self, *lacks: str) -> None:
        super().__init__()
        self.lacks = lacks

    def __contains__(self, item: Any) -> bool:
        """Say whether it is anything else."""
        return item not in self.lacks
