"""What tasks cope with on people's machines: odd settings, hooks, signals and closed pipes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Call, Render, answering
from process import Inside, engine_of
from vendors.base import Machine
from vendors.render import Render as OnRender

LOCKS = "refs/deployments/locks/*"


@pytest.fixture
def at(render: Render, tmp_path: Path) -> Iterator[Machine]:
    """A new service."""
    vendor = OnRender()
    with vendor.serving():
        yield Machine.new(vendor, render, tmp_path)


@pytest.fixture
def inside(tmp_path: Path) -> Iterator[Inside]:
    """The same, with tasks in this process."""
    vendor = OnRender()
    with vendor.serving():
        yield Inside.inside(vendor, tmp_path / "home")


def hook(at: Machine, name: str, text: str) -> None:
    """Give the project a hook, which nobody commits."""
    file = at.project / f"ops/{name}"
    file.write_text(text)
    file.chmod(0o755)


NUMBERS = [
    "POLL_INTERVAL", "DEPLOY_TIMEOUT", "SMOKE_TIMEOUT", "SMOKE_COUNT", "IMAGE_TIMEOUT",
    "LOCK_TIMEOUT",
]  # fmt: skip


@pytest.mark.parametrize("name", NUMBERS)
@pytest.mark.parametrize("number", ["3s", "-1", "nan", "inf"])
def test_a_number_that_is_none_stops_a_task_before_it_begins(
    inside: Inside, name: str, number: str
) -> None:
    inside.commit("v1.0.0")
    told: dict[str, Any] = {name: number}
    done = inside.run("ops/deploy", "live", **told)
    assert done.returncode == 2
    assert f"{name} is to be a number, not '{number}'" in done.stderr
    assert not inside.vendor.changes()


def test_a_release_is_named_by_its_own_tag_not_by_the_candidates(inside: Inside) -> None:
    inside.commit("v1.0.0-rc.1")
    inside.git("tag", "v1.0.0")
    assert inside.run("ops/deploy", "live").returncode == 0
    assert inside.run("ops/releases", "live").stdout.splitlines()[1].startswith("* v1.0.0  ")


@pytest.mark.parametrize("name", ["main", "origin/main", "heads/main"])
def test_no_tag_hides_the_branch(inside: Inside, name: str) -> None:
    inside.commit("v1.0.0")
    inside.git("tag", name)
    inside.git("push", "--quiet", "origin", "refs/heads/main")
    inside.git("remote", "set-head", "origin", "main")
    done = inside.run("git", "symbolic-ref", "--short", "HEAD")
    engine = inside.engine
    engine.at = inside
    before = Path.cwd()
    os.chdir(inside.project)
    try:
        git = engine.git.Git(engine.variables.Settings({}))
        assert (git.branch(), git.default_branch()) == ("main", "main"), done.stdout
    finally:
        os.chdir(before)


def test_who_has_no_name_locks_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    lock = engine_of(("stack", "node"), ("ci", "github"), ("hosting", "render")).lock

    def nobody() -> str:
        raise KeyError("getpwuid(): uid not found: 1234")

    monkeypatch.setattr("getpass.getuser", nobody)
    monkeypatch.setattr("os.getuid", lambda: 1234)
    assert lock.machine() == f"1234@{os.uname().nodename}"


def test_smoke_says_who_calls(inside: Inside) -> None:
    """Cloudflare turns away what calls itself Python-urllib."""
    names = []

    def answer(call: Call) -> tuple[int, bytes]:
        names.append(call.headers["User-Agent"])
        return 200, b'{"status": "ok"}'

    with answering(answer) as url:
        assert inside.run("ops/smoke", url).returncode == 0
    assert set(names) == {"ops"}


def test_a_secret_may_have_been_pasted_with_the_end_of_its_line(inside: Inside) -> None:
    inside.commit("v1.0.0")
    key = inside.environment["RENDER_API_KEY"]
    assert inside.run("ops/deploy", "live", RENDER_API_KEY=f"{key}\n").returncode == 0


def test_a_hook_needs_no_first_line(at: Machine) -> None:
    hook(at, "migrate", 'echo "migrating $1"\n')
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 0, done.stderr
    assert "migrating live" in done.stdout


def test_a_hook_that_cannot_be_run_has_failed(at: Machine) -> None:
    hook(at, "notify", "#!/bin/sh\r\nexit 0\r\n")
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 0, done.stderr
    assert "deploy: ops/notify failed" in done.stderr


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_hook_is_halfway_when_a_signal_comes(at: Machine, tmp_path: Path, how: int) -> None:
    """What it does goes on in any case: until it has ended, nobody else deploys."""
    began, ended = tmp_path / "began", tmp_path / "ended"
    hook(at, "migrate", f"#!/bin/sh\ntouch '{began}'\nsleep 1\ntouch '{ended}'\n")
    at.commit("v1.0.0")
    task = subprocess.Popen(
        ["ops/deploy", "live"], cwd=at.project, env=at.environment, text=True,
        stderr=subprocess.PIPE,
    )  # fmt: skip
    while not began.exists():
        time.sleep(0.02)
    task.send_signal(how)
    assert "interrupted; ops/releases live says what runs" in task.communicate()[1]
    assert task.returncode == 128 + how
    assert ended.exists()
    assert not at.git("ls-remote", "origin", LOCKS)
    assert not at.vendor.changes()


def test_nobody_has_to_listen(at: Machine) -> None:
    good = at.deploy("v1.0.0")
    bad = at.commit("v1.1.0")
    at.vendor.sick = {bad}
    done = at.run("sh", "-c", "{ ops/deploy live; echo $? >../code; } 2>&1 | true")
    assert done.stderr == ""
    assert (at.project.parent / "code").read_text() == "1\n"
    assert at.vendor.running() == good


@pytest.mark.parametrize(("streams", "code"), [("| true", 141), (">&-", 0), ("2>&-", 0)])
def test_a_stream_may_be_closed(at: Machine, streams: str, code: int) -> None:
    at.deploy("v1.0.0")
    done = at.run("sh", "-c", f"{{ ops/releases live; echo $? >../code; }} {streams}")
    assert done.stderr == ""
    assert (at.project.parent / "code").read_text() == f"{code}\n"


def test_a_shim_without_a_python_is_none(at: Machine) -> None:
    at.commit("v1.0.0")
    shims = at.bin.parent / "shims"
    shims.mkdir()
    shim = shims / "python3"
    shim.write_text("#!/bin/sh\necho 'pyenv: version `3.99.0` is not installed' >&2\nexit 1\n")
    shim.chmod(0o755)
    done = at.run("ops/deploy", "live", PATH=f"{shims}:{at.environment['PATH']}")
    assert done.returncode == 3
    assert "  python3: Python 3.9 or newer" in done.stderr


def test_settings_of_git_change_nothing(at: Machine) -> None:
    settings = {
        "column.ui": "always", "color.ui": "always", "log.showSignature": "true",
        "commit.gpgSign": "true", "push.gpgSign": "true", "push.followTags": "true",
        "trailer.separators": "=", "tag.sort": "-refname",
    }  # fmt: skip
    told: dict[str, Any] = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (name, value) in enumerate(settings.items()):
        told |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    commit = at.commit("v1.0.0")
    done = at.run("ops/deploy", "live", **told)
    assert done.returncode == 0, done.stderr
    line = at.run("ops/releases", "live", **told).stdout.splitlines()[1]
    assert line.split()[:3] == ["*", "v1.0.0", commit[:7]]
