"""`scaffold new` in a folder that is there: a repository made on a forge first."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from conftest import Scaffold, small_disk
from forge import FORGE, cloned, committed
from small import FILES, everything, git, release

QUICK = ("--defaults", "--no-lock")


@pytest.fixture
def template(tmp_path: Path) -> Path:
    """A small template whose projects have what forges write too."""
    files = {
        **FILES,
        "files/.gitignore": ".cache/\n.env*\n!.env.example\n",
        "files/.env.example": "A=1\n",
        "files/ops/lib/common.sh": "# shared\n",
        "files/LICENSE": "Ours.\n",
        "files/tool.toml": "",
    }
    return release(tmp_path / "template", "v1.0.0", files)


def test_an_empty_clone_gets_its_first_commit(scaffold: Scaffold, tmp_path: Path) -> None:
    clone = cloned(tmp_path)
    done = scaffold("new", ".", *QUICK, cwd=clone)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Created my-service (Node, ")
    assert done.stdout.endswith(" files, a first commit.\n\nNext:\n  ops/setup\n  ops/dev\n")
    assert git(clone, "log", "--format=%s %D").startswith("Start my-service from scaffold's ")
    assert git(clone, "status", "--porcelain", "--ignored") == ""
    assert {"package.json", "src/app.ts", ".copier-answers.yml"} <= committed(clone)
    assert git(clone, "ls-remote", "origin") == "", "nothing is pushed"


def test_what_a_forge_wrote_stays(scaffold: Scaffold, tmp_path: Path) -> None:
    """With the real template: the licence is an answer, and what git must not see it does not."""
    clone = cloned(tmp_path, *FORGE)
    first = git(clone, "rev-parse", "HEAD").strip()
    done = scaffold("new", ".", *QUICK, cwd=clone)
    assert (done.returncode, done.stderr) == (0, "")
    assert "MIT): " in done.stdout
    assert ", a commit on main.\n" in done.stdout
    assert "\nYours, as it was: LICENSE, README.md.\n" in done.stdout
    below = "\nYours, with the template's lines below: .gitattributes, .gitignore.\n"
    assert below in done.stdout
    for name in ("README.md", "LICENSE"):
        assert (clone / name).read_text() == FORGE[name]
    for name in (".gitattributes", ".gitignore"):
        assert (clone / name).read_text().startswith(f"{FORGE[name].rstrip()}\n\n")
    assert yaml.safe_load((clone / ".scaffold.yml").read_text()) == {
        "keep": ["/LICENSE", "/README.md"]
    }
    assert '"license": "MIT"' in (clone / "package.json").read_text()
    assert git(clone, "rev-parse", "HEAD~1").strip() == first
    assert {"ops/lib/common.sh", "fly.live.toml", "src/app.ts"} <= committed(clone)
    (clone / ".env.local").write_text("TOKEN=secret\n")
    (clone / ".cache").mkdir()
    (clone / ".cache/x").touch()
    (clone / "ops/lib/new.sh").touch()
    assert git(clone, "status", "--porcelain").splitlines() == ["?? ops/lib/new.sh"]
    assert git(clone, "ls-files", "--cached", "--ignored", "--exclude-standard") == ""
    assert (clone / ".prettierignore").read_text().endswith("\n/README.md\n")


def test_an_update_leaves_it_alone_and_merges_what_was_completed(
    scaffold: Scaffold, template: Path, tmp_path: Path
) -> None:
    clone = cloned(tmp_path, "README.md", ".gitignore")
    scaffold("new", ".", *QUICK, "--template", str(template), "-d", "project_name=it", cwd=clone)
    before = (clone / ".gitignore").read_text()
    assert before == (
        f"{FORGE['.gitignore']}\n\n# Of the project, though a line above says otherwise.\n"
        "!/ops/lib/\n!/tool.toml\n\n.cache/\n.env*\n!.env.example\n"
    )
    newer = {"README.md.jinja": "# New\n", ".gitignore": ".cache/\n.env*\n!.env.example\nlogs/\n"}
    release(template, "v2.0.0", {f"files/{name}": text for name, text in newer.items()})
    done = scaffold("update", cwd=clone)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (clone / "README.md").read_text() == FORGE["README.md"]
    assert (clone / ".gitignore").read_text() == f"{before}logs/\n"
    assert "project_name: it\n" in (clone / ".copier-answers.yml").read_text()


def test_texts_go_by_any_of_their_names(scaffold: Scaffold, template: Path, tmp_path: Path) -> None:
    folder = tmp_path / "my-service"
    folder.mkdir()
    for name in ("readme.rst", "COPYING"):
        (folder / name).write_text("mine\n")
    report = json.loads(
        scaffold("new", "my-service", *QUICK, "--json", "--template", str(template)).stdout
    )
    assert not {"README.md", "LICENSE"} & {*report["files"]}
    assert report["yours"] == ["COPYING", "readme.rst"]
    assert {"COPYING", "readme.rst", "tool.sh"} <= committed(folder), "also what was there"
    assert git(folder, "branch", "--show-current") == "main\n"


def test_a_branch_that_is_not_main_is_said(scaffold: Scaffold, tmp_path: Path) -> None:
    clone = cloned(tmp_path, branch="master")
    done = scaffold("new", ".", *QUICK, cwd=clone)
    assert done.stderr == (
        "Note: the branch is master, and pipelines deploy from main.\n"
        "  Rename it before it is pushed: git branch -m main\n"
    )
    assert git(clone, "branch", "--show-current") == "master\n"


def test_without_git_the_repository_is_left_alone(
    scaffold: Scaffold, template: Path, tmp_path: Path
) -> None:
    clone = cloned(tmp_path)
    before = everything(clone / ".git")
    done = scaffold("new", "./my-service", *QUICK, "--no-git", "--template", str(template))
    assert done.returncode == 0, done.stderr
    assert (clone / "tool.sh").is_file()
    assert everything(clone / ".git") == before


def test_a_path_may_lead_anywhere(scaffold: Scaffold, template: Path, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    done = scaffold("new", "../orders", *QUICK, "--template", str(template), cwd=tmp_path / "here")
    assert done.stdout.endswith("\nNext:\n  cd ../orders\n")
    assert "project_name: orders" in (tmp_path / "orders/.copier-answers.yml").read_text()


def test_a_folder_with_another_name_needs_one(scaffold: Scaffold, tmp_path: Path) -> None:
    (tmp_path / "My Service").mkdir()
    error = scaffold("new", ".", *QUICK, cwd=tmp_path / "My Service").stderr
    assert "'My Service' is no name for a project; try '-d project_name=my-service'." in error
    done = scaffold("new", ".", *QUICK, "-d", "project_name=it", cwd=tmp_path / "My Service")
    assert done.stdout.startswith("Created it (")


def code(clone: Path) -> None:
    (clone / "main.go").write_text("package main\n")


def edit(clone: Path) -> None:
    (clone / "README.md").write_text("# Edited\n")


def nowhere(clone: Path) -> None:
    git(clone, "switch", "--quiet", "--detach")


def link(clone: Path) -> None:
    (clone / "LICENSE").symlink_to("README.md")


@pytest.mark.parametrize(
    ("change", "exit_code", "said"),
    [
        (code, 2, "it has main.go.\n  Nothing was changed. Choose another folder, or commit what"),
        (link, 2, "it has LICENSE.\n"),
        (edit, 1, "has changes that are not committed: README.md.\n  Commit them, "),
        (nowhere, 2, "is on no branch that a commit could go to.\n  Nothing was changed. Go to"),
    ],
)
def test_what_holds_more_is_refused(
    scaffold: Scaffold, tmp_path: Path, change: Callable[[Path], None], exit_code: int, said: str
) -> None:
    clone = cloned(tmp_path, "README.md")
    change(clone)
    before = everything(clone)
    done = scaffold("new", ".", *QUICK, cwd=clone)
    assert done.returncode == exit_code
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert everything(clone) == before


def test_where_git_refuses_the_commit_is_left_to_do(
    scaffold: Scaffold, template: Path, tmp_path: Path
) -> None:
    clone = cloned(tmp_path, "README.md")
    lock = clone / ".git/index.lock"
    lock.touch()
    done = scaffold("new", ".", *QUICK, "--template", str(template), cwd=clone)
    assert done.returncode == 0
    what, command = done.stderr.splitlines()
    assert what.startswith("Note: the project is not committed yet: fatal: Unable to create ")
    lock.unlink()
    subprocess.run(command.removeprefix("  Run there: "), shell=True, check=True, cwd=clone)  # noqa: S602
    assert "tool.sh" in committed(clone)


def test_a_full_disk_leaves_it_as_it_was(scaffold: Scaffold, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "96k") as disk:
        (disk / "README.md").write_text("# Mine\n")
        done = scaffold("new", str(disk), *QUICK)
        assert done.returncode == 3, done.stdout
        assert "cannot be written: No space left on device." in done.stderr
        assert [path.name for path in disk.iterdir()] == ["README.md"]


@pytest.mark.slow
@pytest.mark.parametrize("names", [[], ["README.md", ".gitignore"]], ids=["empty", "with a README"])
def test_interrupted_it_is_as_it_was(names: list[str], tmp_path: Path) -> None:
    """The lock file's tool is a stand-in that waits, so that the interrupt comes in the middle."""
    clone = cloned(tmp_path, *names)
    before = everything(clone)
    (tmp_path / "bin").mkdir()
    npm = tmp_path / "bin/npm"
    npm.write_text('#!/bin/sh\ntouch "$STARTED"\nexec sleep 60\n')
    npm.chmod(0o755)
    started = tmp_path / "started"
    inherited = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    process = subprocess.Popen(
        [sys.executable, "-m", "scaffold", "new", "."],
        cwd=clone, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PATH": f"{npm.parent}:{os.environ['PATH']}", "STARTED": str(started)},
        start_new_session=True,
    )  # fmt: skip
    signal.signal(signal.SIGTERM, inherited)
    while not started.exists():
        assert process.poll() is None
    os.killpg(process.pid, signal.SIGTERM)
    assert process.communicate(timeout=10)[1].strip() == "Left; nothing was written."
    assert everything(clone) == before


def test_two_at_once_make_one_project(template: Path, tmp_path: Path) -> None:
    clone = cloned(tmp_path)
    command = [sys.executable, "-m", "scaffold", "new", ".", *QUICK, "--template", str(template)]
    processes = [
        subprocess.Popen(command, cwd=clone, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(3)
    ]
    assert min(process.wait() for process in processes) == 0
    assert git(clone, "rev-list", "--count", "HEAD") == "1\n"
    assert git(clone, "status", "--porcelain") == ""


@pytest.mark.parametrize("names", [[], ["README.md", "LICENSE"]], ids=["empty", "with a README"])
def test_there_is_nothing_to_adopt_and_it_says_what_to_do(
    scaffold: Scaffold, tmp_path: Path, names: list[str]
) -> None:
    clone = cloned(tmp_path, *names)
    done = scaffold("adopt", cwd=clone)
    assert done.returncode == 2
    there = "LICENSE, README.md" if names else "a repository"
    assert done.stderr == (
        f"Error: '{clone}' has no code to adopt, only {there}.\n"
        "  Make a new service around that: scaffold new .\n"
    )
