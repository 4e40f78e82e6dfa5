"""`scaffold new` in a folder that is there, killed before each step that it takes."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from moments import watch
from project import commit_all, copied, git, snapshot, template, write

from scaffold import cli

ANSWERS = "{{ _copier_conf.answers_file }}.jinja"
FILES = {
    ANSWERS: "{{ _copier_answers | to_nice_yaml }}",
    ".gitignore": ".env*\n",
    "README.md": "# Ours\n",
    "ops/lib/run": "#!/bin/sh\n",
}


def filled(folder: Path, source: Path, kill_at: int = 0) -> bool:
    """Run `scaffold new` in a process of its own, and tell whether that was not killed."""
    child = os.fork()
    if child == 0:
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        sys.argv = [
            "scaffold",
            "new",
            str(folder),
            "--defaults",
            "--no-lock",
            "--template",
            str(source),
        ]
        code = 99
        try:
            if kill_at:
                watch(folder, "kill", kill_at)
            cli.main()
        except SystemExit as left:
            code = int(left.code or 0)
        finally:
            os._exit(code)
    status = os.waitpid(child, 0)[1]
    assert os.WIFSIGNALED(status) or os.waitstatus_to_exitcode(status) in {0, 2}
    return not os.WIFSIGNALED(status)


@pytest.mark.slow
def test_killed_at_any_step_it_can_be_run_again(tmp_path: Path) -> None:
    """All that there was is there, and the next run makes what an undisturbed one does."""
    source = template(tmp_path / "template", FILES)
    clone = tmp_path / "before/thing"
    clone.mkdir(parents=True)
    git("init", "--quiet", "--initial-branch=main", cwd=clone)
    names = ("README.md", ".gitignore")
    write(clone, dict.fromkeys(names, "theirs\n"))
    commit_all(clone)
    (tmp_path / "done").mkdir()
    done = copied(clone, tmp_path / "done/thing")
    filled(done, source)
    tree = git("rev-parse", "HEAD^{tree}", cwd=done)
    steps = 0
    whole = False
    while not whole:
        steps += 1
        (tmp_path / str(steps)).mkdir()
        copy = copied(clone, tmp_path / str(steps) / "thing")
        whole = filled(copy, source, kill_at=steps)
        for name in names:
            assert (copy / name).read_text().startswith("theirs\n")
        filled(copy, source)  # which goes back and does it, or finds it done and tidies up
        assert git("rev-parse", "HEAD^{tree}", cwd=copy) == tree
        assert snapshot(copy)[0] == snapshot(done)[0]
    assert steps > 20
    assert git("log", "--format=%s", cwd=done).startswith("Start thing from ")
