"""What deploys and rollbacks do, on every host alike."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import Render
from table import shown
from vendors import VENDORS
from vendors.base import SECRET, Fault, Machine, Vendor

FAILURES = {
    "sick": "an unhealthy deploy is rolled back",
    "doomed": "a deploy that the host gives up on leaves what ran",
}
KINDS = {
    "429": "429 Too Many Requests",
    "500": "500 Internal Server Error",
    "hang": "an answer that comes too late",
    "drop": "a connection that breaks after the call",
}


@pytest.fixture(params=VENDORS, ids=lambda vendor: vendor.title)
def at(request: pytest.FixtureRequest, render: Render, tmp_path: Path) -> Iterator[Machine]:
    """A new service on each host."""
    vendor: Vendor = request.param()
    with vendor.serving():
        yield Machine.new(vendor, render, tmp_path)


@pytest.mark.slow
def test_the_first_deploy_runs(at: Machine) -> None:
    commit = at.commit("v1.0.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 0, done.stderr
    assert at.vendor.running() == commit
    assert f"live runs {commit}" in done.stderr
    shown(at, "a first deploy runs")


@pytest.mark.slow
def test_a_first_deploy_that_is_sick_has_nothing_to_go_back_to(at: Machine) -> None:
    at.vendor.sick = {at.commit("v1.0.0")}
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "live has no earlier release to restore" in done.stderr
    shown(at, "a first deploy that fails says that there is nothing to go back to")


@pytest.mark.slow
def test_a_good_deploy_replaces_the_one_before(at: Machine) -> None:
    at.deploy("v1.0.0")
    newest = at.deploy("v1.1.0")
    done = at.run("ops/releases", "live")
    assert done.returncode == 0, done.stderr
    head, first, second = done.stdout.splitlines()
    assert head.split() == ["VERSION", "COMMIT", "TIME", "HOW", "RELEASE", "BY"]
    assert first.startswith(f"* v1.1.0           {newest[:7]}")
    assert second.startswith("  v1.0.0 ")
    shown(at, "a good deploy replaces the one before")


@pytest.mark.parametrize("how", ["sick", pytest.param("doomed", marks=pytest.mark.slow)])
def test_a_bad_deploy_is_rolled_back(at: Machine, how: str) -> None:
    good = at.deploy("v1.0.0")
    bad = at.commit("v1.1.0")
    setattr(at.vendor, how, {bad})
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert at.vendor.running() == good
    assert f"live runs {good} again" in done.stderr
    shown(
        at,
        {
            "sick": "an unhealthy deploy is rolled back",
            "doomed": "a deploy that the host gives up on leaves what ran",
        }[how],
    )


@pytest.mark.slow
def test_rollbacks_go_further_back_each_time(at: Machine) -> None:
    first, second, _ = (at.deploy(tag) for tag in ("v1.0.0", "v1.1.0", "v1.2.0"))
    for target in (second, first):
        done = at.run("ops/rollback", "live")
        assert done.returncode == 0, done.stderr
        assert at.vendor.running() == target
    done = at.run("ops/rollback", "live")
    assert done.returncode == 1
    assert f"live has no release before {first}" in done.stderr
    assert at.vendor.running() == first
    shown(at, "two rollbacks in a row go two releases back")


@pytest.mark.slow
def test_a_rollback_goes_to_a_tag_and_a_deploy_after_it_takes_over(at: Machine) -> None:
    first, *_ = (at.deploy(tag) for tag in ("v1.0.0", "v1.1.0", "v1.2.0"))
    done = at.run("ops/rollback", "live", "v1.0.0")
    assert done.returncode == 0, done.stderr
    assert at.vendor.running() == first
    newest = at.deploy("v1.3.0")
    assert at.vendor.running() == newest
    shown(at, "a rollback to a tag, and a deploy after it")


@pytest.mark.slow
def test_with_one_release_there_is_none_to_roll_back_to(at: Machine) -> None:
    only = at.deploy("v1.0.0")
    before = at.vendor.changes()
    done = at.run("ops/rollback", "live")
    assert done.returncode == 1
    assert f"live has no release before {only}" in done.stderr
    assert at.vendor.changes() == before
    shown(at, "with one release there is none to roll back to")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["429", "500", "hang"])
def test_a_question_that_goes_wrong_is_asked_again(at: Machine, kind: Any) -> None:
    at.vendor.faults = [Fault(at.vendor.asks, kind, times=2)]
    at.deploy("v1.0.0")
    assert not at.vendor.faults[0].times, "it happened"
    shown(at, f"a question is asked again after {KINDS[kind]}")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["429", "500", "hang", "drop"])
def test_a_deploy_that_goes_wrong_leaves_what_ran(at: Machine, kind: Any) -> None:
    good = at.deploy("v1.0.0")
    at.commit("v1.1.0")
    at.vendor.faults = [Fault(at.vendor.deploys, kind)]
    done = at.run("ops/deploy", "live")
    assert not at.vendor.faults[0].times, "it happened"
    assert done.returncode == 1, done.stderr
    assert f"live runs {good} again" in done.stderr
    assert at.vendor.running() == good
    shown(at, f"a deploy that meets {KINDS[kind]} leaves what ran")


@pytest.mark.slow
def test_a_token_that_expired_changes_nothing(at: Machine) -> None:
    good = at.deploy("v1.0.0")
    before = at.vendor.changes()
    at.commit("v1.1.0")
    name = next(name for name in at.vendor.environment() if at.environment[name] == SECRET)
    expired: dict[str, Any] = {name: "expired"}
    done = at.run("ops/deploy", "live", **expired)
    assert done.returncode == 1
    assert "nothing was changed" in done.stderr or "nothing was deployed" in done.stderr
    assert at.vendor.changes() == before
    assert at.vendor.running() == good
    shown(at, "an expired token changes nothing")


@pytest.mark.slow
def test_a_deploy_that_was_killed_before_its_record_is_done_again(at: Machine) -> None:
    first = at.deploy("v1.0.0")
    newest = at.commit("v1.1.0")
    smoke = at.project / "ops/smoke"
    text = smoke.read_text()
    started = at.bin.parent / "started"
    smoke.write_text(text.split("\n", 1)[0] + f"\ntouch {started}\nsleep 60\n")
    at.git("update-index", "--assume-unchanged", "ops/smoke")
    with subprocess.Popen(
        ["ops/deploy", "live"], cwd=at.project, env=at.environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
    ) as deploy:  # fmt: skip
        wait_until(started.exists)
        os.killpg(deploy.pid, signal.SIGKILL)
    assert at.vendor.running() == newest, "it runs, and nobody knows whether it is good"
    smoke.write_text(text)

    listed = at.run("ops/releases", "live")
    assert "unproven" in listed.stdout
    at.vendor.sick = {newest}
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "took over the lock of live" in done.stderr
    assert at.vendor.running() == first, "the last that passed, not the last that ran"
    at.vendor.sick = set()
    assert at.run("ops/deploy", "live").returncode == 0
    assert at.vendor.running() == newest
    shown(at, "killed between deploy and record, then deployed again")


@pytest.mark.slow
@pytest.mark.parametrize("vendor", [kind() for kind in VENDORS], ids=lambda it: it.title)
def test_all_of_it_runs_in_the_shell_of_busybox(
    vendor: Vendor, render: Render, tmp_path: Path
) -> None:
    with vendor.serving():
        at = Machine.new(vendor, render, tmp_path, "busybox")
        first, second = at.deploy("v1.0.0"), at.deploy("v1.1.0")
        bad = at.commit("v1.2.0")
        vendor.sick = {bad}
        failed = at.run("ops/deploy", "live")
        assert failed.returncode == 1
        assert f"live runs {second} again" in failed.stderr
        vendor.sick = AllBut(second)
        drilled = at.run("ops/drill", "live", "--yes-live")
        assert drilled.returncode == 0, drilled.stderr
        vendor.sick = set()
        done = at.run("ops/rollback", "live")
        assert done.returncode == 0, done.stderr
        assert vendor.running() == first
        assert at.run("ops/releases", "live").stdout.splitlines()[1].startswith("* v1.0.0 ")
    shown(at, "all of it in the shell of BusyBox")


def wait_until(true: Callable[[], bool]) -> None:
    """Wait until something is true, at most 20 seconds."""
    deadline = time.monotonic() + 20
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class AllBut(set[str]):
    """Every commit but one."""

    def __init__(self, good: str) -> None:
        self.good = good

    def __contains__(self, commit: object) -> bool:
        """Say whether a commit is none of the good one."""
        return commit != self.good


@pytest.mark.slow
def test_a_drill_shows_that_a_broken_build_makes_way(at: Machine) -> None:
    good = at.deploy("v1.0.0")
    at.vendor.sick = AllBut(good)
    done = at.run("ops/drill", "live", "--yes-live")
    assert done.returncode == 0, done.stderr
    assert at.vendor.running() == good
    [file] = (at.project / "drills").iterdir()
    evidence = json.loads(file.read_text())
    assert (evidence["result"], evidence["good"]) == ("passed", good)
    assert evidence["broken"] != good
    assert [(step["step"], step["exit"]) for step in evidence["steps"]] == [
        ("deploy what runs", 0),
        ("deploy a broken build, see it roll back", 1),
        ("look at version and health", 0),
        ("look at what is recorded", 0),
    ]
    assert at.run("ops/drill", "live", "--last").stdout == file.read_text()
    shown(at, "a drill passes, and leaves its evidence")


@pytest.mark.slow
def test_a_drill_that_fails_says_so(at: Machine) -> None:
    good = at.deploy("v1.0.0")
    at.vendor.sick = {good}
    done = at.run("ops/drill", "live", "--yes-live")
    assert done.returncode == 1
    assert f"the drill failed; ops/releases live says what runs. Then: ops/deploy live {good}" in (
        done.stderr
    )
    [file] = (at.project / "drills").iterdir()
    assert json.loads(file.read_text())["result"] == "failed"
    shown(at, "a drill that fails says so")


@pytest.mark.slow
def test_no_secret_is_told(at: Machine) -> None:
    at.commit("v1.0.0")
    for file in (at.project / "ops").rglob("*"):
        if file.is_file():
            file.write_text(file.read_text().replace("set -eu", "set -eux", 1))
    at.commit("traced")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 0, done.stderr
    logs = "".join(log.read_text() for log in at.bin.parent.glob("*.log"))
    assert SECRET not in done.stdout + done.stderr + logs
    shown(at, "no secret in a trace, a command or a log")
