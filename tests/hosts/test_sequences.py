"""What tasks do, step by step: against a host in memory, and a repository that is there, too."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
from memory import LOCK, RECORD, World
from process import Done
from vendors.base import AllBut

TIME = "2026-11-29T10:00:00+00:00"
DIGEST = "registry.example.com/service@sha256:"


@pytest.fixture
def at(tmp_path: Path) -> World:
    """A new service."""
    return World.new(tmp_path)


def failure(at: World, why: str, kind: str = "Failure") -> Exception:
    """Make an error of the engine's."""
    made: Exception = getattr(at.engine.errors, kind)(why)
    return made


def denied(at: World, status: int = 401) -> Exception:
    """Make the error of a call that failed."""
    answer = at.engine.http.Answer(status)
    made: Exception = at.engine.calls.CallFailed("GET /deploys", answer, f"{status}")
    return made


def said(done: Done) -> list[str]:
    """Give what a task said, line by line, without who says it."""
    return [line.partition(": ")[2] for line in done.stderr.splitlines()]


# Deploys


def test_a_deploy_looks_deploys_proves_and_records_in_this_order(at: World) -> None:
    commit = at.commit("v1.0.0")
    done = at.run("deploy", "live")
    assert done.returncode == 0, done.stderr
    assert at.host_calls() == ["check", "image", "url", "current", "deploy", "ops/smoke", "current"]
    assert said(done) == [f"deploying {commit} to live: {DIGEST}{commit}", f"live runs {commit}"]
    assert at.recorded() == [f"deploy {commit}"]
    assert not at.locked()
    pushes = [step for step in at.steps if " push " in step]
    assert [LOCK in pushes[0], RECORD in pushes[1], LOCK in pushes[2]] == [True] * 3


@pytest.mark.parametrize("how", ["sick", "doomed"])
def test_a_first_deploy_that_fails_has_nothing_to_go_back_to(at: World, how: str) -> None:
    setattr(at, how, {at.commit("v1.0.0")})
    done = at.run("deploy", "live")
    assert done.returncode == 1
    assert "live has no earlier release to restore; fix the cause" in done.stderr
    assert at.recorded() == []
    assert not at.locked()


@pytest.mark.parametrize("how", ["restore", "follow"])
@pytest.mark.parametrize("runs", ["the one before", "nothing"])
def test_o7_what_may_not_be_restored_is_judged_by_the_service(
    at: World, how: str, runs: str
) -> None:
    good, bad = at.deploy("v1.0.0"), at.commit("v1.1.0")
    told: list[tuple[str, ...]] = []
    at.own("notify", lambda *news: told.append(news))
    refused = denied(at, 403) if how == "restore" else failure(at, "it goes on unseen", "Unseen")
    at.fails = {"deploy": [denied(at)], "restore": [refused]}
    at.sick = set() if runs == "the one before" else {good}
    done = at.run("deploy", "live")
    assert done.returncode == 1
    known = "runs" if runs == "the one before" else "is not known to run"
    healthy = " and is healthy" if runs == "the one before" else ""
    then = "once the platform lets us in: ops/releases live"
    assert said(done)[-1] == f"live {known} {good}{healthy}; {then}"
    level = "warning" if runs == "the one before" else "critical"
    assert told == [("live", level, f"ops/deploy live: {said(done)[-1]}")]
    assert "may be down" not in done.stderr
    assert bad not in told[0][2]


@pytest.mark.parametrize("how", ["sick", "doomed"])
def test_a_deploy_that_fails_makes_way_for_the_last_that_passed(at: World, how: str) -> None:
    good, bad = at.deploy("v1.0.0"), at.commit("v1.1.0")
    setattr(at, how, {bad})
    done = at.run("deploy", "live")
    assert done.returncode == 1
    assert at.running() == good
    assert said(done)[-1].startswith(f"live runs {good} again; look at the platform's logs for")
    assert at.recorded() == [f"rollback {good}", f"deploy {good}"]


def test_what_ran_before_anything_was_recorded_is_restored_and_not_recorded(at: World) -> None:
    at.rows, at.live = [("r1", "f" * 40, "")], "r1"
    at.sick = {at.commit("v1.0.0")}
    done = at.run("deploy", "live")
    assert done.returncode == 1
    assert f"live runs {'f' * 40} again" in done.stderr
    assert at.live == "r1"
    assert at.recorded() == []


def test_the_same_commit_again_that_gets_sick_goes_back_to_the_one_before(at: World) -> None:
    good, bad = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    at.sick = {bad}
    assert at.run("deploy", "live").returncode == 1
    assert at.running() == good


