"""What passed, and who deploys: refs of a real remote. On one host, as it is the same on all."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Render
from process import Inside
from vendors.base import Machine
from vendors.fly import Fly

RECORD = "refs/deployments/live"
LOCK = "refs/deployments/locks/live"


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Inside]:
    """A new service on Fly.io, whose tasks run in this process."""
    vendor = Fly()
    with vendor.serving():
        yield Inside.inside(vendor, tmp_path)


@pytest.fixture(params=["dash", pytest.param("busybox", marks=pytest.mark.slow)])
def machine(request: pytest.FixtureRequest, render: Render, tmp_path: Path) -> Iterator[Machine]:
    """A new service on Fly.io."""
    vendor = Fly()
    with vendor.serving():
        yield Machine.new(vendor, render, tmp_path, request.param)


def remote(at: Machine, ref: str) -> str:
    """Give the commit that a ref of the remote is at, or the empty string."""
    return at.git("ls-remote", "origin", ref).partition("\t")[0]


def lock_as(at: Machine, holder: str, ref: str = LOCK) -> str:
    """Lock the environment as somebody else does, and return the commit of the lock."""
    tree = at.git("hash-object", "-t", "tree", "-w", "/dev/null")
    lock = at.git("commit-tree", tree, "-m", holder)
    at.git("push", "--quiet", "origin", f"{lock}:{ref}")
    return lock


def test_a_release_that_passed_is_a_commit_of_a_ref_that_is_no_branch(at: Inside) -> None:
    first, second = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    assert not remote(at, "refs/heads/*")
    assert not remote(at, LOCK), "nobody deploys any more"
    at.git("fetch", "--quiet", "origin", RECORD)
    newest, older = at.git("log", "--format=%B%x00", "FETCH_HEAD").split("\x00")[:2]
    assert newest.strip().startswith("live: deploy v1.1.0\n\nAction: deploy\n")
    assert f"\nCommit: {second}\n" in newest
    assert f"\nImage: registry.example.com/team/service@sha256:{second}" in newest
    assert f"\nCommit: {first}\n" in older


def test_another_clone_sees_what_this_one_deployed(at: Inside, tmp_path: Path) -> None:
    first, _ = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    at.git("push", "--quiet", "origin", "main", "--tags")
    colleague = tmp_path / "colleague"
    at.git("clone", "--quiet", str(tmp_path / "origin.git"), str(colleague))
    listed = at.run("ops/releases", "live", cwd=colleague)
    assert [line.split()[0] for line in listed.stdout.splitlines()[1:]] == ["*", "v1.0.0"]
    done = at.run("ops/rollback", "live", cwd=colleague)
    assert done.returncode == 0, done.stderr
    assert at.vendor.running() == first


def test_of_two_deploys_the_second_stops_or_waits(at: Inside) -> None:
    at.deploy("v1.0.0")
    newest = at.commit("v1.1.0")
    lock = lock_as(at, "https://ci.example.com/runs/7")
    before = at.vendor.changes()
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    *_, said, what_next = done.stderr.splitlines()
    assert said.startswith(
        "deploy: live is being deployed to by https://ci.example.com/runs/7, since 20"
    )
    unlock = f"git push --no-verify origin --delete {LOCK}"
    assert what_next == f"deploy: wait for it, or if it died: {unlock}"
    assert at.vendor.changes() == before
    assert remote(at, LOCK) == lock, "it is not ours to give back"
    at.clock.meanwhile = lambda: (
        super(Inside, at).run(*unlock.split()) if len(at.clock.slept) == 3 else None
    )
    at.clock.slept.clear()
    done = at.run("ops/deploy", "live", LOCK_TIMEOUT="30")
    assert done.returncode == 0, done.stderr
    assert at.clock.slept[:3] == [3.0] * 3
    assert at.vendor.running() == newest


def test_a_run_that_is_started_again_takes_over_its_own_lock(at: Inside) -> None:
    newest = at.commit("v1.0.0")
    run: dict[str, Any] = {
        "GITHUB_RUN_ID": "7",
        "GITHUB_SERVER_URL": "https://ci",
        "GITHUB_REPOSITORY": "a/b",
    }
    lock_as(at, "https://ci/a/b/actions/runs/7")
    assert at.run("ops/deploy", "live", **{**run, "GITHUB_RUN_ID": "8"}).returncode == 1
    done = at.run("ops/deploy", "live", **run)
    assert done.returncode == 0, done.stderr
    assert at.vendor.running() == newest


def test_a_forge_that_takes_branches_alone_has_all_of_it_below_one(
    at: Inside, tmp_path: Path
) -> None:
    hook = tmp_path / "origin.git/hooks/update"
    hook.write_text("#!/bin/sh\ncase $1 in refs/heads/*) ;; *) exit 1 ;; esac\n")
    hook.chmod(0o755)
    at.commit("v0.9.0")
    refused = at.run("ops/deploy", "live")
    assert refused.returncode == 1
    assert at.vendor.running() == "none", "a lock that is not taken stops it before anything"
    at.environment["RECORD_BRANCH"] = "ops/record"
    lock = "refs/heads/ops/record/locks/live"
    first, second = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    bad = at.commit("v1.2.0")
    at.vendor.sick = {bad}
    failed = at.run("ops/deploy", "live")
    assert f"live runs {second} again" in failed.stderr
    done = at.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert at.vendor.running() == first
    assert remote(at, "refs/heads/ops/record/live")
    assert not remote(at, lock), "nobody deploys any more"
    assert not remote(at, "refs/deployments/*")
    listed = at.run("ops/releases", "live").stdout.splitlines()
    assert [line.split()[1] for line in listed if line.startswith("*")] == ["v1.0.0"]
    assert at.run("ops/rollback", "live", "v1.2.0").returncode == 2, "it never passed"

    lock_as(at, "https://ci.example.com/runs/7", lock)
    before = at.vendor.changes()
    for task in ("deploy", "rollback"):
        stopped = at.run(f"ops/{task}", "live", "v1.1.0")
        assert stopped.returncode == 1
        assert "live is being deployed to by https://ci.example.com/runs/7" in stopped.stderr
        assert f"git push --no-verify origin --delete {lock}" in stopped.stderr
    assert at.vendor.changes() == before


@pytest.mark.parametrize("signal", ["INT", "TERM"])
def test_an_interrupt_gives_the_lock_back_and_says_what_to_look_at(
    machine: Machine, signal: str
) -> None:
    at = machine
    commit = at.commit("v1.0.0")
    smoke = at.project / "ops/smoke"
    first_line = smoke.read_text().split("\n", 1)[0]
    smoke.write_text(f"{first_line}\nkill -{signal} $PPID\nsleep 1\n")
    at.git("commit", "--quiet", "--all", "--message", "interrupt")
    done = at.run("ops/deploy", "live", "v1.0.0")
    assert done.returncode == {"INT": 130, "TERM": 143}[signal]
    assert "interrupted; ops/releases live says what runs" in done.stderr
    assert f"Then: ops/deploy live {commit}, or ops/rollback live" in done.stderr
    assert not remote(at, LOCK)
    assert not remote(at, RECORD)


def test_what_passed_and_could_not_be_recorded_is_a_failure_that_says_so(
    at: Inside, tmp_path: Path
) -> None:
    commit = at.commit("v1.0.0")
    hook = tmp_path / "origin.git/hooks/update"
    hook.write_text(f'#!/bin/sh\n[ "$1" != {RECORD} ] || {{ echo "may not push" >&2; exit 1; }}\n')
    hook.chmod(0o755)
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "cannot push to origin: may not push; " in done.stderr
    assert "(hook declined)" in done.stderr, "why"
    assert f"live runs {commit} and is healthy, which could not be recorded" in done.stderr
    assert f"do it again: ops/deploy live {commit}" in done.stderr
    hook.unlink()
    assert at.run("ops/deploy", "live").returncode == 0
    assert remote(at, RECORD)


def test_a_machine_where_git_knows_no_name_records_too(at: Inside) -> None:
    at.commit("v1.0.0")
    nobody = {
        name: at.environment.pop(name) for name in [*at.environment] if name.startswith("GIT_")
    }
    isolated = {name: nobody[name] for name in ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM")}
    at.environment |= isolated
    at.git("config", "user.useConfigOnly", "true")  # or git makes a name up, on some machines
    done = at.run("ops/deploy", "live", CI="true")
    assert done.returncode == 0, done.stderr
    assert at.run("ops/releases", "live").stdout.splitlines()[1].endswith(" pipeline")


def test_red_tests_stop_no_deploy_and_no_rollback(at: Inside) -> None:
    """`pre-commit install` has git test what is pushed; the record is nobody's work."""
    first = at.deploy("v1.0.0")
    (at.project / "ops/test").write_text("#!/bin/sh\nexit 1\n")
    red = at.commit("v1.1.0")
    assert at.run("pre-commit", "install").returncode == 0
    hooks = at.project / ".git/hooks"
    (hooks / "reference-transaction").write_text("#!/bin/sh\nexit 1\n")
    (hooks / "reference-transaction").chmod(0o755)
    assert at.run("git", "push", "origin", "main").returncode == 1, "the hooks work"
    done = at.run("ops/deploy", "live")
    assert done.returncode == 0, done.stderr
    assert at.vendor.running() == red
    done = at.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert at.vendor.running() == first
    assert not remote(at, LOCK), "it was given back"


