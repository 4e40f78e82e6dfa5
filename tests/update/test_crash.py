"""Whatever happens during an update, the project is as before or done, never in between."""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from conftest import ROOT, sampled, small_disk
from project import (
    ANSWERS,
    FIRST,
    LINES,
    SECOND,
    applied_by,
    commit_all,
    copied,
    fresh,
    git,
    lived_in,
    repository,
    snapshot,
    template,
    updated,
    waits,
    work_tree,
    write,
)

MOMENTS = [sys.executable, str(Path(__file__).with_name("moments.py"))]
SCAFFOLD = [sys.executable, "-m", "scaffold"]


@dataclass
class World:
    """A project before its update, and what is known of it.

    Attributes:
        project: Its folder.
        before: What is in it.
        done: What is in it when the update is applied.
        apply: Applies the update to a copy.
    """

    project: Path
    before: tuple[object, ...]
    done: tuple[object, ...]
    apply: Callable[[Path], None]


def world_of(project: Path) -> World:
    apply = applied_by(project)
    done = copied(project, project.with_name("done"))
    apply(done)
    return World(project, snapshot(project), snapshot(done), apply)


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> dict[str, World]:
    """A project that somebody worked in, and the same with edits where the template has others."""
    folder = tmp_path_factory.mktemp("worlds")
    source = template(folder / "template", FIRST, SECOND)
    clean = lived_in(repository(source, folder / "clean/project"))
    (folder / "conflict").mkdir()
    conflict = copied(clean, folder / "conflict/project")
    readme = conflict / "README.md"
    readme.write_text(readme.read_text().replace("Line 3.", "Our line 3."))
    git("commit", "--quiet", "--all", "--message", "ours", cwd=conflict)
    return {"clean": world_of(clean), "conflict": world_of(conflict)}


@pytest.fixture
def clean(worlds: dict[str, World], tmp_path: Path) -> World:
    """A project at the first version, whose update has no conflict."""
    world = worlds["clean"]
    return replace(world, project=copied(world.project, tmp_path / "project"))