def test_a_restore_that_fails_is_not_called_a_success(at: World) -> None:
    good, bad = at.deploy("v1.0.0"), at.commit("v1.1.0")
    told: list[tuple[str, ...]] = []
    at.own("notify", lambda *news: told.append(news))
    at.doomed, at.fails = {bad}, {"restore": [failure(at, "the platform is down")]}
    done = at.run("deploy", "live")
    assert done.returncode == 1
    assert "the platform is down" in said(done)
    assert told == [("live", "critical", f"ops/deploy live: {said(done)[-1]}")]
    down = f"live may be down: {good} did not come back; look at the platform"
    assert said(done)[-1].startswith(down)
    assert at.recorded() == [f"deploy {good}"]


def test_what_was_restored_and_could_not_be_recorded_runs_all_the_same(at: World) -> None:
    good = at.deploy("v1.0.0")
    at.sick = {at.commit("v1.1.0")}
    at.repository.refuses[RECORD] = "GH013: rules"
    done = at.run("deploy", "live")
    assert done.returncode == 1
    assert "cannot push to origin: GH013: rules; ! [remote rejected]" in done.stderr
    assert said(done)[-1].startswith(f"live runs {good} again")


def test_a_deploy_that_changed_nothing_restores_nothing(at: World) -> None:
    at.deploy("v1.0.0")
    commit = at.commit("v1.1.0")
    at.fails = {"deploy": [failure(at, "not the service of live", "NothingChanged")]}
    done = at.run("deploy", "live")
    assert done.returncode == 1
    assert said(done)[-2:] == [
        "not the service of live",
        f"nothing was changed in live; try again: ops/deploy live {commit}",
    ]
    assert at.host_calls()[-1] == "deploy"


@pytest.mark.parametrize("well", [True, False])
def test_o7_a_deploy_that_is_no_longer_seen_is_left_alone_and_judged_by_the_service(
    at: World, *, well: bool
) -> None:
    first, commit = at.deploy("v1.0.0"), at.commit("v1.1.0")
    at.fails = {"deploy": [failure(at, "goes on unseen", "Unseen")]}
    if well:  # it gets there, unseen
        at.rows.insert(0, ("r2", commit, ""))
        at.before = lambda _, what: (
            setattr(at, "live", "r2") if what.startswith("ops/smoke") else None
        )
    done = at.run("deploy", "live")
    assert done.returncode == 1
    assert "goes on unseen" in said(done)
    assert at.host_calls()[-2:] == ["deploy", "ops/smoke"], "nothing is restored"
    assert at.recorded() == [f"deploy {first}"]
    known = "and is healthy, which is not recorded; once" if well else "is not known to run"
    assert known in said(done)[-1]


@pytest.mark.parametrize("why", ["denied", "no answer"])
def test_a_deploy_begins_only_once_it_is_known_what_runs(at: World, why: str) -> None:
    commit = at.commit("v1.0.0")
    at.fails = {"current": [denied(at, 401 if why == "denied" else 500)]}
    done = at.run("deploy", "live")
    assert done.returncode == 1
    assert said(done)[-1] == f"nothing was changed; try again: ops/deploy live {commit}"
    assert at.host_calls()[-1] == "current"
    assert not at.locked()


def test_a_deploy_that_could_not_be_recorded_says_so_in_the_words_of_the_server(at: World) -> None:
    commit = at.commit("v1.0.0")
    at.repository.refuses[RECORD] = "GH013: commits must be signed"
    done = at.run("deploy", "live")
    assert done.returncode == 1
    assert "cannot push to origin: GH013: commits must be signed" in done.stderr
    assert said(done)[-1] == (
        f"live runs {commit} and is healthy, which could not be recorded; "
        f"do it again: ops/deploy live {commit}"
    )
    assert at.clock.slept == [1.0, 1.0], "three times, as a remote may be busy"
    at.repository.refuses.clear()
    assert at.run("deploy", "live").returncode == 0
    assert at.recorded() == [f"deploy {commit}"]


def test_migrations_come_before_the_deploy_and_stop_it(at: World) -> None:
    at.commit("v1.0.0")
    at.own("migrate", lambda _: False)
    done = at.run("deploy", "live")
    assert done.returncode == 1
    assert said(done)[-1].startswith("nothing was deployed: ops/migrate failed")
    assert at.host_calls()[-1] == "current"


