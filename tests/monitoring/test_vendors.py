"""What every vendor that watches over a service keeps: docs/reference/monitoring-proof.md."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
from atpart import At, at_part, held
from standin import Fault
from watchers import VENDORS
from watchers.base import Watcher


@pytest.fixture(params=VENDORS, ids=lambda kind: kind.option)
def at(request: pytest.FixtureRequest) -> Iterator[At]:
    """Each of them, in `live`."""
    kind: type[Watcher] = request.param
    yield from held(kind())


def test_a_second_apply_changes_nothing_and_what_others_made_is_as_it_was(at: At) -> None:
    before = copy.deepcopy(at.vendor.has())
    assert at.bootstrap()
    made = {name: it for name, it in at.vendor.has().items() if name not in before}
    assert made, "something is set up"
    assert all(name.startswith("my-service-live") for name in made)
    calls = len(at.vendor.changes())
    assert at.bootstrap() == []
    assert len(at.vendor.changes()) == calls
    assert {name: it for name, it in at.vendor.has().items() if name in before} == before
    assert at.vendor.wrong == []
    for column in ("config valid", "call accepted", "second apply empty"):
        at.shown(column)


def test_a_dry_run_says_what_it_would_change_and_changes_nothing(at: At) -> None:
    planned = at.bootstrap(dry=True)
    assert at.vendor.changes() == []
    assert "would create" in at.said.getvalue()
    assert at.bootstrap() == planned


def test_what_somebody_changed_by_hand_is_named_and_put_right(at: At) -> None:
    at.bootstrap()
    asked = copy.deepcopy(at.vendor.has())
    at.vendor.spoil()
    assert at.vendor.has() != asked
    [change] = at.bootstrap()
    assert change.startswith("change ")
    assert at.vendor.has() == asked


def test_without_its_token_nobody_is_called(at: At) -> None:
    at.context.settings.environment.pop(at.vendor.token)
    assert at.bootstrap() == []
    assert at.idle == {at.vendor.title: at.vendor.token}
    assert at.vendor.calls == []
    at.shown("no token", "nobody is called")


def test_a_token_that_is_refused_is_said_so_at_once(at: At) -> None:
    at.vendor.faults.append(Fault(".*", "401", 99))
    with at.failing("the token is wrong, has expired or may not do this"):
        at.bootstrap()
    assert len(at.vendor.calls) == 1
    at.shown("token refused", "told at once")


def test_a_vendor_that_has_too_much_to_do_is_asked_again(at: At) -> None:
    at.vendor.faults.append(Fault(".*", "429", 1))
    assert at.bootstrap()
    assert at.bootstrap() == []
    at.shown("too many calls", "asked again")


def test_a_vendor_that_is_away_is_a_failure_that_names_it(at: At) -> None:
    at.vendor.faults.append(Fault(".*", "away", 99))
    with at.failing("no way there"):
        at.bootstrap()
    at.shown("out of reach", "told")


def test_what_nobody_knows_to_have_worked_is_looked_for_before_it_is_done_again(at: At) -> None:
    at.vendor.faults.append(Fault(at.vendor.creates, "drop", 1))
    with at.failing("no whole answer"):
        at.bootstrap()
    at.bootstrap()
    fresh = at_part(type(at.vendor)())
    fresh.bootstrap()
    assert at.vendor.has() == fresh.vendor.has(), "once each"
    at.shown("lost answer", "found, not made twice")
