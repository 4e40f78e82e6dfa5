"""Each call of a task goes wrong in turn: what it then says is so, and nothing is left over."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from memory import Remembered
from process import Done, Inside
from table import shown
from vendors import VENDORS
from vendors.base import SECRET, Fault, Vendor

pytestmark = pytest.mark.slow

#: How a call goes wrong, and how many do from then on: four are all tries of one that is repeated.
FAULTS = {
    "the token expires": ("401", 999),
    "too many calls": ("429", 4),
    "an outage": ("500", 4),
    "a lost answer": ("drop", 1),
    "lost answers": ("drop", 4),
}
#: What a task says where nobody can know what runs.
DOUBTS = ("may be down", "is not known to run", "may still run", "did not come back")
#: What it says where what is wanted may differ from what runs.
DIFFERS = ("could not be told to want what runs", "may be those of what failed")


@pytest.fixture(params=VENDORS, ids=lambda it: it.title)
def at(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Inside]:
    """A new service on each host, where a task gives up before long."""
    vendor: Vendor = request.param()
    with vendor.serving():
        made = Remembered.inside(vendor, tmp_path)
        made.environment |= {"HTTP_TIMEOUT": "5", "DEPLOY_TIMEOUT": "60"}
        yield made
    assert not [each for each in made.heard if SECRET in each]


def told(done: Done, before: str, after: str) -> str:
    """Give the commit that a task says is running, or nothing, if it says that it does not know."""
    if done.returncode == 0:
        return after
    last = done.stderr.splitlines()[-1]
    if re.search("nothing was (changed|deployed)", last):
        return before
    found = re.search("live runs ([0-9a-f]{40}) (again|and is healthy)", last)
    found = found or re.search("()([0-9a-f]{40}) runs again", last)
    if found:
        return found[1] or found[2]
    assert [each for each in DOUBTS if each in done.stderr], done.stderr
    return ""


def hold(at: Inside, done: Done, before: str, after: str) -> None:
    """Hold what runs, now and later, to what a task said of it."""
    vendor, says = at.vendor, told(done, before, after)
    assert not at.locked()
    assert sum(at.clock.slept) < 150
    runs = vendor.running()
    vendor.lapse()
    if says:
        assert runs == vendor.running() == says, done.stderr
        differs = [each for each in DIFFERS if each in done.stderr]
        assert differs or vendor.wanted() == says, done.stderr
    else:
        assert vendor.running() in (before, after), done.stderr


def broken(at: Inside, number: int, kind: Any, times: int, *task: str) -> tuple[Done, bool]:
    """Run a task whose call of a number goes wrong, and say whether it made so many."""
    fault = Fault("(?s).*", kind, times, after=number)
    at.vendor.faults = [fault]
    at.clock.slept.clear()
    done = at.run(*task)
    at.vendor.faults = []
    return done, fault.times < times


@pytest.mark.parametrize("how", FAULTS)
def test_any_call_of_a_deploy_goes_wrong(at: Inside, how: str) -> None:
    at.deploy("v0.0.0")
    met = True
    for number in range(30):
        before, after = at.vendor.running(), at.commit(f"v1.{number}.0")
        done, met = broken(at, number, *FAULTS[how], "ops/deploy", "live")
        hold(at, done, before, after)
        if not met:
            break
    assert not met
    at.deploy("v2.0.0")
    assert at.vendor.wanted() == at.vendor.running()
    shown(at, "each call of a deploy goes wrong, in five ways: it says what then runs")


@pytest.mark.parametrize("how", FAULTS)
def test_any_call_of_a_rollback_goes_wrong(at: Inside, how: str) -> None:
    met = True
    for number in range(30):
        after, before = at.deploy(f"v1.{number}.0"), at.deploy(f"v1.{number}.1")
        done, met = broken(at, number, *FAULTS[how], "ops/rollback", "live")
        hold(at, done, before, after)
        if not met:
            break
    assert not met
    at.deploy("v2.0.0")
    assert at.vendor.wanted() == at.vendor.running()
    shown(at, "each call of a rollback goes wrong, in five ways: it says what then runs")


@pytest.mark.parametrize("how", ["an outage", "a lost answer"])
def test_any_call_of_a_bootstrap_goes_wrong(at: Inside, how: str) -> None:
    """Whatever was done by then, the next one does the rest, and no part of it twice."""
    if at.vendor.stack != "static":
        at.environment["IMAGE_REPOSITORY"] = "ghcr.io/team/service"
    at.commit("v1.0.0")
    at.vendor.forget()
    start = copy.deepcopy({key: value for key, value in vars(at.vendor).items() if key != "url"})
    met = True
    for number in range(40):
        vars(at.vendor).update(copy.deepcopy(start))
        done, met = broken(at, number, *FAULTS[how], "ops/bootstrap", "live")
        if not met:
            break
        if done.returncode:
            assert "live is not set up yet" in done.stderr
            done = at.run("ops/bootstrap", "live")
            assert done.returncode == 0, (number, done.stderr)
        again = at.run("ops/bootstrap", "live")
        assert again.returncode == 0, again.stderr
        assert "live is as it should be" in again.stderr
        kept = [line for line in done.stderr.splitlines() if "keep in" in line]
        assert set(kept) <= set(again.stderr.splitlines()), "what it says of where it is stays"
    assert not met
    shown(at, "any call of a bootstrap goes wrong, in two ways: the next one does the rest")