def test_migrations_run_under_the_lock_of_the_deploy(at: World) -> None:
    held = []
    at.own("migrate", lambda _: held.append(os.environ["LOCK_HELD"]))
    at.deploy("v1.0.0")
    assert [at.repository.commits[it].message.splitlines()[0] for it in held] == ["us"]
    at.commit("v1.1.0")
    at.run("deploy", "live", "--no-record")
    assert held[1:] == ["none"]
    assert "LOCK_HELD" not in os.environ


def test_people_hear_of_what_failed_before_anything_was_changed_but_not_of_a_wrong_call(
    at: World,
) -> None:
    told: list[tuple[str, ...]] = []
    at.own("notify", lambda *news: told.append(news))
    at.own("migrate", lambda *_: False)
    at.commit("v1.0.0")
    assert at.run("deploy", "live").returncode == 1
    why = "nothing was deployed: ops/migrate failed; fix the cause and deploy again"
    assert told == [("live", "warning", f"ops/deploy live: {why}")]
    assert at.run("deploy", "live", "no-such-tag").returncode == 2
    assert len(told) == 1


def test_a_build_that_a_rehearsal_breaks_is_no_warning(at: World) -> None:
    told: list[tuple[str, ...]] = []
    at.deploy("v1.0.0")
    at.own("notify", lambda *news: told.append(news))
    broken = at.commit("v1.1.0")
    at.doomed = {broken}
    at.run("deploy", "live", DRILL_BROKEN=broken)
    at.run("deploy", "live")
    assert [level for _, level, _ in told] == ["info", "warning"]


def test_a_rollback_that_leaves_nothing_healthy_is_critical_and_one_that_passes_ends_it(
    at: World,
) -> None:
    told: list[tuple[str, ...]] = []
    first, second = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    at.own("notify", lambda *news: told.append(news))
    at.sick = {first}
    assert at.run("rollback", "live").returncode == 1
    assert told[-1][:2] == ("live", "warning")
    assert f"{second} runs again" in told[-1][2]
    at.fails = {"restore": [None, failure(at, "the platform is down")]}
    assert at.run("rollback", "live").returncode == 1
    assert told[-1][:2] == ("live", "critical")
    assert f"{second} did not come back" in told[-1][2]
    at.sick = set()
    assert at.run("rollback", "live", "v1.1.0").returncode == 0
    assert told[-1][:2] == ("live", "resolved")


def test_news_that_cannot_be_told_further_stops_nothing(at: World) -> None:
    at.commit("v1.0.0")
    at.own("notify", lambda *_: False)
    done = at.run("deploy", "live")
    assert done.returncode == 0
    assert said(done)[-1] == "ops/notify failed"


def test_an_uncommitted_edit_is_refused_before_anything_is_called(at: World) -> None:
    at.commit("v1.0.0")
    at.repository.changes = " M marker"
    done = at.run("deploy", "live")
    assert done.returncode == 2
    assert "commit or stash them" in done.stderr
    assert at.host_calls() == ["check"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["deploy"], "name an environment and at most one commit"),
        (["deploy", "live", "v1.0.0", "v1.1.0"], "at most one commit"),
        (["deploy", "live", "--force"], "at most one commit"),
        (["deploy", "production"], "no environment 'production'"),
        (["deploy", "live", "v9"], "no commit 'v9' in this repository"),
        (["rollback"], "at most one version"),
        (["rollback", "live", "v9"], "no commit 'v9' in this repository"),
        (["rollback", "live", "--no-record"], "nobody knows what passed: name a version"),
        (["releases"], "name an environment"),
        (["bootstrap", "live", "--yes"], "the options are --dry-run and --json"),
        (["drill", "live"], "add --yes-live if that is what you want"),
        (["smoke", "live"], "'live' is not an http or https URL"),
        (["publish", "it"], "it takes no arguments"),
    ],
)
def test_a_task_that_is_called_wrongly_says_how(at: World, arguments: list[str], why: str) -> None:
    at.commit("v1.0.0")
    if arguments[0] == "smoke":
        at.program = at.task  # type: ignore[method-assign,assignment]
    done = at.run(*arguments)
    assert done.returncode == 2
    assert why in done.stderr
    assert done.stderr.endswith(f"Run 'ops/{arguments[0]} --help' for its usage.\n")
    assert at.host_calls() in ([], ["check"])


@pytest.mark.parametrize("task", ["deploy", "rollback", "releases", "bootstrap"])
def test_all_that_is_missing_is_told_at_once(at: World, task: str) -> None:
    at.commit("v1.0.0")
    at.repository.remote = None
    done = at.run(task, "live", TOKEN="", PATH="/nowhere", RECORD_REMOTE="elsewhere")
    assert done.returncode == 2
    for each in ("git: ", "TOKEN: a token", "the remote elsewhere: ", "settings are kept in"):
        assert each in done.stderr
    assert at.host_calls() == ["check"]


