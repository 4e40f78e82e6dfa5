"""Backups on demand, at the vendors that take any: docs/reference/snapshots-proof.md."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from atvendor import At, held
from keepers import VENDORS
from standin import Fault


@pytest.fixture(params=[each for each in VENDORS if each.takes], ids=lambda it: it.title)
def at(request: pytest.FixtureRequest) -> Iterator[At]:
    """An environment at each of them."""
    yield from held(request.param())


def test_one_is_taken_on_demand(at: At) -> None:
    made = at.keeper.take("before a migration")
    assert (made.state, made.kind, made.size) == ("ready", "on demand", 8192)
    assert at.keeper.snapshots()[0] == made
    assert at.keeper.find(made.id) == made
    at.shown("one is taken on demand")


def test_a_backup_whose_answer_is_lost_is_not_taken_twice(at: At) -> None:
    at.vendor.faults = [Fault(at.vendor.takes, "drop")]
    assert at.keeper.take("before a migration").state == "ready"
    assert len(at.keeper.snapshots()) == 4
    at.shown("one on demand: a lost answer", "found, not taken twice")


def test_a_backup_that_is_not_known_to_be_taken(at: At) -> None:
    """The answer is lost, and so is that of each look."""
    at.vendor.faults = [Fault(at.vendor.takes, "drop")]
    at.blinded("500")
    with at.failing("Failure", "it is not known whether", "was begun: look before you do it again"):
        at.keeper.take("before a migration")
    at.vendor.faults = []
    assert len(at.keeper.snapshots()) == 4
    at.shown("one on demand: answers are lost", "told, not taken twice")


def test_a_backup_that_fails_is_told(at: At) -> None:
    at.vendor.doomed = True
    with at.failing("Failure", "failed"):
        at.keeper.take("before a migration")
    at.shown("one on demand that fails is told")
