"""Whatever happens halfway, the destination holds a whole project or nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from conftest import Scaffold, copy_template, small_disk, tree

COMMAND = [sys.executable, "-m", "scaffold", "new", "my-service", "--no-lock"]


def start(folder: Path) -> subprocess.Popen[str]:
    nothing, pipe = subprocess.DEVNULL, subprocess.PIPE
    return subprocess.Popen(
        COMMAND, cwd=folder, stdin=nothing, stdout=nothing, stderr=pipe, text=True
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[str], float]:
    """Give the files of a whole project and the seconds that making it takes."""
    folder = tmp_path_factory.mktemp("whole")
    begin = time.monotonic()
    process = start(folder)
    process.communicate()
    assert process.returncode == 0
    return set(tree(folder / "my-service")), time.monotonic() - begin


@pytest.mark.parametrize(
    "moment", [0, 1, *(pytest.param(moment, marks=pytest.mark.slow) for moment in range(2, 8))]
)
def test_killed_at_any_moment(moment: int, whole: tuple[set[str], float], tmp_path: Path) -> None:
    files, seconds = whole
    process = start(tmp_path)
    time.sleep(random.Random(moment).uniform(0, seconds))  # noqa: S311  # no secret
    process.send_signal(signal.SIGKILL)
    process.communicate()
    destination = tmp_path / "my-service"
    assert not destination.exists() or set(tree(destination)) == files


def interrupted(number: signal.Signals, tmp_path: Path) -> tuple[int, str, str]:
    """Interrupt the command, and give how it ended and what it said.

    The lock file's tool is a stand-in that waits, so that the interrupt comes in the middle.
    """
    (tmp_path / "bin").mkdir()
    npm = tmp_path / "bin/npm"
    npm.write_text(
        '#!/bin/sh\necho $$ >"$STARTED.new" && mv "$STARTED.new" "$STARTED"\nexec sleep 60\n'
    )
    npm.chmod(0o755)
    (tmp_path / "work").mkdir()
    # What started these tests may ignore the signal, as nohup does, and a process inherits that.
    inherited = signal.signal(number, signal.SIG_DFL)
    process = subprocess.Popen(
        COMMAND[:-1],
        cwd=tmp_path / "work",
        env={
            **os.environ,
            "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}",
            "STARTED": str(tmp_path / "started"),
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    signal.signal(number, inherited)
    while not (tmp_path / "started").exists():
        assert process.poll() is None
        time.sleep(0.02)
    assert [path.name[:12] for path in (tmp_path / "work").iterdir()] == [".my-service-"]
    for _ in range(5):  # as a terminal does for Ctrl-C, and an impatient person
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        time.sleep(0.01)
    out, err = process.communicate(timeout=10)
    # One that ended is there, by its number, until whoever takes over orphans has looked.
    ps = ["ps", "-o", "stat=", "-p", (tmp_path / "started").read_text().strip()]
    state = subprocess.run(ps, check=False, capture_output=True, text=True).stdout
    assert state[:1] in ("", "Z")
    return process.returncode, out, err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_ended_it_leaves_nothing_at_all(number: signal.Signals, tmp_path: Path) -> None:
    code, out, err = interrupted(number, tmp_path)
    assert code == 130
    assert out == ""
    assert err.strip() == "Left; nothing was written."
    assert list((tmp_path / "work").iterdir()) == []


def test_ctrl_c_skips_a_lock_file_that_takes_long(tmp_path: Path) -> None:
    """Once or, as by somebody impatient, several times."""
    code, out, err = interrupted(signal.SIGINT, tmp_path)
    assert code == 0
    assert "a first commit" in out
    assert err.splitlines()[0] == "Note: npm was stopped, so there is no package-lock.json yet."
    files = set(tree(tmp_path / "work/my-service"))
    assert "package.json" in files
    assert "package-lock.json" not in files


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for half a project."""
    with small_disk(tmp_path / "disk", "64k") as folder:
        yield folder


def test_a_full_disk_leaves_nothing_behind(scaffold: Scaffold, disk: Path) -> None:
    done = scaffold("new", "my-service", "--no-lock", "--no-git", cwd=disk)
    assert done.returncode == 3, done.stderr
    assert "cannot be written: No space left on device." in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert list(disk.iterdir()) == []


def test_a_full_disk_under_the_cache_is_no_hindrance(
    scaffold: Scaffold, disk: Path, tmp_path: Path
) -> None:
    (tmp_path / "work").mkdir()
    done = scaffold(
        "new", "my-service", "--no-lock", cwd=tmp_path / "work", XDG_CACHE_HOME=str(disk)
    )
    assert done.returncode == 0, done.stderr


def test_a_folder_that_may_not_be_written_is_said_so(scaffold: Scaffold) -> None:
    done = scaffold("new", "my-service", "--no-lock", "--no-git", "--into", "/proc")
    assert done.returncode == 3
    assert len(done.stderr.splitlines()) == 2
    assert "my-service cannot be written" in done.stderr


def test_a_cache_that_cannot_be_used_is_done_without(scaffold: Scaffold, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    done = scaffold("new", "my-service", "--no-lock", XDG_CACHE_HOME=str(tmp_path / "file"))
    assert done.returncode == 0, done.stderr


def test_the_cache_does_not_grow_with_every_clone(scaffold: Scaffold, tmp_path: Path) -> None:
    sizes = []
    for name in ("first", "second"):
        copy_template(tmp_path / name)
        done = scaffold(
            "new", f"{name}-service", "--no-lock", "--template", name,
            XDG_CACHE_HOME=str(tmp_path / "cache"),
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        sizes.append(len(list((tmp_path / "cache").rglob("*.cache"))))
    assert sizes[0] == sizes[1] > 20


@pytest.mark.slow
def test_several_at_once_make_one_project(tmp_path: Path) -> None:
    """Who comes too late finds the project, or somebody else who is just looking at its folder."""
    processes = [start(tmp_path) for _ in range(4)]
    said = [process.communicate()[1] for process in processes]
    refused = {2: ("appeared meanwhile", "is not an empty folder"), 1: ("is at work in",)}
    codes = [process.returncode for process in processes]
    assert codes.count(0) == 1
    for code, error in zip(codes, said, strict=True):
        assert code == 0 or any(words in error for words in refused[code]), error
        assert code == 0 or len(error.splitlines()) == 2
    assert [path.name for path in tmp_path.iterdir()] == ["my-service"]
    status = subprocess.check_output(["git", "status", "--porcelain"], cwd=tmp_path / "my-service")
    assert status == b""


def test_a_cache_that_others_may_write_is_not_run(scaffold: Scaffold, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    scaffold("new", "first", "--no-lock", XDG_CACHE_HOME=str(cache))
    (folder,) = (cache / "scaffold").iterdir()
    for compiled in folder.iterdir():
        compiled.unlink()
    folder.chmod(0o777)
    scaffold("new", "second", "--no-lock", XDG_CACHE_HOME=str(cache))
    assert list(folder.iterdir()) == []