# A number is read when it is needed, before anything changes.
@pytest.mark.parametrize("name", ["RETRY_DELAY", "LOCK_TIMEOUT"])
def test_a_setting_that_is_no_number_is_told(at: World, name: str) -> None:
    at.commit("v1.0.0")
    done = at.run("deploy", "live", **{name: "soon"})
    assert done.returncode == 2
    assert f"{name} is to be a number, not 'soon'" in done.stderr
    assert "deploy" not in at.host_calls()


# Without a record


def test_o2_a_deploy_without_record_needs_no_remote_and_says_what_that_means(at: World) -> None:
    at.deploy("v1.0.0")
    commit = at.commit("v1.1.0")
    at.repository.remote = None
    assert at.run("deploy", "live").returncode == 1, "it would with one"
    done = at.run("deploy", "live", "--no-record")
    assert done.returncode == 0, done.stderr
    assert said(done)[0] == "without lock and record: make sure that nobody else deploys"
    assert at.running() == commit
    assert not [step for step in at.steps if step.startswith("git -c")], "no word to the remote"


def test_o2_a_deploy_without_record_that_is_sick_goes_back_to_what_ran(at: World) -> None:
    first, bad = at.deploy("v1.0.0"), at.commit("v1.1.0")
    at.repository.remote, at.sick = None, {bad}
    done = at.run("deploy", "live", "--no-record")
    assert done.returncode == 1
    assert at.running() == first
    assert f"live runs {first} again" in done.stderr


@pytest.mark.parametrize("name", ["r1", "v1.0.0", "commit"])
@pytest.mark.parametrize("tells", ["commit", "image"])
def test_o2_a_rollback_without_record_takes_what_the_platform_or_git_calls_it(
    at: World, name: str, tells: str
) -> None:
    first, _ = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    at.repository.remote, at.tells = None, tells
    named = first if name == "commit" else name
    done = at.run("rollback", "live", named, "--no-record")
    assert done.returncode == 0, done.stderr
    assert "without lock and record" in done.stderr
    assert at.running() == first


# Rollbacks


def test_a_rollback_looks_freezes_restores_proves_and_records_in_this_order(at: World) -> None:
    first, second = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    done = at.run("rollback", "live")
    assert done.returncode == 0, done.stderr
    calls = ["check", "current", "url", "freeze", "restore", "ops/smoke", "current"]
    assert at.host_calls() == calls
    assert said(done) == [
        f"rolling live back from {second} to {first}",
        f"live runs {first}; not rolled back: its data",
    ]
    assert at.recorded() == [f"rollback {first}", f"deploy {second}", f"deploy {first}"]


def test_rollbacks_go_further_back_each_time_and_never_forward(at: World) -> None:
    first, second, _ = (at.deploy(tag) for tag in ("v1.0.0", "v1.1.0", "v1.2.0"))
    for target in (second, first):
        assert at.run("rollback", "live").returncode == 0
        assert at.running() == target
    before = at.recorded()
    done = at.run("rollback", "live")
    assert done.returncode == 1
    assert f"live has no release before {first} that passed; ops/releases live" in done.stderr
    assert at.host_calls() == ["check", "current"]
    assert at.recorded() == before


def test_after_a_rollback_to_a_tag_a_deploy_takes_over_and_has_it_below(at: World) -> None:
    first, *_ = (at.deploy(tag) for tag in ("v1.0.0", "v1.1.0", "v1.2.0"))
    assert at.run("rollback", "live", "v1.0.0").returncode == 0
    assert at.running() == first
    newest = at.deploy("v1.3.0")
    assert at.running() == newest
    assert at.run("rollback", "live").returncode == 0
    assert at.running() == first


def test_what_never_passed_is_left_for_the_last_that_did(at: World) -> None:
    good = at.deploy("v1.0.0")
    at.rows.insert(0, ("r9", "f" * 40, ""))
    at.live = "r9"
    done = at.run("rollback", "live")
    assert done.returncode == 0, done.stderr
    assert f"rolling live back from {'f' * 40} to {good}" in done.stderr


def test_a_version_that_never_passed_is_refused_with_those_that_did(at: World) -> None:
    at.deploy("v1.0.0")
    at.sick = {at.commit("v1.1.0")}
    at.run("deploy", "live")
    done = at.run("rollback", "live", "v1.1.0")
    assert done.returncode == 2
    assert said(done)[:2] == [
        "v1.1.0 never passed in live; these did:",
        "  v1.0.0  2026-11-29T10:00:00+00:00",
    ]
    assert at.host_calls() == ["check", "current"]


