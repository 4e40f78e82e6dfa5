"""What `scaffold new` builds upon, and what it leaves alone: somebody's own, whatever its name."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

import pytest
from forge import cloned, committed
from small import commit, everything, git

from scaffold import git as git_command
from scaffold import project
from scaffold.errors import ScaffoldError, UsageError
from scaffold.files import File
from scaffold.new.filling import filled
from scaffold.new.ground import Ground, require_code, strangers


def begun(folder: Path) -> None:
    """Begin as `scaffold new` does."""
    with filled(folder):
        Ground.of(folder)


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
    with pytest.raises(UsageError, match="has README\\.\N{REPLACEMENT CHARACTER}"):
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


def test_no_repository_is_made_in_one_that_is_broken(tmp_path: Path) -> None:
    (tmp_path / ".git").write_text("gitdir: /where/a/worktree/was\n")
    (tmp_path / "inside").mkdir()
    with pytest.raises(UsageError, match="is no repository that git can read"):
        git_command.top(tmp_path / "inside")


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
