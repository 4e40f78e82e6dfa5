"""What every host is held to: its module of the engine, in this process, against its stand-in."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from memory import Remembered
from process import Inside
from table import calls, shown
from vendors import VENDORS
from vendors.base import SECRET, AllBut, Fault, Vendor

KINDS = {
    "429": "429 Too Many Requests",
    "500": "500 Internal Server Error",
    "hang": "an answer that comes too late",
    "drop": "a connection that breaks after the call",
}


@pytest.fixture(params=VENDORS, ids=lambda it: it.title)
def at(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Inside]:
    """A new service on each host; no secret is in what its tasks start and say.

    Its repository is in memory, but for tests marked `clone`.
    """
    vendor: Vendor = request.param()
    vendor.late = 0.6
    with vendor.serving():
        kind = Inside if request.node.get_closest_marker("clone") else Remembered
        made = kind.inside(vendor, tmp_path)
        yield made
    assert made.heard
    assert not [each for each in made.heard if SECRET in each]


def settled(at: Inside, commit: str) -> None:
    """Hold a host to what it runs, what it is told to run, and what tasks say of it."""
    assert at.vendor.running() == commit
    assert at.vendor.wanted() == commit, "what is wanted goes back with what runs"
    done = at.run("ops/releases", "live")
    assert done.returncode == 0, done.stderr
    [line] = [line for line in done.stdout.splitlines() if line.startswith("*")]
    assert commit[:7] in line, "of what runs there is one row"
    assert not at.locked()


def test_no_secret_is_in_what_is_written_down(at: Inside) -> None:
    at.deploy("v1.0.0")
    logs = "".join(log.read_text() for log in at.bin.parent.glob("*.log"))
    assert SECRET not in logs + "".join(at.heard)
    shown(at, "no secret in a trace, a command or a log")


def test_the_first_deploy_runs(at: Inside) -> None:
    commit = at.commit("v1.0.0")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 0, done.stderr
    assert f"live runs {commit}" in done.stderr
    settled(at, commit)
    shown(at, "a first deploy runs")


@pytest.mark.parametrize("how", ["sick", "doomed"])
def test_a_first_deploy_that_fails_has_nothing_to_go_back_to(at: Inside, how: str) -> None:
    setattr(at.vendor, how, {at.commit("v1.0.0")})
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "live has no earlier release to restore" in done.stderr
    shown(at, "a first deploy that fails says that there is nothing to go back to")


def test_a_good_deploy_replaces_the_one_before(at: Inside) -> None:
    at.deploy("v1.0.0")
    newest = at.deploy("v1.1.0")
    settled(at, newest)
    done = at.run("ops/releases", "live")
    head, first, second = done.stdout.splitlines()
    assert head.split() == ["VERSION", "COMMIT", "TIME", "HOW", "RELEASE", "BY"]
    assert first.startswith(f"* v1.1.0           {newest[:7]}")
    assert second.startswith("  v1.0.0 ")
    shown(at, "a good deploy replaces the one before")


@pytest.mark.parametrize("how", ["sick", "doomed"])
def test_a_bad_deploy_is_rolled_back(at: Inside, how: str) -> None:
    good, bad = at.deploy("v1.0.0"), at.commit("v1.1.0")
    setattr(at.vendor, how, {bad})
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert f"live runs {good} again" in done.stderr
    settled(at, good)
    row = "an unhealthy deploy is rolled back"
    shown(at, row if how == "sick" else "a deploy that the host gives up on leaves what ran")


def test_rollbacks_go_further_back_each_time(at: Inside) -> None:
    first, second, _ = (at.deploy(tag) for tag in ("v1.0.0", "v1.1.0", "v1.2.0"))
    for target in (second, first):
        done = at.run("ops/rollback", "live")
        assert done.returncode == 0, done.stderr
        settled(at, target)
    done = at.run("ops/rollback", "live")
    assert done.returncode == 1
    assert f"live has no release before {first}" in done.stderr
    settled(at, first)
    shown(at, "two rollbacks in a row go two releases back")


def test_a_rollback_goes_to_a_tag_and_a_deploy_after_it_takes_over(at: Inside) -> None:
    first, *_ = (at.deploy(tag) for tag in ("v1.0.0", "v1.1.0", "v1.2.0"))
    done = at.run("ops/rollback", "live", "v1.0.0")
    assert done.returncode == 0, done.stderr
    settled(at, first)
    settled(at, at.deploy("v1.3.0"))
    shown(at, "a rollback to a tag, and a deploy after it")


def test_with_one_release_there_is_none_to_roll_back_to(at: Inside) -> None:
    only = at.deploy("v1.0.0")
    before = at.vendor.changes()
    done = at.run("ops/rollback", "live")
    assert done.returncode == 1
    assert f"live has no release before {only}" in done.stderr
    assert at.vendor.changes() == before
    shown(at, "with one release there is none to roll back to")


def test_a_rollback_to_what_is_sick_goes_back_to_what_ran(at: Inside) -> None:
    first, second = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    at.vendor.sick = {first}
    done = at.run("ops/rollback", "live")
    assert done.returncode == 1
    assert f"{second} runs again" in done.stderr
    assert at.vendor.running() == at.vendor.wanted() == second
    shown(at, "a rollback to what is unhealthy goes back to what ran")


@pytest.mark.parametrize("by", ["tag", "commit", "release"])
def test_what_never_passed_is_forced_by_any_of_its_names(at: Inside, by: str) -> None:
    good, sick = at.deploy("v1.0.0"), at.commit("v1.1.0")
    at.vendor.sick = {sick}
    assert at.run("ops/deploy", "live").returncode == 1
    assert at.vendor.running() == good
    at.vendor.sick = set()
    listed = at.run("ops/releases", "live").stdout.splitlines()
    [row] = [line for line in listed if "unproven" in line]
    named = {"tag": "v1.1.0", "commit": sick, "release": row.partition("unproven")[2].split()[0]}
    done = at.run("ops/rollback", "live", named[by], "--force")
    assert done.returncode == 0, done.stderr
    assert at.vendor.running() == at.vendor.wanted() == sick
    shown(at, "what never passed is forced by its tag, its commit or the id of its release")


def test_without_a_remote_what_ran_can_be_brought_back(at: Inside) -> None:
    first, _ = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    assert isinstance(at, Remembered)
    at.repository.remote = None
    done = at.run("ops/rollback", "live", "v1.0.0", "--no-record")
    assert done.returncode == 0, done.stderr
    assert "without lock and record" in done.stderr
    assert at.vendor.running() == at.vendor.wanted() == first
    shown(at, "a rollback while the forge is down")


@pytest.mark.parametrize("kind", ["429", "500", "hang"])
def test_a_question_that_goes_wrong_is_asked_again(at: Inside, kind: Any) -> None:
    at.environment["HTTP_TIMEOUT"] = "1"
    at.vendor.faults = [Fault(at.vendor.asks, kind, times=2)]
    at.deploy("v1.0.0")
    assert not at.vendor.faults[0].times, "it happened"
    shown(at, f"a question is asked again after {KINDS[kind]}")


@pytest.mark.parametrize("kind", ["429", "500", "hang", "drop"])
def test_a_deploy_that_goes_wrong_ends_in_a_state_that_is_told(at: Inside, kind: Any) -> None:
    good, newest = at.deploy("v1.0.0"), at.commit("v1.1.0")
    at.environment["HTTP_TIMEOUT"] = "1"
    at.vendor.faults = [Fault(at.vendor.deploys, kind)]
    done = at.run("ops/deploy", "live")
    assert not at.vendor.faults[0].times, "it happened"
    if done.returncode == 0:  # it certainly did not run, or the host tells what came of it
        assert f"live runs {newest}" in done.stderr
        settled(at, newest)
        shown(at, f"a deploy that meets {KINDS[kind]} leaves what ran", "goes on")
        return
    assert kind != "429" or at.vendor.commands, "it certainly did not run"
    assert f"live runs {good} again" in done.stderr
    settled(at, good)
    shown(at, f"a deploy that meets {KINDS[kind]} leaves what ran")


def test_a_token_that_expired_changes_nothing(at: Inside) -> None:
    good = at.deploy("v1.0.0")
    before = at.vendor.changes()
    at.commit("v1.1.0")
    name = next(name for name in at.vendor.environment() if at.environment[name] == SECRET)
    expired: dict[str, Any] = {name: "expired"}
    for task in ("deploy", "rollback", "releases"):
        done = at.run(f"ops/{task}", "live", **expired)
        assert done.returncode == 1
        if task == "deploy":
            assert "nothing was changed" in done.stderr or "nothing was deployed" in done.stderr
    assert at.vendor.changes() == before
    settled(at, good)
    shown(at, "an expired token changes nothing")


def test_a_token_that_expires_once_a_deploy_began_ends_its_looks_at_once(at: Inside) -> None:
    good, newest = at.deploy("v1.0.0"), at.commit("v1.1.0")
    at.vendor.faults = [Fault(at.vendor.deploys, "last")]
    at.clock.slept.clear()
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1
    assert "may be down" not in done.stderr
    assert sum(at.clock.slept) < 30, "who may not look any more need not try again"
    last = done.stderr.splitlines()[-1]
    known = ("once the platform lets us in", "could not be recorded", "nothing was changed")
    assert [each for each in known if each in last]
    assert at.vendor.running() in (good, newest)
    shown(at, "a token that expires while a deploy is followed ends that at once")


@pytest.mark.slow
def test_a_deploy_that_is_killed_between_any_two_calls_is_done_again(at: Inside) -> None:
    """Between two questions nothing happens: before and after what changes something, it does."""
    at.environment["LOCK_HOLDER"] = "run 7"  # which is started again
    at.deploy("v1.0.0")
    ran = at.deploy("v1.1.0")
    asks = re.compile(f"GET .*|{at.vendor.asks}")
    changes = [number for number, call in enumerate(calls(at), 1) if not asks.fullmatch(call)]
    assert changes
    for number in sorted({each + after for each in changes for after in (0, 1)}):
        newest = at.commit(f"killed-{number}")
        at.before = lambda *_, number=number: at.kill() if len(calls(at)) == number else None
        killed = at.run("ops/deploy", "live").returncode == -9
        at.before = lambda *_: None
        assert at.vendor.running() in (ran, newest)
        done = at.run("ops/deploy", "live")
        assert done.returncode == 0, (number, done.stderr)
        assert ("took over the lock" in done.stderr) is killed
        assert at.vendor.running() == at.vendor.wanted() == newest
        ran = newest
    settled(at, ran)
    shown(at, "killed between deploy and record, then deployed again")


def test_a_bootstrap_that_is_done_twice_changes_nothing_the_second_time(at: Inside) -> None:
    if at.vendor.stack != "static":
        at.environment["IMAGE_REPOSITORY"] = "ghcr.io/team/service"
    at.vendor.forget()
    at.commit("v1.0.0")
    would = at.run("ops/bootstrap", "live", "--dry-run")
    assert would.returncode == 0, would.stderr
    assert at.vendor.changes() == []
    done = at.run("ops/bootstrap", "live")
    assert done.returncode == 0, done.stderr
    before = at.vendor.changes()
    again = at.run("ops/bootstrap", "live")
    assert again.returncode == 0, again.stderr
    assert "live is as it should be" in again.stderr
    assert at.vendor.changes() == before
    shown(at, "a second bootstrap changes nothing")


@pytest.mark.clone  # a site that is broken on purpose is a commit
def test_a_drill_shows_that_a_broken_build_makes_way(at: Inside) -> None:
    good = at.deploy("v1.0.0")
    at.vendor.sick = AllBut(good)
    done = at.run("ops/drill", "live", "--yes-live")
    assert done.returncode == 0, done.stderr
    settled(at, good)
    [file] = (at.project / "drills").iterdir()
    evidence = json.loads(file.read_text())
    assert (evidence["result"], evidence["good"]) == ("passed", good)
    assert evidence["broken"] != good
    assert [(step["step"], step["exit"]) for step in evidence["steps"]] == [
        ("deploy what runs", 0),
        ("deploy a broken build, see it roll back", 1),
        ("look at version and health", 0),
        ("look at its settings", 0),
        ("look at what is recorded", 0),
    ]
    assert at.run("ops/drill", "live", "--last").stdout == file.read_text()
    shown(at, "a drill passes, and leaves its evidence")


def test_a_drill_that_fails_says_so(at: Inside) -> None:
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