@pytest.mark.parametrize("tells", ["commit", "id"])
def test_o3_what_a_platform_knows_as_a_commit_of_ours_has_to_report_it(
    at: World, tells: str
) -> None:
    at.deploy("v1.0.0")
    sick = at.commit("v1.1.0")
    at.sick = {sick}
    at.run("deploy", "live")
    at.sick, at.tells = set(), tells
    assert at.run("rollback", "live", "r2", "--force").returncode == 0
    [smoke] = [step for step in at.steps if step.startswith("ops/smoke")]
    assert smoke == f"ops/smoke {at.url}" + (f" {sick}" if tells == "commit" else "")


@pytest.mark.parametrize("tells", ["commit", "image"])
@pytest.mark.parametrize("by", ["tag", "commit", "release", "record"])
def test_o3_what_never_passed_is_forced_by_any_of_its_names(at: World, tells: str, by: str) -> None:
    first = at.deploy("v1.0.0")
    sick = at.commit("v1.1.0")
    at.sick = {sick}
    assert at.run("deploy", "live").returncode == 1
    at.sick, at.tells = set(), tells
    names = {"tag": "v1.1.0", "commit": sick, "release": at.rows[0][0], "record": "v1.0.0"}
    done = at.run("rollback", "live", names[by], "--force")
    assert done.returncode == 0, done.stderr
    assert at.running() == (first if by == "record" else sick)


def test_o3_a_platform_that_tells_ids_alone_is_told_one(at: World) -> None:
    at.deploy("v1.0.0")
    sick = at.commit("v1.1.0")
    at.sick, at.images = {sick}, False
    at.run("deploy", "live")
    at.sick, at.tells = set(), "id"
    done = at.run("rollback", "live", "r2", "--force")
    assert done.returncode == 0, done.stderr
    assert at.running() == sick


def test_what_the_platform_never_had_cannot_be_forced(at: World) -> None:
    at.deploy("v1.0.0")
    at.commit("v1.1.0")
    done = at.run("rollback", "live", "v1.1.0", "--force")
    assert done.returncode == 2
    assert "v1.1.0 is not among the releases that live still has: ops/releases live" in done.stderr
    assert "or deploy it: ops/deploy live v1.1.0" in done.stderr
    assert "freeze" not in at.host_calls()


def test_a_forced_rollback_that_cannot_look_says_that_nothing_changed(at: World) -> None:
    at.deploy("v1.0.0")
    at.commit("v1.1.0")
    at.fails = {"releases": [denied(at)]}
    done = at.run("rollback", "live", "v1.1.0", "--force")
    assert done.returncode == 1
    assert said(done)[-1] == "nothing was changed; try again: ops/rollback live v1.1.0 --force"


def test_nothing_is_rolled_back_where_nothing_runs(at: World) -> None:
    at.commit("v1.0.0")
    done = at.run("rollback", "live")
    assert done.returncode == 1
    assert said(done) == ["nothing runs in live; deploy something: ops/deploy live"]


def test_a_rollback_goes_on_though_others_may_still_deploy(at: World) -> None:
    first, _ = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    at.fails = {"freeze": [denied(at)]}
    done = at.run("rollback", "live")
    assert done.returncode == 0, done.stderr
    assert "deploys on push, if there are any, are still on" in done.stderr
    assert at.running() == first


def test_a_rollback_that_the_platform_refuses_says_what_may_still_run(at: World) -> None:
    first, second = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    at.fails = {"restore": [failure(at, "it is gone")]}
    done = at.run("rollback", "live")
    assert done.returncode == 1
    assert said(done)[-2] == "it is gone"
    assert f"did not restore {first}; live may still run {second}" in said(done)[-1]
    assert f"or build it again: ops/deploy live {first}" in said(done)[-1]
    assert at.recorded()[0] == f"deploy {second}"


def test_o9_a_rollback_to_what_is_sick_goes_back_to_what_ran(at: World) -> None:
    first, second = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    at.sick = {first}
    done = at.run("rollback", "live")
    assert done.returncode == 1
    assert at.running() == second
    assert said(done)[-1] == (
        f"{first} is not healthy in live either; {second} runs again; "
        "name an older version: ops/rollback live VERSION"
    )
    assert at.recorded()[0] == f"deploy {second}"
    assert not at.locked()


