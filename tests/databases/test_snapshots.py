"""Backups that vendors keep, at every vendor: docs/reference/snapshots-proof.md.

The module of an option runs in the process of the test, against a stand-in of the vendor in memory,
which holds each call, and its own answers, to what the vendor publishes.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from atvendor import At, at_vendor, held
from keepers import VENDORS
from keepers.base import DAY, Keeping, ago
from keepers.supabase import REF, Supabase
from standin import Fault


@pytest.fixture(params=VENDORS, ids=lambda it: it.title)
def at(request: pytest.FixtureRequest) -> Iterator[At]:
    """An environment at each vendor."""
    yield from held(request.param())


def only(vendors: list[type[Keeping]]) -> pytest.MarkDecorator:
    """Have a test for some of them."""
    return pytest.mark.parametrize("at", vendors, indirect=True, ids=lambda it: it.title)


def test_what_there_is_is_listed_newest_first(at: At) -> None:
    found = at.keeper.snapshots()
    assert [each.state for each in found] == ["ready", "failed", "ready"]
    assert [each.taken for each in found] == [ago(3600), ago(DAY), ago(2 * DAY)]
    assert {each.kind for each in found} == {"daily"}
    assert at.changes() == []
    sizes = {each.size for each in found} != {None}
    at.shown("what there is is listed, newest first", "with sizes" if sizes else "yes")


def test_what_cannot_be_restored_is_refused(at: At) -> None:
    ready, failed, _ = at.keeper.snapshots()
    says = f"the snapshot {failed.id} is failed; those that can be restored: {ready.id}"
    with at.failing("Misuse", says):
        at.keeper.find(failed.id)
    with at.failing("Misuse", "there is no snapshot 'yesterday'"):
        at.keeper.find("yesterday")
    at.shown("one that failed, or that is not there, is refused by its name")


def test_no_daily_backups_are_refused_by_that_name_in_live_alone(at: At) -> None:
    at.vendor.bare()
    with at.failing("NoBackups", "no daily backups: "):
        at.bootstrap()
    with at.failing("NoBackups"):
        at.keeper.daily()
    at.context.env = "sandbox"
    assert not at.bootstrap()
    assert at.said.getvalue().count("no daily backups: ") == 3
    at.shown('refused in live as "no daily backups"', at.vendor.why)


def test_bootstrap_sets_up_what_is_missing_once(at: At) -> None:
    dry = at.bootstrap(dry=True)
    assert at.changes() == []
    assert at.bootstrap() is dry
    changed = at.changes()
    assert len(changed) == dry
    assert not at_vendor(at.vendor).bootstrap()
    assert at.changes() == changed
    assert at.keeper.daily()
    at.shown(
        "a bootstrap sets up what is missing; a dry one, and a second one, nothing",
        changed[0].split()[0] if dry else "nothing to set",
    )


@only([each for each in VENDORS if not each.takes])
def test_none_is_taken_on_demand(at: At) -> None:
    with at.failing("Unable", "none before a migration"):
        at.keeper.take("before a migration")
    at.shown("one is taken on demand", "refused: there are none")


def test_one_comes_back_where_the_vendor_lets_it(at: At) -> None:
    where = at.restored()
    assert at.vendor.begun() == 1
    assert not where.url or where.url not in repr(where)
    at.shown("one comes back", at.vendor.place)


def test_it_goes_nowhere_else(at: At) -> None:
    into, kind, cell = at.vendor.elsewhere
    with at.failing(kind):
        at.keeper.restore(at.keeper.find(at.keeper.snapshots()[0].id), into)
    assert at.vendor.begun() == 0
    at.shown("it goes nowhere else", cell)


@only([each for each in VENDORS if each.elsewhere[0]])
def test_another_environments_data_are_not_overwritten(at: At) -> None:
    """As when a pipeline has the name of another environment's database."""
    at.context.env = "sandbox"
    with at.failing(
        "NothingChanged", "is not the ", "of sandbox: its name does not end in -sandbox"
    ):
        at.keeper.restore(at.keeper.find(at.keeper.snapshots()[0].id), "")
    assert at.vendor.begun() == 0
    at.shown("another environment's data are not overwritten by mistake")


def test_a_restore_that_fails_is_told(at: At) -> None:
    at.vendor.doomed = True
    at.context.settings.environment["SNAPSHOT_TIMEOUT"] = "60"
    with at.failing("Failure", at.vendor.fails):
        at.restored()
    assert at.vendor.begun() == 1
    at.shown("a restore that fails is told", f"as one that {at.vendor.fails}")


def test_a_restore_that_takes_long_is_followed_so_long(at: At) -> None:
    at.vendor.slow = 1000
    at.context.settings.environment["SNAPSHOT_TIMEOUT"] = "60"
    with at.failing("Failure", "is not ready after 60 s, and goes on"):
        at.restored()
    assert 55 < sum(at.engine.clock.slept) < 70
    at.shown("one that takes too long is left to itself, and said to go on")


