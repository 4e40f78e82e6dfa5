"""`scaffold new` in a folder that is there: a repository made on a forge first."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest
import yaml
from conftest import Scaffold, small_disk
from small import FILES, commit, everything, git, release

from scaffold import git as git_command
from scaffold import project
from scaffold.errors import ScaffoldError, UsageError
from scaffold.filling import filled
from scaffold.ground import Ground, require_code, strangers
from scaffold.render import File

QUICK = ("--defaults", "--no-lock")

MIT = "Permission is hereby granted, free of charge, to any person obtaining a copy\n"

#: As forges write them: without a line end, with rules that reach too far or not far enough.
FORGE = {
    "README.md": "# My service",
    "LICENSE": MIT,
    ".gitignore": "# Byte-compiled\n__pycache__/\nlib/\n*.toml\n.env\n!.env.example",
    ".gitattributes": "* text=auto\n",
}


def cloned(tmp_path: Path, *names: str, branch: str = "main") -> Path:
    """Clone a repository that a forge made with some of its files, or with none."""
    forge = tmp_path / "forge.git"
    git(tmp_path, "init", "--quiet", "--bare", f"--initial-branch={branch}", str(forge))
    clone = tmp_path / "my-service"
    git(tmp_path, "clone", "--quiet", str(forge), str(clone))
    for name in names:
        (clone / name).write_text(FORGE[name])
    if names:
        commit(clone, "Initial commit")
        git(clone, "push", "--quiet", "origin", branch)
    return clone


def committed(folder: Path) -> set[str]:
    return set(git(folder, "ls-tree", "-r", "--name-only", "HEAD").splitlines())


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


def forged(folder: Path, outside: Path) -> None:
    """As an archive can bring it: it says that somebody's file is to be put back."""
    (folder / ".scaffold-new/old").mkdir(parents=True)
    (folder / ".scaffold-new/old/x").symlink_to(outside.parent)
    (folder / f".scaffold-new/{outside.name}").write_text("pwned\n")
    moves = [
        {"path": path, "old": "x", "new": "y"}
        for path in (f"../{outside.name}", f"x/{outside.name}", str(outside))
    ]
    state = {"init": True, "git_dir": str(outside.parent), "head": "", "moves": moves, "made": []}
    (folder / ".scaffold-new/state.json").write_text(json.dumps(state))


def own_folder(folder: Path, _outside: Path) -> None:
    (folder / ".scaffold-new").mkdir()
    (folder / ".scaffold-new/state.json").write_text("[]")


def own_file(folder: Path, _outside: Path) -> None:
    (folder / ".scaffold-new").write_text("mine\n")


@pytest.mark.parametrize("leave", [forged, own_folder, own_file])
def test_what_is_called_as_ours_is_left_alone(
    tmp_path: Path, leave: Callable[[Path, Path], None]
) -> None:
    folder = tmp_path / "home/my-service"
    folder.mkdir(parents=True)
    precious = tmp_path / "home/.bashrc"
    precious.write_text("precious\n")
    leave(folder, precious)
    before = everything(tmp_path / "home")
    with pytest.raises(UsageError, match=r"has a \.scaffold-new, which .* is killed"):
        begun(folder)
    assert everything(tmp_path / "home") == before


def test_what_is_tracked_is_there_though_it_is_not_checked_out(tmp_path: Path) -> None:
    clone = cloned(tmp_path, "README.md")
    (clone / "src").mkdir()
    (clone / "src/app.ts").touch()
    (clone / "LICENSE").touch()
    commit(clone)
    git(clone, "sparse-checkout", "set", "--no-cone", "/README.md")
    assert {path.name for path in clone.iterdir()} == {".git", "README.md"}
    with pytest.raises(UsageError, match="it has LICENSE, src"):
        begun(clone)
    require_code(clone)


def test_a_name_of_odd_bytes_is_somebodys(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"README.\xff.md")).touch()
    with pytest.raises(UsageError, match="it has README.\N{REPLACEMENT CHARACTER}.md\\."):
        begun(tmp_path)


def test_a_merge_is_not_ended_by_our_commit(tmp_path: Path) -> None:
    clone = cloned(tmp_path, "README.md")
    git(clone, "switch", "--quiet", "--create", "other")
    commit(clone, "Of another branch")
    git(clone, "switch", "--quiet", "main")
    git(clone, "merge", "--no-ff", "--no-commit", "other")
    assert git(clone, "status", "--porcelain") == ""
    with pytest.raises(ScaffoldError, match="in the middle of a merge"):
        begun(clone)