def test_o9_what_ran_and_does_not_come_back_is_not_called_running(at: World) -> None:
    first, second = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    at.sick = {first}
    at.before = lambda _, what: (
        at.fails.update(restore=[failure(at, "busy")]) if what.startswith("ops/smoke") else None
    )
    done = at.run("rollback", "live")
    assert done.returncode == 1
    assert f"is not healthy in live either, and {second} did not come back" in said(done)[-1]


def test_a_rollback_that_could_not_be_recorded_says_how_to_do_it_again(at: World) -> None:
    first, _ = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    at.repository.refuses[RECORD] = "no"
    done = at.run("rollback", "live")
    assert done.returncode == 1
    assert said(done)[-1].endswith(f"do it again: ops/rollback live {first}")


# Locks


def lock_as(at: World, holder: str) -> str:
    """Lock the environment as somebody else does."""
    assert at.repository.remote is not None
    at.repository.remote[LOCK] = at.repository.add(holder)
    return at.repository.remote[LOCK]


@pytest.mark.parametrize("task", ["deploy", "rollback"])
def test_who_does_not_have_the_lock_stops_and_is_told_who_has(at: World, task: str) -> None:
    at.deploy("v1.0.0")
    at.commit("v1.1.0")
    lock = lock_as(at, "https://ci.example.com/runs/7")
    done = at.run(task, "live")
    assert done.returncode == 1
    assert said(done) == [
        f"live is being deployed to by https://ci.example.com/runs/7, since {TIME}",
        f"wait for it, or if it died: git push --no-verify origin --delete {LOCK}",
    ]
    assert "current" not in at.host_calls()
    assert at.repository.remote == {**(at.repository.remote or {}), LOCK: lock}, "it is not ours"


def test_a_lock_that_is_given_back_in_time_is_waited_for(at: World) -> None:
    at.commit("v1.0.0")
    lock_as(at, "https://ci.example.com/runs/7")
    at.clock.meanwhile = lambda: (
        at.repository.remote.pop(LOCK) if len(at.clock.slept) == 5 else None  # type: ignore[union-attr]
    )
    done = at.run("deploy", "live", LOCK_TIMEOUT="60")
    assert done.returncode == 0, done.stderr
    assert at.clock.slept == [3.0] * 5


def test_a_lock_that_is_not_given_back_is_waited_for_as_long_as_was_said(at: World) -> None:
    at.commit("v1.0.0")
    lock_as(at, "https://ci.example.com/runs/7")
    done = at.run("deploy", "live", LOCK_TIMEOUT="60", POLL_INTERVAL="10")
    assert done.returncode == 1
    assert at.clock.slept == [10.0] * 6


@pytest.mark.parametrize("holder", ["us", "ended"])
def test_the_lock_of_who_is_gone_is_taken_over(at: World, holder: str) -> None:
    at.commit("v1.0.0")
    machine = at.engine.lock.machine()
    lock_as(at, "us" if holder == "us" else f"{machine}, process {2**22 + 1}")
    done = at.run("deploy", "live")
    assert done.returncode == 0, done.stderr
    assert "took over the lock of live" in done.stderr
    assert not at.locked()


@pytest.mark.parametrize("where", ["{us}, process 1", "ada@elsewhere, process {dead}"])
def test_the_lock_of_who_may_be_there_is_not(at: World, where: str) -> None:
    at.commit("v1.0.0")
    lock_as(at, where.format(us=at.engine.lock.machine(), dead=2**22 + 1))
    assert at.run("deploy", "live").returncode == 1


def test_o5_a_lock_that_goes_between_look_and_fetch_is_free(at: World) -> None:
    at.commit("v1.0.0")
    lock_as(at, "https://ci.example.com/runs/7")
    at.before = lambda _, what: (
        at.repository.remote.pop(LOCK, None) if " fetch " in what and LOCK in what else None  # type: ignore[union-attr]
    )
    done = at.run("deploy", "live")
    assert done.returncode == 0, done.stderr


def test_of_two_that_lock_at_once_the_second_is_told_of_the_first(at: World) -> None:
    at.commit("v1.0.0")
    raced: list[str] = []
    at.before = lambda _, what: (
        raced.append(lock_as(at, "the other")) if " push " in what and not raced else None
    )
    done = at.run("deploy", "live")
    assert done.returncode == 1
    assert "live is being deployed to by the other" in done.stderr
    assert (at.repository.remote or {})[LOCK] == raced[0]


def test_o2_a_lock_that_the_server_refuses_is_told_in_its_words(at: World) -> None:
    at.commit("v1.0.0")
    at.repository.refuses[LOCK] = "GH013: commits must be signed"
    done = at.run("deploy", "live")
    assert done.returncode == 1
    assert said(done)[-1].startswith(
        "cannot push to origin, where live is locked: GH013: commits must be signed; ! [remote"
    )
    assert "current" not in at.host_calls()