def test_the_token_of_a_pipeline_is_read_by_git_alone(at: Inside) -> None:
    at.commit("v1.0.0")
    log = at.stub("git", f'exec {shutil.which("git")} "$@"')
    token = "t0ken-of-a-run"  # noqa: S105 (nobody's)
    done = at.run("ops/deploy", "live", RECORD_TOKEN=token)
    assert done.returncode == 0, done.stderr
    assert token not in log.read_text() + done.stderr
    pushes = [line for line in log.read_text().splitlines() if " push " in line]
    helper = "credential.helper=!echo username=x-access-token"
    assert len(pushes) == 3, "the lock, the record, and the lock again"
    assert all(helper in line for line in pushes)
    given = pushes[0].partition("-c credential.helper= -c ")[2].partition("; :")[0] + "; :"
    asked = subprocess.run(
        ["git", "-c", "credential.helper=", "-c", given, "credential", "fill"],
        env={**at.environment, "RECORD_TOKEN": token},
        input="protocol=https\nhost=example.com\n\n",
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert f"username=x-access-token\npassword={token}\n" in asked


def test_news_goes_to_the_task_that_takes_it_further(at: Inside, tmp_path: Path) -> None:
    notify = at.project / "ops/notify"
    notify.write_text(f"#!/bin/sh\nprintf '%s %s: %s\\n' \"$@\" >>{tmp_path}/news\n")
    notify.chmod(0o755)
    good = at.deploy("v1.0.0")
    bad = at.commit("v1.1.0")
    at.vendor.sick = {bad}
    assert at.run("ops/deploy", "live").returncode == 1
    first, second = (tmp_path / "news").read_text().splitlines()
    assert first == f"live resolved: live runs {good}"
    assert second.startswith(f"live warning: ops/deploy live: live runs {good} again; look at")
    assert bad in second


def test_smoke_wants_the_version_several_times_in_a_row(at: Inside) -> None:
    """Behind a load balancer an old instance may still answer now and then."""
    new, answers = at.commit("v1.0.0"), iter(["new", "new", "old", *["new"] * 9])
    assert isinstance(at.vendor, Fly)
    running = {"new": new, "old": "0" * 40}
    at.vendor.running = lambda: running[next(answers)]  # type: ignore[method-assign]
    done = at.run("ops/smoke", at.vendor.url, new, SMOKE_TIMEOUT="20", SMOKE_COUNT="3")
    assert done.returncode == 0, done.stderr
    assert len(list(answers)) < 6