@pytest.mark.parametrize("kind", ["401", "429", "500", "away"])
def test_a_question_that_fails_changes_nothing(at: At, kind: Any) -> None:
    """What may pass is asked again; the first call of Atlas gets a token, which is one, too."""
    at.vendor.faults = [Fault(".*", kind, 2)]
    if kind == "401":
        with at.failing("CallFailed", "the token is wrong, has expired or may not do this"):
            at.keeper.snapshots()
        assert len(at.vendor.calls) == 1
    else:
        assert len(at.keeper.snapshots()) == 3
    at.shown(f"a question: {WORDS[kind]}", "told" if kind == "401" else "asked again")


@pytest.mark.parametrize("kind", ["401", "429", "away"])
def test_a_restore_that_certainly_did_not_begin(at: At, kind: Any) -> None:
    at.vendor.faults = [Fault(at.vendor.restores, kind, 999)]
    with at.failing("NothingChanged"):
        at.restored()
    assert at.vendor.begun() == 0
    at.shown(f"a restore: {WORDS[kind]}", "nothing was changed")


WORDS = {
    "401": "the token has expired",
    "429": "too many calls",
    "500": "an outage",
    "away": "no way there",
}


def test_a_restore_whose_answer_is_lost_is_looked_for(at: At) -> None:
    at.vendor.faults = [Fault(at.vendor.restores, "drop")]
    at.restored()
    assert at.vendor.begun() == 1
    at.shown("a restore: a lost answer", "found, not begun twice")


def test_an_outage_at_a_restore_is_no_second_one(at: At) -> None:
    at.vendor.faults = [Fault(at.vendor.restores, "500")]
    with at.failing("Failure", "failed: 500", "cannot be seen to have begun"):
        at.restored()
    assert len(at.changes()) == 1
    at.shown("a restore: an outage", "told, not begun twice")


def test_who_may_not_look_any_more_is_told_that_it_goes_on(at: At) -> None:
    at.blinded("401")
    with at.failing("Unseen", "was started, and goes on unseen"):
        at.restored()
    assert at.vendor.begun() == 1
    at.shown("the token expires while it is followed", "told, and it goes on")


def test_what_is_missing_is_named_before_any_call(at: At) -> None:
    wanted = [name for name in at.vendor.environment() if not name.endswith("_URL")]
    at.context.settings.environment |= dict.fromkeys(wanted, "")
    at.keeper.check()
    with at.failing("Missing", *[f"{name}: " for name in wanted]):
        at.context.settings.met("")
    assert at.vendor.calls == []
    at.shown("settings that are missing are named, all at once, and nothing is called")


@pytest.mark.parametrize("kind", ["401", "500", "drop"])
def test_any_call_of_a_restore_goes_wrong(at: At, kind: Any) -> None:
    """Each in turn: what is begun is never begun twice, and a failure is told as one."""
    times = {"401": 999, "500": 4, "drop": 1}[kind]
    for number in range(40):
        now = at_vendor(type(at.vendor)())
        now.vendor.faults = [Fault(".*", kind, times, after=number)]
        failure = None
        try:
            now.restored()
        except now.engine.errors.Failure as error:
            failure = error
        assert now.vendor.wrong == []
        nothing = isinstance(failure, now.engine.errors.NothingChanged)
        assert now.vendor.begun() in ((0,) if nothing else (0, 1) if failure else (1,))
        if now.vendor.faults[0].times == times:
            assert not failure
            break
    else:
        pytest.fail("it never got through")
    at.shown("each call of a restore goes wrong in turn, in three ways: it is not begun twice")


@pytest.mark.parametrize("kind", ["500", "drop"])
def test_any_call_of_a_bootstrap_goes_wrong(at: At, kind: Any) -> None:
    """Whatever was done by then, the next one does the rest, and no part of it twice."""
    at.bootstrap()
    times = {"500": 4, "drop": 1}[kind]
    for number in range(20):
        now = at_vendor(type(at.vendor)())
        now.vendor.faults = [Fault(".*", kind, times, after=number)]
        with contextlib.suppress(now.engine.errors.Failure):
            now.bootstrap()
        met = now.vendor.faults[0].times < times
        now.vendor.faults = []
        at_vendor(now.vendor).bootstrap()
        assert now.vendor.told() == at.vendor.told()
        if not met:
            break
    at.shown("each call of a bootstrap goes wrong in turn, in two ways: the next does the rest")


PROJECT = f"/v1/projects/{REF}/database/backups"


@pytest.mark.parametrize(
    ("call", "accept", "body", "wrong"),
    [
        (("GET", "/v1/projects/short/database/backups"), "application/json", None, "ref"),
        (("PATCH", f"{PROJECT}/schedule"), "application/json", {"at": "3"}, "its body"),
        (("POST", f"{PROJECT}/restore"), "application/json", {"id": "7"}, "its body"),
        (("POST", f"{PROJECT}/restore"), "application/json", None, "a body, or none"),
        (("PUT", f"{PROJECT}/restore"), "application/json", {"id": 7}, "not published"),
        (("GET", PROJECT), "text/html", None, "gives no text/html"),
    ],
)
def test_a_stand_in_takes_no_other_call(
    call: tuple[str, str], accept: str, body: Any, wrong: str
) -> None:
    published = Supabase().published
    assert published
    with pytest.raises(AssertionError, match=wrong):
        published.held(*call, accept, body)