def test_a_lock_that_cannot_be_given_back_is_told(at: World) -> None:
    commit = at.commit("v1.0.0")
    at.before = lambda _, what: (
        at.repository.refuses.update({LOCK: "no"}) if RECORD in what and " push " in what else None
    )
    done = at.run("deploy", "live")
    assert done.returncode == 0
    assert f"live runs {commit}" in said(done)
    unlock = f"could not unlock; do: git push --no-verify origin --delete {LOCK}"
    assert said(done)[-1] == unlock


# Interrupted and killed, between any two steps


def journey(at: World, task: str) -> str:
    """Get to where a task can begin; give what runs once it is done."""
    first = at.deploy("v1.0.0")
    if task == "rollback":
        at.deploy("v1.1.0")
        return first
    return at.commit("v1.1.0")


@pytest.mark.parametrize("task", ["deploy", "rollback"])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_task_that_is_stopped_anywhere_can_be_done_again(
    tmp_path: Path, task: str, how: signal.Signals
) -> None:
    number, stopped = 0, True
    while stopped:
        number += 1
        folder = tmp_path / str(number)
        folder.mkdir()
        at = World.new(folder)
        wanted = journey(at, task)
        running, recorded = at.running(), at.recorded()

        def stop(step: int, _: str, at: World = at, number: int = number) -> None:
            if step == number:
                at.kill() if how is signal.SIGKILL else os.kill(os.getpid(), how)

        at.before = stop
        done = at.run(task, "live")
        stopped = done.returncode != 0
        if not stopped:
            break
        last = at.steps[-1]
        assert done.returncode == (-how if how is signal.SIGKILL else 128 + how), last
        unlocks = " push " in last and f":{LOCK}" in last and f"{LOCK}:" in last
        if how is not signal.SIGKILL:
            assert not at.locked() or unlocks, last
            changed = at.running() != running and at.recorded() == recorded
            if task == "deploy":
                assert not changed or "ops/releases live says what runs" in done.stderr, last
        at.before = lambda *_: None
        again = at.run(task, "live", *([wanted] if task == "rollback" else []))
        assert again.returncode == 0, (last, again.stderr)
        assert at.running() == wanted, last
        assert at.recorded()[0] == f"{task} {wanted}", last
        assert not at.locked(), last
    assert number > 20


@pytest.mark.parametrize("again", ["sick", "well"])
def test_what_was_killed_before_its_record_has_not_passed(at: World, again: str) -> None:
    first, newest = at.deploy("v1.0.0"), at.commit("v1.1.0")
    at.before = lambda _, what: at.kill() if what.startswith("ops/smoke") else None
    assert at.run("deploy", "live").returncode == -signal.SIGKILL
    assert at.running() == newest, "it runs, and nobody knows whether it is good"
    at.before = lambda *_: None
    listed = at.run("releases", "live").stdout.splitlines()
    assert listed[1].startswith("  v1.0.0")
    assert "unproven" in listed[2]
    at.sick = {newest} if again == "sick" else set()
    done = at.run("deploy", "live")
    assert "took over the lock of live" in done.stderr
    assert at.running() == (first if again == "sick" else newest)


# Releases, bootstrap, drills


def test_releases_are_those_on_record_and_the_platforms_others(at: World) -> None:
    first, second = at.deploy("v1.0.0"), at.deploy("v1.1.0")
    at.rows.insert(0, ("r9", "f" * 40, ""))
    done = at.run("releases", "live")
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["VERSION", "COMMIT", "TIME", "HOW", "RELEASE", "BY"]
    assert [row[0] for row in rows] == ["*", " ", " "]
    assert [row[2:].split()[0] for row in rows] == ["v1.1.0", "v1.0.0", "f" * 40]
    assert [row[2:].split()[1] for row in rows][:2] == [second[:7], first[:7]]
    assert "unproven" in rows[2]
    assert not [step for step in at.steps if " push " in step], "it only looks"


def test_there_may_be_no_release_yet(at: World) -> None:
    at.commit("v1.0.0")
    assert at.run("releases", "live").stdout == "nothing was released yet\n"


@pytest.mark.parametrize(("call", "what"), [("current", "what runs"), ("releases", "what it has")])
def test_releases_that_cannot_be_seen_are_not_guessed(at: World, call: str, what: str) -> None:
    at.deploy("v1.0.0")
    at.fails = {call: [denied(at, 500)]}
    done = at.run("releases", "live")
    assert done.returncode == 1
    assert done.stdout == ""
    assert said(done)[-1] == f"the platform does not say {what}; try again"


