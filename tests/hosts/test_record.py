"""What passed, and who deploys: refs of the remote. On one host, as it is the same on all."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Render
from vendors.base import Machine
from vendors.fly import Fly

RECORD = "refs/deployments/live"
LOCK = "refs/deployments/locks/live"


@pytest.fixture(params=["dash", pytest.param("busybox", marks=pytest.mark.slow)])
def at(request: pytest.FixtureRequest, render: Render, tmp_path: Path) -> Iterator[Machine]:
    """A new service on Fly.io."""
    vendor = Fly()
    with vendor.serving():
        yield Machine.new(vendor, render, tmp_path, request.param)


def remote(at: Machine, ref: str) -> str:
    """Give the commit that a ref of the remote is at, or the empty string."""
    return at.git("ls-remote", "origin", ref).partition("\t")[0]


def lock_as(at: Machine, holder: str) -> str:
    """Lock the environment as somebody else does, and return the commit of the lock."""
    tree = at.git("hash-object", "-t", "tree", "-w", "/dev/null")
    lock = at.git("commit-tree", tree, "-m", holder)
    at.git("push", "--quiet", "origin", f"{lock}:{LOCK}")
    return lock


def test_a_release_that_passed_is_a_commit_of_a_ref_that_is_no_branch(at: Machine) -> None:
    first, second = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    assert not remote(at, "refs/heads/*")
    assert not remote(at, LOCK), "nobody deploys any more"
    at.git("fetch", "--quiet", "origin", RECORD)
    newest, older = at.git("log", "--format=%B%x00", "FETCH_HEAD").split("\x00")[:2]
    assert newest.strip().startswith("live: deploy v1.1.0\n\nAction: deploy\n")
    assert f"\nCommit: {second}\n" in newest
    assert f"\nImage: registry.example.com/team/service@sha256:{second}" in newest
    assert f"\nCommit: {first}\n" in older


def test_another_clone_sees_what_this_one_deployed(at: Machine, tmp_path: Path) -> None:
    first, _ = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    at.git("push", "--quiet", "origin", "main", "--tags")
    colleague = tmp_path / "colleague"
    at.git("clone", "--quiet", str(tmp_path / "origin.git"), str(colleague))
    listed = at.run("ops/releases", "live", cwd=colleague)
    assert [line.split()[0] for line in listed.stdout.splitlines()[1:]] == ["*", "v1.0.0"]
    done = at.run("ops/rollback", "live", cwd=colleague)
    assert done.returncode == 0, done.stderr
    assert at.vendor.running() == first


def test_a_version_that_never_passed_is_refused_unless_forced(at: Machine) -> None:
    good = at.deploy("v1.0.0")
    sick = at.commit("v1.1.0")
    at.vendor.sick = {sick}
    assert at.run("ops/deploy", "live").returncode == 1
    before = at.vendor.changes()
    refused = at.run("ops/rollback", "live", "v1.1.0")
    assert refused.returncode == 2
    assert "v1.1.0 never passed in live; these did:\nrollback:   v1.0.0  20" in refused.stderr
    assert at.vendor.changes() == before
    assert at.vendor.running() == good
    at.vendor.sick = set()
    forced = at.run("ops/rollback", "live", "v1.1.0", "--force")
    assert forced.returncode == 0, forced.stderr
    assert at.vendor.running() == sick


def test_a_version_that_the_platform_never_had_cannot_be_forced(at: Machine) -> None:
    at.deploy("v1.0.0")
    at.commit("v1.1.0")
    done = at.run("ops/rollback", "live", "v1.1.0", "--force")
    assert done.returncode == 2
    assert "or deploy it: ops/deploy live v1.1.0" in done.stderr


def test_a_version_that_was_deployed_again_has_the_one_before_it_below(at: Machine) -> None:
    """1.0, 1.1, then 1.0 on purpose: a rollback from there means 1.1."""
    first, second = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    assert at.run("ops/deploy", "live", "v1.0.0").returncode == 0
    assert at.vendor.running() == first
    assert at.run("ops/rollback", "live").returncode == 0
    assert at.vendor.running() == second


def test_what_never_passed_is_left_for_the_last_that_did(at: Machine) -> None:
    good = at.deploy("v1.0.0")
    foreign = "f" * 40
    assert isinstance(at.vendor, Fly)
    image = f"registry.fly.io/app:{foreign}@sha256:{foreign}{'0' * 24}"
    at.vendor.releases.insert(0, {"ImageRef": image, "Status": "complete", "CreatedAt": "-"})
    done = at.run("ops/rollback", "live")
    assert done.returncode == 0, done.stderr
    assert f"rolling live back from {foreign} to {good}" in done.stderr
    assert at.vendor.running() == good


def test_before_anything_is_recorded_what_ran_is_what_is_restored(at: Machine) -> None:
    """What was deployed by other means is deployed by ops/deploy for the first time."""
    foreign = "f" * 40
    assert isinstance(at.vendor, Fly)
    image = f"registry.fly.io/app:{foreign}@sha256:{foreign}{'0' * 24}"
    at.vendor.releases.insert(0, {"ImageRef": image, "Status": "complete", "CreatedAt": "-"})
    at.vendor.sick = {at.commit("v1.0.0")}
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert f"live runs {foreign} again" in done.stderr
    assert at.vendor.running() == foreign
    assert not remote(at, RECORD), "it never passed here"


def test_of_two_deploys_the_second_stops_or_waits(at: Machine) -> None:
    at.deploy("v1.0.0")
    newest = at.commit("v1.1.0")
    lock = lock_as(at, "https://ci.example.com/runs/7")
    before = at.vendor.changes()
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    said, what_next = done.stderr.splitlines()
    assert said.startswith(
        "deploy: live is being deployed to by https://ci.example.com/runs/7, since 20"
    )
    unlock = f"git push --no-verify origin --delete {LOCK}"
    assert what_next == f"deploy: wait for it, or if it died: {unlock}"
    assert at.vendor.changes() == before
    assert remote(at, LOCK) == lock, "it is not ours to give back"
    with subprocess.Popen(
        ["ops/deploy", "live"], cwd=at.project,
        env={**at.environment, "LOCK_TIMEOUT": "30", "POLL_INTERVAL": "0.2"},
        stderr=subprocess.DEVNULL,
    ) as waiting:  # fmt: skip
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(1)
        assert at.run(*unlock.split()).returncode == 0
        assert waiting.wait(30) == 0
    assert at.vendor.running() == newest


def test_a_run_that_is_started_again_takes_over_its_own_lock(at: Machine) -> None:
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


@pytest.mark.parametrize("signal", ["INT", "TERM"])
def test_an_interrupt_gives_the_lock_back_and_says_what_to_look_at(
    at: Machine, signal: str
) -> None:
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
    at: Machine, tmp_path: Path
) -> None:
    commit = at.commit("v1.0.0")
    hook = tmp_path / "origin.git/hooks/update"
    hook.write_text(f'#!/bin/sh\n[ "$1" != {RECORD} ] || {{ echo "may not push" >&2; exit 1; }}\n')
    hook.chmod(0o755)
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "cannot push to origin:  ! [remote rejected]" in done.stderr
    assert "(hook declined)" in done.stderr, "why"
    assert f"live runs {commit} and is healthy, which could not be recorded" in done.stderr
    assert f"do it again: ops/deploy live {commit}" in done.stderr
    hook.unlink()
    assert at.run("ops/deploy", "live").returncode == 0
    assert remote(at, RECORD)


def test_a_machine_where_git_knows_no_name_records_too(at: Machine) -> None:
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


def test_red_tests_stop_no_deploy_and_no_rollback(at: Machine) -> None:
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


def test_without_a_remote_nothing_is_deployed(at: Machine) -> None:
    at.commit("v1.0.0")
    at.git("remote", "remove", "origin")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 3
    assert "git remote add origin" in done.stderr
    assert at.vendor.calls == []


def test_an_uncommitted_edit_is_refused_before_anything_is_called(at: Machine) -> None:
    at.commit("v1.0.0")
    (at.project / "marker").write_text("edited\n")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 2
    assert "commit or stash them" in done.stderr
    assert at.vendor.calls == []


def test_the_token_of_a_pipeline_is_read_by_git_alone(at: Machine) -> None:
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


def test_migrations_come_before_the_deploy_and_stop_it(at: Machine) -> None:
    migrate = at.project / "ops/migrate"
    migrate.write_text('#!/bin/sh\necho "migrating $1" >&2\nexit 1\n')
    migrate.chmod(0o755)
    at.commit("v1.0.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "migrating live" in done.stderr
    assert "nothing was deployed: ops/migrate failed" in done.stderr
    assert at.vendor.changes() == []


def test_news_goes_to_the_task_that_takes_it_further(at: Machine, tmp_path: Path) -> None:
    notify = at.project / "ops/notify"
    notify.write_text(f"#!/bin/sh\nprintf '%s: %s\\n' \"$@\" >>{tmp_path}/news\n")
    notify.chmod(0o755)
    good = at.deploy("v1.0.0")
    bad = at.commit("v1.1.0")
    at.vendor.sick = {bad}
    assert at.run("ops/deploy", "live").returncode == 1
    first, second = (tmp_path / "news").read_text().splitlines()
    assert first == f"live: live runs {good}"
    assert second.startswith(f"live: live runs {good} again; look at the platform's logs for {bad}")


def test_smoke_wants_the_version_several_times_in_a_row(at: Machine) -> None:
    """Behind a load balancer an old instance may still answer now and then."""
    new, answers = at.commit("v1.0.0"), iter(["new", "new", "old", *["new"] * 9])
    assert isinstance(at.vendor, Fly)
    running = {"new": new, "old": "0" * 40}
    at.vendor.running = lambda: running[next(answers)]  # type: ignore[method-assign]
    done = at.run("ops/smoke", at.vendor.url, new, SMOKE_TIMEOUT="20", SMOKE_COUNT="3")
    assert done.returncode == 0, done.stderr
    assert len(list(answers)) < 6