@pytest.fixture
def conflict(worlds: dict[str, World], tmp_path: Path) -> World:
    """The same, and there is one."""
    world = worlds["conflict"]
    return replace(world, project=copied(world.project, tmp_path / "project"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """The template, in two versions."""
    return template(tmp_path / "template", FIRST, SECOND)


def scaffold(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SCAFFOLD, *arguments], cwd=cwd, check=False, capture_output=True, text=True
    )


def at_step(step: int, action: str, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `scaffold` and do something before its N-th step in the project."""
    return subprocess.run(
        [*MOMENTS, str(cwd), action, str(step), *arguments],
        check=False, capture_output=True, text=True,
    )  # fmt: skip


def killed_everywhere(folder: Path, copies: Path, *flag: str) -> list[Path]:
    """Run something in copies of a folder, killed before its first step and so on."""
    copies.mkdir()
    subprocess.run([*MOMENTS, str(folder), "kill", str(copies), *flag], check=True)
    return sorted(copies.iterdir(), key=lambda copy: int(copy.name))


def told(folder: Path) -> str:
    """Give the command that comes next, as the state file has it."""
    return str(json.loads((folder / ".git/scaffold/state.json").read_text())["next"])


def halfway(world: World, tmp_path: Path) -> Path:
    """Give the project as it is when applying its update is killed in the middle."""
    for step in range(55, 0, -2):
        half = copied(world.project, tmp_path / f"halfway-{step}")
        at_step(step, "kill", "update", cwd=half)
        if snapshot(half) not in (world.before, world.done):
            return half
    raise AssertionError


@pytest.mark.slow
def test_killed_at_every_step_of_applying(conflict: World, tmp_path: Path) -> None:
    copies = killed_everywhere(conflict.project, tmp_path / "copies")
    halves = 0
    for copy in copies:
        now = snapshot(copy)
        if not waits(copy):
            assert now == conflict.before, copy
        else:
            if now != conflict.done:
                halves += now != conflict.before
                assert told(copy) == "scaffold update --abort"
                assert updated(copy) == 1
                assert snapshot(copy) == now
                other = copied(copy, tmp_path / f"other-{copy.name}")
                assert updated(other, resume=True) == 1  # there is a conflict to decide
                assert snapshot(other) == conflict.done, copy
            assert updated(copy, abort=True) == 0
            assert snapshot(copy) == conflict.before, copy
        if int(copy.name) % 4 == 0:
            conflict.apply(copy)
            assert snapshot(copy) == conflict.done, copy
    assert len(copies) > 50
    assert halves > 20


@pytest.mark.slow
def test_killed_at_every_step_of_going_back(conflict: World, tmp_path: Path) -> None:
    conflict.apply(conflict.project)
    for copy in killed_everywhere(conflict.project, tmp_path / "copies", "--abort"):
        now = snapshot(copy)
        if not waits(copy):
            assert now == conflict.before, copy
            continue
        if now != conflict.done:
            assert told(copy) == "scaffold update --abort"
            assert updated(copy) == 1
            assert updated(copy, resume=True) == 1
            assert snapshot(copy) == now, copy
        assert updated(copy, abort=True) == 0
        assert snapshot(copy) == conflict.before, copy


@pytest.mark.slow
def test_killed_at_every_step_of_going_back_from_halfway(clean: World, tmp_path: Path) -> None:
    half = halfway(clean, tmp_path)
    for copy in killed_everywhere(half, tmp_path / "copies", "--abort"):
        if waits(copy):
            assert updated(copy, abort=True) == 0
        assert snapshot(copy) == clean.before, copy


@pytest.mark.slow
def test_killed_at_every_step_of_finishing(clean: World, tmp_path: Path) -> None:
    half = halfway(clean, tmp_path)
    for copy in killed_everywhere(half, tmp_path / "copies", "--continue"):
        other = copied(copy, tmp_path / f"other-{copy.name}")
        assert updated(other, resume=True) == 0
        assert snapshot(other) == clean.done, copy
        assert updated(copy, abort=True) == 0
        assert snapshot(copy) == clean.before, copy


@pytest.mark.slow
def test_killed_at_every_step_of_taking_conflicts_for_decided(
    conflict: World, tmp_path: Path
) -> None:
    conflict.apply(conflict.project)
    (conflict.project / "README.md").write_text("decided\n")
    (conflict.project / "mine.txt").write_text("mine\n")
    git("add", "mine.txt", cwd=conflict.project)
    done = copied(conflict.project, tmp_path / "decided")
    assert updated(done, resume=True) == 0
    for copy in killed_everywhere(conflict.project, tmp_path / "copies", "--continue"):
        other = copied(copy, tmp_path / f"other-{copy.name}")
        assert updated(other, resume=True) == 0
        assert snapshot(other) == snapshot(done), copy
        assert updated(copy, abort=True) == 0
        git("rm", "--quiet", "--force", "mine.txt", cwd=copy)  # that was none of the update's
        assert snapshot(copy) == conflict.before, copy


@pytest.fixture(scope="module")
def seconds(worlds: dict[str, World], tmp_path_factory: pytest.TempPathFactory) -> float:
    """How long an update takes."""
    copy = copied(worlds["clean"].project, tmp_path_factory.mktemp("measured") / "project")
    begin = time.monotonic()
    assert scaffold("update", cwd=copy).returncode == 0
    return time.monotonic() - begin


@pytest.mark.parametrize(
    "moment",
    [0, 1, *sampled(range(2, 65), *range(2, 20), others=pytest.mark.nightly)],
)
def test_killed_at_any_moment(moment: int, seconds: float, clean: World) -> None:
    world, copy = clean, clean.project
    process = subprocess.Popen(
        [*SCAFFOLD, "update"], cwd=copy, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    # Most of the time goes into working it out; what is of interest comes at the end.
    share = random.Random(moment).uniform(0.6, 1.1)  # noqa: S311  # no secret
    time.sleep(share * seconds)
    process.kill()
    process.wait()
    with suppress(ProcessLookupError):
        while True:  # until a git that it had started is at its end
            os.killpg(process.pid, 0)
            time.sleep(0.01)
    if not waits(copy):
        assert snapshot(copy) == world.before
        assert updated(copy) == 0
        assert snapshot(copy) == world.done
    elif snapshot(copy) != world.done:
        assert updated(copy, resume=True) == 0
        assert snapshot(copy) == world.done
    assert updated(copy, abort=True) == 0
    assert snapshot(copy) == world.before


@pytest.mark.parametrize("number", ["int", "term"])
@pytest.mark.parametrize(
    "step", [8, 50, *(pytest.param(m, marks=pytest.mark.slow) for m in (1, 4, 20, 40, 60, 70))]
)
def test_interrupted_all_is_as_before(number: str, step: int, clean: World) -> None:
    """A signal like that of Ctrl-C comes at a step; what is begun is taken back."""
    done = at_step(step, number, "update", cwd=clean.project)
    assert done.returncode == 130, done.stderr
    assert done.stderr.strip() == "Left; nothing was written."
    assert snapshot(clean.project) == clean.before
    assert not waits(clean.project)
    assert not (clean.project / ".git/index.lock").exists()
    assert updated(clean.project) == 0
    assert snapshot(clean.project) == clean.done


def test_two_at_once_make_one_update(clean: World) -> None:
    processes = [
        subprocess.Popen([*SCAFFOLD, "update"], cwd=clean.project, stdout=subprocess.DEVNULL)
        for _ in range(3)
    ]
    codes = sorted(process.wait() for process in processes)
    assert codes == [0, 1, 1]
    assert snapshot(clean.project) == clean.done
    assert updated(clean.project, abort=True) == 0
    assert snapshot(clean.project) == clean.before


@contextmanager
def being_updated(project: Path) -> Iterator[Path]:
    """Hold what another update holds, and give git's lock on the index."""
    folder = project / ".git/scaffold"
    folder.mkdir()
    lock = project / ".git/index.lock"
    with (folder / "lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        (folder / "token").touch()
        lock.hardlink_to(folder / "token")
        yield lock


def test_another_update_is_left_alone(clean: World, capsys: pytest.CaptureFixture[str]) -> None:
    with being_updated(clean.project) as lock:
        assert updated(clean.project) == 1
        assert "Another update of" in capsys.readouterr().err
        assert updated(clean.project, dry_run=True) == 0
        assert lock.exists()
    # It was killed: the lock is known for one that nobody holds any more.
    assert updated(clean.project) == 0
    assert snapshot(clean.project) == clean.done
    assert not lock.exists()


def test_a_lock_of_another_git_is_respected(
    clean: World, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = clean.project / ".git/index.lock"
    lock.touch()
    assert updated(clean.project) == 1
    assert "Another git process is at work" in capsys.readouterr().err
    assert lock.exists()
    assert snapshot(clean.project) == clean.before
    lock.unlink()
    assert updated(clean.project) == 0
    assert snapshot(clean.project) == clean.done


@pytest.mark.parametrize(
    "step", [3, 12, *(pytest.param(m, marks=pytest.mark.slow) for m in (6, 9, 15, 18, 21, 24))]
)
def test_a_commit_meanwhile_is_not_lost(step: int, clean: World) -> None:
    """Git cannot commit while the index is locked; before that, the update gives way."""
    commit = "echo theirs > theirs.txt; git add theirs.txt; git commit --quiet --message theirs"
    done = at_step(step, commit, "update", cwd=clean.project)
    if git("log", "--max-count=1", "--format=%s", cwd=clean.project) == "theirs":
        assert done.returncode == 1
        assert "Somebody committed to" in done.stderr
        assert not waits(clean.project)
        assert git("status", "--porcelain", "-uno", cwd=clean.project) == ""
    else:
        assert done.returncode == 0, done.stderr
    assert (clean.project / "theirs.txt").read_text() == "theirs\n"


@pytest.mark.parametrize(
    "step", [1, 29, *(pytest.param(m, marks=pytest.mark.slow) for m in range(5, 61, 4) if m != 29)]
)
def test_an_edit_meanwhile_is_not_lost(step: int, clean: World) -> None:
    """An editor saves a file that the update changes, by replacing it, at any step."""
    edit = "cp -p part/stays.txt edited; echo edited >> edited; mv edited part/stays.txt"
    done = at_step(step, edit, "update", cwd=clean.project)
    assert "edited\n" in (clean.project / "part/stays.txt").read_text()
    if done.returncode == 1:
        assert not waits(clean.project)
        assert git("diff", "--name-only", "HEAD", cwd=clean.project) == "part/stays.txt"
    else:
        assert done.returncode == 0, done.stderr
        assert git("diff", "--name-only", cwd=clean.project) == "part/stays.txt"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A small file system."""
    with small_disk(tmp_path / "disk", "4m") as folder:
        yield folder


def fill(disk: Path, *, but: int) -> Path:
    """Leave so many bytes free on a file system; returns the file that fills the rest."""
    facts = os.statvfs(disk)
    filler = disk / "filler"
    with filler.open("wb") as handle:
        os.posix_fallocate(handle.fileno(), 0, facts.f_bavail * facts.f_frsize - but)
    assert os.statvfs(disk).f_bavail * facts.f_frsize == but
    return filler


@pytest.mark.slow
def test_a_full_disk_at_any_moment(
    clean: World, disk: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    codes = []
    for number, free in enumerate(range(4096, 65 * 4096, 4 * 4096)):
        project = copied(clean.project, disk / str(number))
        git("prune", "--expire=now", cwd=project)  # the new objects, which it has already
        filler = fill(disk, but=free)
        codes.append(updated(project))
        if codes[-1]:
            assert codes[-1] == 3
            assert snapshot(project) == clean.before, free
            said = capsys.readouterr().err
            assert "No space left on device" in said or "cannot be written" in said, free
            assert not waits(project)
            filler.unlink()
            assert updated(project) == 0
        assert snapshot(project) == clean.done, free
        filler.unlink(missing_ok=True)
        shutil.rmtree(project)
    assert codes == sorted(codes, reverse=True)
    assert {0, 3} == set(codes)


@pytest.mark.parametrize("name", ["clean", "conflict"])
def test_going_back_needs_no_room(name: str, worlds: dict[str, World], disk: Path) -> None:
    world = worlds[name]
    project = copied(world.project, disk / "project")
    world.apply(project)
    fill(disk, but=0)
    assert updated(project, abort=True) == 0
    assert snapshot(project) == world.before


HOOKS = ["post-checkout", "pre-commit", "post-index-change", "reference-transaction",
         "post-merge", "post-applypatch", "fsmonitor-watchman"]  # fmt: skip


def test_hooks_have_no_say(clean: World, tmp_path: Path) -> None:
    """They neither run nor stop anything, wherever they are configured."""
    for folder in (clean.project / ".git/hooks", tmp_path / "hooks"):
        for hook in HOOKS:
            write(folder, {hook: "#!/bin/sh\necho here > ran.txt\nexit 1\n"})
    git("config", "core.hooksPath", str(tmp_path / "hooks"), cwd=clean.project)
    assert updated(clean.project) == 0
    assert snapshot(clean.project) == clean.done
    assert updated(clean.project, abort=True) == 0
    assert snapshot(clean.project) == clean.before


def test_what_git_does_not_know_is_not_in_the_way_for_long(
    clean: World, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is in the way stays as it is, and the update waits until it is gone."""
    for path, text in {"new.txt": "untracked\n", "new/deep/new.txt": "untracked too\n"}.items():
        write(clean.project, {path: text})
        before = snapshot(clean.project)
        assert updated(clean.project) == 1
        assert f"{path} is in the way" in capsys.readouterr().err
        assert snapshot(clean.project) == before
        (clean.project / path).unlink()
    assert updated(clean.project) == 0
    assert snapshot(clean.project) == clean.done


def test_an_ignored_file_in_the_way_stays_too(
    clean: World, capsys: pytest.CaptureFixture[str]
) -> None:
    (clean.project / ".git/info").mkdir(exist_ok=True)
    (clean.project / ".git/info/exclude").write_text("new.txt\n")
    write(clean.project, {"new.txt": "ignored\n"})
    before = snapshot(clean.project)
    assert updated(clean.project) == 1
    assert "new.txt is in the way" in capsys.readouterr().err
    assert snapshot(clean.project) == before


def make_folder(project: Path) -> str:
    write(project, {"new.txt/mine.txt": "mine\n"})
    return "new.txt is in the way"


def make_pipe(project: Path) -> str:
    os.mkfifo(project / "new.txt")
    return "new.txt is in the way"


def make_file_for_a_folder(project: Path) -> str:
    write(project, {"new": "a file\n"})
    return "new/deep/new.txt cannot be written: new is no folder"


def make_link_out(project: Path) -> str:
    (project.parent / "outside").mkdir()
    (project / "new").symlink_to("../outside")
    return "new/deep/new.txt cannot be written: new is no folder"


def make_link_to_nothing(project: Path) -> str:
    (project / "new").symlink_to("../nothing")
    return "new/deep/new.txt cannot be written: new is no folder"


def keep_something_in_a_folder_that_becomes_a_file(project: Path) -> str:
    write(project, {"folder-to-file/deep/mine.txt": "mine\n"})
    return "folder-to-file is in the way"


@pytest.mark.parametrize(
    "make",
    [
        make_folder, make_pipe, make_file_for_a_folder, make_link_out, make_link_to_nothing,
        keep_something_in_a_folder_that_becomes_a_file,
    ],
)  # fmt: skip
def test_whatever_is_in_the_way_stays(
    make: Callable[[Path], str], clean: World, capsys: pytest.CaptureFixture[str]
) -> None:
    problem = make(clean.project)
    before = snapshot(clean.project)
    assert updated(clean.project) == 1
    assert problem in capsys.readouterr().err
    assert snapshot(clean.project) == before
    assert not waits(clean.project)
    if (clean.project.parent / "outside").exists():
        assert not list((clean.project.parent / "outside").iterdir())


def test_a_folder_keeps_what_is_yours_in_it(clean: World) -> None:
    write(clean.project, {"gone/deep/mine.txt": "mine\n", "new/mine.txt": "mine\n"})
    before = snapshot(clean.project)
    assert updated(clean.project) == 0
    assert not (clean.project / "gone/deep/old.txt").exists()
    assert (clean.project / "gone/deep/mine.txt").read_text() == "mine\n"
    assert updated(clean.project, abort=True) == 0
    assert snapshot(clean.project) == before


@pytest.mark.parametrize("flag", ["--assume-unchanged", "--skip-worktree"])
def test_an_edit_that_git_was_told_to_overlook_is_not_lost(
    flag: str, clean: World, capsys: pytest.CaptureFixture[str]
) -> None:
    git("update-index", flag, "run", "README.md", cwd=clean.project)
    write(clean.project, {"run": "#!/bin/sh\necho ours\n"})
    before = snapshot(clean.project)
    assert updated(clean.project) == 1
    assert "run has changes that are not committed" in capsys.readouterr().err
    assert snapshot(clean.project) == before


@pytest.fixture
def read_only(clean: World) -> Iterator[Path]:
    """A folder of the project that cannot be written."""
    folder = clean.project / "part"
    mounted = subprocess.run(
        ["mount", "--bind", folder, folder], check=False, capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"mounting a file system needs root: {mounted.stderr.strip()}")
    subprocess.run(["mount", "-o", "remount,bind,ro", folder], check=True)
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_folder_that_cannot_be_written_is_left_as_it_is(
    clean: World, read_only: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert updated(clean.project) == 3
    assert f"{read_only}/old.txt cannot be written: " in capsys.readouterr().err
    assert snapshot(clean.project) == clean.before
    assert not waits(clean.project)


def test_started_in_a_folder_that_goes(clean: World) -> None:
    """A shell must not be left in a folder that is no more; git keeps that one, too."""
    done = scaffold("update", "../..", cwd=clean.project / "gone/deep")
    assert done.returncode == 0, done.stderr
    assert list((clean.project / "gone/deep").iterdir()) == []
    done = scaffold("update", "../..", "--abort", cwd=clean.project / "gone/deep")
    assert done.returncode == 0, done.stderr
    assert snapshot(clean.project) == clean.before


def test_what_was_edited_since_is_kept_when_going_back(
    conflict: World, capsys: pytest.CaptureFixture[str]
) -> None:
    for decided in ("decided\n", "decided again\n"):
        conflict.apply(conflict.project)
        write(conflict.project, {"README.md": decided, "new.txt": decided, "run": "#!/bin/sh -e\n"})
        (conflict.project / "moved/there.txt").unlink()
        assert updated(conflict.project, abort=True) == 0
        assert "What you edited since is kept: new.txt, README.md." in capsys.readouterr().err
        assert snapshot(conflict.project) == conflict.before
    aside = conflict.project / ".git/scaffold-aborted"
    assert (aside / "README.md").read_text() == "decided\n"
    assert (aside / "README.md~").read_text() == "decided again\n"


def test_nothing_behind_a_link_is_touched_when_going_back(clean: World) -> None:
    """Somebody moved folders away since, and left links to them."""
    clean.apply(clean.project)
    outside = clean.project.with_name("outside")
    outside.mkdir()
    for name in ("new", "moved", "part", "gone"):
        if (clean.project / name).exists():
            (clean.project / name).rename(outside / name)
        (outside / name).mkdir(exist_ok=True)
        (clean.project / name).symlink_to(outside / name)
    there = work_tree(outside)
    assert updated(clean.project, abort=True) == 0
    assert work_tree(outside) == there
    now, before = work_tree(clean.project), contents(clean.before)
    assert {path: now[path] for path in before if path != "part"} == {
        path: before[path] for path in before if path != "part"
    }


def test_a_plain_commit_or_reset_ends_an_update(clean: World) -> None:
    clean.apply(clean.project)
    git("reset", "--hard", "--quiet", cwd=clean.project)
    assert updated(clean.project, abort=True) == 2  # nothing waits
    assert updated(clean.project) == 0
    commit_all(clean.project)
    assert updated(clean.project, abort=True) == 2
    assert updated(clean.project) == 0  # at the newest already
    assert git("status", "--porcelain", "-uno", cwd=clean.project) == ""


def test_half_an_update_that_somebody_committed_is_over(
    clean: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Git says to remove its lock; whoever does that and commits is not stuck with it."""
    half = halfway(clean, tmp_path)
    (half / ".git/index.lock").unlink()
    git("add", "notes.txt", cwd=half)
    assert updated(half, resume=True) == 1
    assert "index was changed meanwhile" in capsys.readouterr().err
    commit_all(half)
    assert updated(half, abort=True) == 2
    assert updated(half) in (0, 1)
    assert "interrupted" not in capsys.readouterr().err


# Where projects live, and how git is set up there.


def linked_work_tree(project: Path) -> Path:
    git("worktree", "add", "--quiet", "-b", "side", "../linked", cwd=project)
    return project.parent / "linked"


def submodule(project: Path) -> Path:
    outer = project.parent / "outer"
    outer.mkdir()
    git("init", "--quiet", cwd=outer)
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(project), "inner",
        cwd=outer)  # fmt: skip
    commit_all(outer)
    return outer / "inner"


def shallow_clone(project: Path) -> Path:
    (project / "more.txt").write_text("more\n")
    git("add", "more.txt", cwd=project)
    git("commit", "--quiet", "--message", "more", cwd=project)
    git("clone", "--quiet", "--depth=1", project.as_uri(), "../shallow", cwd=project)
    return project.parent / "shallow"


def shared_clone(project: Path) -> Path:
    git("clone", "--quiet", "--shared", str(project), "../shared", cwd=project)
    return project.parent / "shared"


def another_git_folder(project: Path) -> Path:
    git("init", "--quiet", "--separate-git-dir=../git folder", cwd=project)
    return project


def index_version_4(project: Path) -> Path:
    git("update-index", "--index-version=4", cwd=project)
    return project


def split_index(project: Path) -> Path:
    git("config", "core.splitIndex", "true", cwd=project)
    git("update-index", "--split-index", cwd=project)
    return project


def many_settings(project: Path) -> Path:
    for setting in (
        "core.untrackedCache=true", "core.fsmonitor=false", "core.preloadIndex=true",
        "feature.manyFiles=true", "core.quotePath=true", "status.showUntrackedFiles=no",
        "commit.gpgSign=true", "merge.renames=false", "diff.external=false",
        "core.logAllRefUpdates=always", "color.ui=always", "apply.whitespace=fix",
        "advice.statusHints=false", "diff.noprefix=true", "status.short=true", "gc.auto=1",
    ):  # fmt: skip
        git("config", *setting.split("="), cwd=project)
    git("update-index", "--untracked-cache", cwd=project)
    git("status", cwd=project)
    return project


@pytest.mark.parametrize(
    "place",
    [
        linked_work_tree, submodule, shallow_clone, shared_clone, another_git_folder,
        index_version_4, split_index, many_settings,
    ],
)  # fmt: skip
def test_wherever_a_project_is(place: Callable[[Path], Path], clean: World) -> None:
    project = place(clean.project)
    before = snapshot(project)
    assert updated(project) == 0
    done = snapshot(project)
    assert git("diff", "--name-only", cwd=project) == ""
    assert updated(project, abort=True) == 0
    assert snapshot(project) == before
    assert updated(project) == 0
    assert snapshot(project) == done
    git("-c", "commit.gpgSign=false", "commit", "--quiet", "--message", "done", cwd=project)
    assert git("status", "--porcelain", "--untracked-files=no", cwd=project) == ""
    for path in ("README.md", "file-to-folder/inside.txt", "folder-to-file", "run", "new.txt"):
        assert (project / path).read_bytes() == contents(clean.done)[path][1]
    git("fsck", "--strict", cwd=project)


def contents(snapshot: tuple[object, ...]) -> dict[str, tuple[int, bytes]]:
    found = snapshot[0]
    assert isinstance(found, dict)
    return found


def test_a_linked_work_tree_on_another_disk(clean: World, disk: Path) -> None:
    project = disk / "linked"
    git("worktree", "add", "--quiet", "-b", "side", str(project), cwd=clean.project)
    before = snapshot(project)
    assert updated(project) == 0
    assert (project / "new.txt").exists()
    assert git("status", "--porcelain", cwd=project).count("?") == 0
    assert updated(project, abort=True) == 0
    assert snapshot(project) == before
    assert updated(project) == 0
    git("commit", "--quiet", "--message", "done", cwd=project)
    assert updated(project) == 0
    assert not (project / ".scaffold-update").exists()


def test_objects_named_by_sha256(source: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    project.mkdir()
    git("init", "--quiet", "--object-format=sha256", cwd=project)
    repository(source, project)
    lived_in(project)
    before = snapshot(project)
    assert updated(project) == 0
    assert (project / "new.txt").exists()
    assert updated(project, abort=True) == 0
    assert snapshot(project) == before


def as_checked_out(project: Path) -> dict[str, tuple[int, bytes]]:
    """Commit, and let git write every file anew."""
    git("commit", "--quiet", "--allow-empty", "--message", "done", cwd=project)
    assert git("status", "--porcelain", cwd=project) == ""
    git("rm", "--quiet", "-r", "--cached", ".", cwd=project)
    git("reset", "--hard", "--quiet", cwd=project)
    return work_tree(project)


@pytest.mark.parametrize(
    ("attributes", "settings"),
    [
        ("", ["core.autocrlf=true"]),
        ("", ["core.autocrlf=input"]),
        ("* text eol=crlf\n", []),
        ("* text=auto\n*.txt eol=crlf\nREADME.md eol=lf\n", ["core.eol=crlf"]),
        ("*.md filter=caesar\nnew/* filter=caesar\n",
         ["filter.caesar.smudge=tr A-Z N-ZA-M", "filter.caesar.clean=tr A-Z N-ZA-M",
          "filter.caesar.required=true"]),
        ("*.txt working-tree-encoding=UTF-16\n", []),
    ],
)  # fmt: skip
@pytest.mark.parametrize("owner", ["project", "template"])
def test_files_are_as_git_would_have_checked_them_out(
    owner: str, attributes: str, settings: list[str], tmp_path: Path
) -> None:
    """Whether the project has the attributes already, or the update brings them."""
    upper = {"run": "#!/bin/sh\n", "new/deep.txt": "ABC\n", "README.md": "ABC\nABD\n", **ANSWERS}
    lower = {"run": "#!/bin/sh\n", "old/deep.txt": "AB\n", "README.md": "ABC\n", **ANSWERS}
    theirs = {".gitattributes.jinja": attributes} if owner == "template" else {}
    source = template(tmp_path / "template", lower, {**upper, **theirs})
    project = repository(source, tmp_path / "project")
    for setting in settings:
        git("config", *setting.split("="), cwd=project)
    if owner == "project":
        write(project, {".gitattributes": attributes})
        git("add", ".gitattributes", cwd=project)
        git("commit", "--quiet", "--message", "attributes", cwd=project)
        git("rm", "--quiet", "-r", "--cached", ".", cwd=project)
        git("reset", "--hard", "--quiet", cwd=project)
    before = snapshot(project)
    assert updated(project) == 0
    assert updated(project, abort=True) == 0
    assert snapshot(project) == before
    assert updated(project) == 0
    changed = work_tree(project)
    now = as_checked_out(project)
    assert {path: now[path] for path in ("new/deep.txt", "README.md")} == {
        path: changed[path] for path in ("new/deep.txt", "README.md")
    }


@pytest.mark.parametrize("autocrlf", ["false", "true"])
def test_line_ends_that_a_project_has_stay_when_an_update_sets_them(
    autocrlf: str, tmp_path: Path
) -> None:
    """What git has with CRLF it leaves alone, where a file is not plainly said to be text."""
    ours = {**ANSWERS, "README.md": LINES, "other.txt": LINES}
    attributes = (ROOT / "template/project/.gitattributes").read_text()
    new = {"README.md": f"{LINES}The end.\n", ".gitattributes.jinja": attributes}
    source = template(tmp_path / "template", ours, {**ours, **new})
    project = repository(source, tmp_path / "project")
    write(project, dict.fromkeys(("README.md", "other.txt"), LINES.replace("\n", "\r\n")))
    commit_all(project)
    git("config", "core.autocrlf", autocrlf, cwd=project)
    assert updated(project) == 0
    assert git("diff", "--numstat", cwd=project) == ""
    assert "1\t0\tREADME.md" in git("diff", "--cached", "--numstat", cwd=project).splitlines()
    changed = work_tree(project)
    assert b"The end.\r\n" in changed["README.md"][1]
    git("commit", "--quiet", "--message", "Update", cwd=project)
    for path in changed:
        (project / path).touch()  # so that git looks into it
    assert git("status", "--porcelain", cwd=project) == ""
    assert as_checked_out(project) == changed


def test_any_bytes_are_a_name(tmp_path: Path) -> None:
    """A change of the template follows a file to whatever somebody calls it."""
    names = [os.fsdecode(name) for name in (b"\xff\xfe", b'"quoted"', b"a\nb", b"tab\t", b"\\")]
    texts = {f"{number}.txt": f"{number}\n{LINES}" for number in range(len(names))}
    source = template(
        tmp_path / "template",
        {**ANSWERS, **texts},
        {**ANSWERS, **{name: f"{text}the end\n" for name, text in texts.items()}},
    )
    project = repository(source, tmp_path / "project")
    for old, new in zip(texts, names, strict=True):
        (project / old).rename(project / new)
    commit_all(project)
    before = snapshot(project)
    assert updated(project) == 0
    for old, new in zip(texts, names, strict=True):
        assert (project / new).read_text() == f"{texts[old]}the end\n"
    assert updated(project, abort=True) == 0
    assert snapshot(project) == before


def test_a_sparse_checkout_stays_one(clean: World) -> None:
    git("sparse-checkout", "set", "src", "part", cwd=clean.project)
    before = snapshot(clean.project)
    assert updated(clean.project) == 0
    assert updated(clean.project, abort=True) == 0
    assert work_tree(clean.project) == contents(before)
    assert git("status", "--porcelain", "-uno", cwd=clean.project) == ""


@pytest.mark.parametrize(
    ("attributes", "settings"),
    [
        ("* text\n", []),
        ("*.txt filter=caesar\n",
         ["filter.caesar.smudge=tr a-z n-za-m", "filter.caesar.clean=tr a-z n-za-m"]),
    ],
)  # fmt: skip
def test_what_is_staged_is_what_git_add_would_stage(
    attributes: str, settings: list[str], tmp_path: Path
) -> None:
    """Line ends and filters (LFS is one) make a difference between a file and what git keeps."""
    one = {**ANSWERS, "old.txt": "one\r\n" + LINES}
    two = {**ANSWERS, "old.txt": "two\r\n" + LINES, "new.txt": "new\r\n"}
    source = template(tmp_path / "template", one, two)
    project = fresh(source, tmp_path / "project", "v1.0.0")
    write(project, {".gitattributes": attributes})
    git("init", "--quiet", cwd=project)
    for setting in settings:
        git("config", *setting.split("="), cwd=project)
    commit_all(project)
    assert updated(project) == 0
    assert git("diff", "--name-only", cwd=project) == ""
    staged = git("ls-files", "--stage", cwd=project)
    git("rm", "-r", "--quiet", "--cached", ".", cwd=project)
    git("add", "--all", cwd=project)
    assert git("ls-files", "--stage", cwd=project) == staged
