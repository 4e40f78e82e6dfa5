"""`scaffold new` in a folder that is there, killed or interrupted before each of its steps."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest
from moments import watch
from project import commit_all, copied, git, snapshot, template, work_tree, write

from scaffold import cli
from scaffold.new.filling import STAGE

ANSWERS_FILE = ".copier-answers.yml"
ANSWERS = "{{ _copier_conf.answers_file }}.jinja"
FILES = {
    ANSWERS: "{{ _copier_answers | to_nice_yaml }}",
    ".gitignore": ".env*\n",
    "README.md": "# Ours\n",
    "ops/lib/run": "#!/bin/sh\n",
}


NAMES = ("README.md", ".gitignore")


def filled(folder: Path, source: Path, action: str = "", at: int = 0) -> int:
    """Run `scaffold new` in a process of its own; give its exit code, or -9 if it was killed."""
    child = os.fork()
    if child == 0:
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        options = ["--defaults", "--no-lock", "--template", str(source)]
        sys.argv = ["scaffold", "new", str(folder), *options]
        code = 99
        try:
            if action:
                watch(folder, action, at)
            cli.main()
        except SystemExit as left:
            code = int(left.code or 0)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def cloned(folder: Path) -> Path:
    folder.mkdir(parents=True)
    git("init", "--quiet", "--initial-branch=main", cwd=folder)
    write(folder, dict.fromkeys(NAMES, "theirs\n"))
    commit_all(folder)
    return folder


@pytest.mark.slow
def test_killed_at_any_step_it_has_lost_nothing(tmp_path: Path) -> None:
    """All that there was is there, and the next run refuses to guess at a half, or is done."""
    source = template(tmp_path / "template", FILES)
    clone = cloned(tmp_path / "before/thing")
    first = git("rev-parse", "HEAD", cwd=clone)
    steps, halves = 0, 0
    code = -signal.SIGKILL
    while code:
        steps += 1
        (tmp_path / str(steps)).mkdir()
        copy = copied(clone, tmp_path / str(steps) / "thing")
        code = filled(copy, source, "kill", steps)
        assert code in {0, -signal.SIGKILL}
        for name in NAMES:
            assert (copy / name).read_text().startswith("theirs\n")
        assert first in git("rev-list", "HEAD", cwd=copy).splitlines()
        if code and (copy / STAGE).exists():
            halves += 1
            old = copy / STAGE / "old/.gitignore"
            assert not old.exists() or old.read_text() == "theirs\n"
            before = snapshot(copy)
            assert filled(copy, source) == 2
            assert snapshot(copy) == before
    assert halves > 15
    assert git("log", "-1", "--format=%s", cwd=copy).startswith("Start thing from ")
    assert not (copy / STAGE).exists()


@pytest.mark.slow
def test_interrupted_at_any_step_it_is_as_it_was(tmp_path: Path) -> None:
    """With a repository, and without one, which is then made."""
    source = template(tmp_path / "template", FILES)
    bare = tmp_path / "bare/thing"
    bare.mkdir(parents=True)
    write(bare, dict.fromkeys(NAMES, "theirs\n"))
    for folder in (cloned(tmp_path / "before/thing"), bare):
        seen = snapshot if (folder / ".git").exists() else work_tree
        before = seen(folder)
        had = {path.name for path in folder.iterdir()}
        steps, back = 0, 0
        code = 130
        while code:
            steps += 1
            parent = tmp_path / f"{folder.parent.name}-{steps}"
            parent.mkdir()
            copy = copied(folder, parent / "thing")
            code = filled(copy, source, "int", steps)
            assert code in {0, 130}
            assert not (copy / STAGE).exists()
            if (copy / ANSWERS_FILE).exists():
                assert git("log", "-1", "--format=%s", cwd=copy).startswith("Start thing from ")
            else:
                back += 1
                assert seen(copy) == before
                assert {path.name for path in copy.iterdir()} == had
        assert back > 15
