"""A clone is the project, whatever the settings of whoever makes it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from conftest import TEMPLATE, Render, tree

STACKS = [option.id for option in TEMPLATE.catalog.axes["stack"]]


@pytest.mark.parametrize("stack", STACKS)
def test_a_clone_has_the_same_bytes_and_its_tasks_run(
    render: Render, tmp_path: Path, stack: str
) -> None:
    """Git for Windows converts line ends by default; some have it ignore modes; umasks differ."""
    project = render(stack=stack)
    for command in ("init --quiet", "add --all", "commit --quiet --message Start"):
        subprocess.run(["git", *command.split()], cwd=project, check=True)
    settings = ["-c", "core.autocrlf=true", "-c", "core.fileMode=false"]
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", *settings, project, clone], check=True, umask=0o077)
    there = {path: content for path, (content, _) in tree(clone).items()}
    assert there == {path: content for path, (content, _) in tree(project).items()}
    status = subprocess.check_output(["git", "status", "--porcelain"], cwd=clone)
    assert status == b"", "all of it is as committed"
    for task in filter(Path.is_file, (clone / "ops").iterdir()):
        mode = 0o600 if task.suffix else 0o700
        assert task.stat().st_mode & 0o777 == mode, task
    done = subprocess.run([clone / "ops/help"], check=False, capture_output=True, text=True)
    assert "ops/deploy" in done.stdout, done.stderr


def test_tasks_are_in_git_whatever_is_ignored_around_the_project(render: Render) -> None:
    """`lib/` is in the .gitignore that GitHub proposes for Python, `build` in many others."""
    project = render(stack="node")
    (project.parent / ".gitignore").write_text("lib/\nbuild\nbin/\ndist/\n*.sh\n")
    subprocess.run(["git", "init", "--quiet"], cwd=project.parent, check=True)
    (project / "ops/setup.log").touch()
    ignored = subprocess.check_output(
        ["git", "ls-files", "--others", "--ignored", "--exclude-standard", "."],
        cwd=project, text=True,
    )  # fmt: skip
    assert ignored == "ops/setup.log\n"