@pytest.mark.parametrize(
    "names",
    [
        "README README.md readme.rst README.de.md README_zh-CN.md README.txt",
        "LICENSE licence.txt COPYING COPYING.LESSER LICENSE-MIT LICENSE-APACHE-2.0.txt",
        "LICENSE-BSD-3-Clause license.gpl-3.0",
    ],
)
def test_a_text_has_many_names(tmp_path: Path, names: str) -> None:
    for name in names.split():
        (tmp_path / name).touch()
    assert strangers(tmp_path) == []


def test_not_all_that_begins_like_a_text_is_one(tmp_path: Path) -> None:
    names = "LICENSE.py README.md.exe copying.c license-prod.pem license.key readme-keys readme.sh"
    for name in names.split():
        (tmp_path / name).touch()
    assert strangers(tmp_path) == names.split()


def test_what_git_ignores_is_not_committed(tmp_path: Path) -> None:
    """It is somebody's own; the project's files are committed whatever somebody ignores."""
    clone = cloned(tmp_path, "README.md")
    (clone / ".git/info/exclude").write_text("*\n")
    for name in ("LICENSE", "ours"):
        (clone / name).write_text("It is a secret.\n")
    project.commit(clone, "Start", ["ours"], ["README.md", "LICENSE"])
    assert committed(clone) == {"README.md", "ours"}


def test_no_repository_is_made_in_one_that_git_does_not_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clone = cloned(tmp_path)
    (clone / "inside").mkdir()
    assert git_command.top(tmp_path) == ""
    assert git_command.top(clone / ".git") == "", "which is no work tree"
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    for look in (lambda: begun(clone), lambda: git_command.top(clone / "inside")):
        with pytest.raises(UsageError, match="detected dubious ownership in repository") as caught:
            look()
        assert caught.value.hint == (
            "Nothing was changed. If you trust it: "
            f"git config --global --add safe.directory {clone}"
        )


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


@pytest.mark.parametrize(
    "rules", ["/*\n!.gitignore\n!README.md\n", "*\n", "*\n!*/\n", "lib/\n*.toml\n", "**/common.sh"]
)
def test_git_sees_all_of_the_project_whatever_it_ignored(tmp_path: Path, rules: str) -> None:
    names = [
        ".gitignore",
        "a.toml",
        "ops/lib/common.sh",
        "ops/lib/x/deep.toml",
        "ops/[i]d",
        "src/a",
    ]
    (tmp_path / ".gitignore").write_text(rules)
    content = {".gitignore": b"*.pyc\n"}
    paths = [PurePosixPath(name) for name in names]
    files = [File(path, content.get(str(path), b""), False, path) for path in paths]  # noqa: FBT003
    fit = Ground.of(tmp_path).fitted(files, ())
    project.write(fit.files, tmp_path)
    for name in ("ops/lib/x.pyc", "more.toml"):
        (tmp_path / name).touch()
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "--all")
    seen = {*git(tmp_path, "ls-files").splitlines()}
    assert seen - {"more.toml"} == {*names}
    assert ("more.toml" in seen) == (rules == "**/common.sh")


def begun(folder: Path) -> None:
    """Begin as `scaffold new` does."""
    with filled(folder):
        Ground.of(folder)


def test_what_somebody_committed_meanwhile_stays(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        interrupted_late(tmp_path)
    assert "theirs" in git(tmp_path, "ls-tree", "--name-only", "other")


def interrupted_late(folder: Path) -> None:
    with filled(folder) as filling:
        (filling.opened() / "ours").touch()
        filling.move_in({}, init=True)
        git(folder, "init", "--quiet", "--initial-branch=other")
        (folder / "theirs").touch()
        commit(folder)
        git(folder, "symbolic-ref", "HEAD", "refs/heads/main")  # which has no commit
        raise KeyboardInterrupt


def test_a_full_disk_leaves_it_as_it_was(scaffold: Scaffold, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", "96k") as disk:
        (disk / "README.md").write_text("# Mine\n")
        done = scaffold("new", str(disk), *QUICK)
        assert done.returncode == 3, done.stdout
        assert "cannot be written: No space left on device." in done.stderr
        assert [path.name for path in disk.iterdir()] == ["README.md"]


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