def test_an_environment_is_set_up_once(at: World) -> None:
    at.commit("v1.0.0")
    idle = [
        "UptimeRobot: nothing is set up, UPTIMEROBOT_API_KEY is not set",
        "Grafana: nothing is set up, GRAFANA_TOKEN is not set",
    ]
    assert said(at.run("bootstrap", "live", "--dry-run")) == ["would name it", *idle]
    assert not at.named
    assert said(at.run("bootstrap", "live"))[0] == "name it"
    assert at.named
    assert said(at.run("bootstrap", "live")) == [*idle, "live is as it should be"]


def test_a_bootstrap_that_fails_says_that_it_can_be_done_again(at: World) -> None:
    at.commit("v1.0.0")
    at.fails = {"bootstrap": [denied(at, 422)]}
    done = at.run("bootstrap", "live")
    assert done.returncode == 1
    assert said(done)[-1].endswith("once the cause is gone, do it again: ops/bootstrap live")


def test_a_drill_deploys_what_never_gets_healthy_and_sees_it_go(at: World) -> None:
    good = at.deploy("v1.0.0")
    at.sick = AllBut(good)
    data = ["1 row"]
    at.own("data", lambda _: data.append("looked"))
    done = at.run("drill", "live", "--yes-live")
    assert done.returncode == 0, done.stderr
    assert at.running() == good
    [file] = (at.folder / "drills").iterdir()
    evidence = json.loads(file.read_text())
    assert (evidence["result"], evidence["good"]) == ("passed", good)
    assert evidence["broken"] not in ("", good)
    assert [(step["expected"], step["exit"]) for step in evidence["steps"]] == [
        (0, 0), (1, 1), (0, 0), (0, 0), (0, 0),
    ]  # fmt: skip
    assert data == ["1 row", "looked", "looked"]
    assert at.run("drill", "live", "--last").stdout == file.read_text()


@pytest.mark.parametrize("how", ["good is sick", "broken is well"])
def test_a_drill_that_fails_says_so_and_keeps_that_too(at: World, how: str) -> None:
    good = at.deploy("v1.0.0")
    at.sick = {good} if how == "good is sick" else set()
    done = at.run("drill", "live", "--yes-live")
    assert done.returncode == 1
    then = f"the drill failed; ops/releases live says what runs. Then: ops/deploy live {good}"
    assert then in said(done)
    assert json.loads(at.run("drill", "live", "--last").stdout)["result"] == "failed"


def test_evidence_that_cannot_be_kept_is_in_its_file_all_the_same(at: World) -> None:
    at.sick = AllBut(at.deploy("v1.0.0"))
    at.repository.refuses["refs/deployments/drills/live"] = "no"
    done = at.run("drill", "live", "--yes-live")
    assert done.returncode == 0, done.stderr
    assert said(done)[-1] == "it could not be kept in origin"
    assert at.run("drill", "live", "--last").returncode == 1


# What a record says


@pytest.mark.parametrize(
    ("actions", "below"),
    [
        ("", ""),
        ("+a", "a"),
        ("+a +b +c", "c b a"),
        ("+a +b +b", "b a"),
        ("+a +b -a", "a"),
        ("+a +b +c -b -a", "a"),
        ("+a +b +c -a +d", "d a"),
        ("+a +b +a", "a b a"),
        ("+a +b +a -b", "b a"),
        ("+a -x", "x a"),
        ("+a +b +c -c", "c b a"),
    ],
)
def test_a_rollback_takes_off_what_it_left(at: World, actions: str, below: str) -> None:
    record = at.engine.record
    rows = [
        record.Row("deploy" if each[0] == "+" else "rollback", each[1], each[1])
        for each in actions.split()
    ]
    assert [row.commit for row in record.stack(rows)] == below.split()


@pytest.mark.parametrize(
    ("running", "same"),
    [
        (("r1", "other"), True),
        (("r2", "a" * 40), True),
        (("r2", f"elsewhere.example.com/app@sha256:{'a' * 40}"), True),
        (("r2", "b" * 40), False),
        (("r2", ""), False),
    ],
)
def test_what_runs_is_known_by_its_id_its_commit_or_its_digest(
    at: World, running: Any, *, same: bool
) -> None:
    row = at.engine.record.Row("deploy", "a" * 40, "r1", f"{DIGEST}{'a' * 40}")
    assert row.names(at.engine.platform.Release(*running)) is same
