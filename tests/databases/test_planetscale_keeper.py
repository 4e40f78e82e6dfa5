"""What PlanetScale's backups alone have."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from atvendor import At, held
from keepers.base import SECRET
from keepers.planetscale import PlanetScale


@pytest.fixture
def at() -> Iterator[At]:
    """A database at PlanetScale."""
    yield from held(PlanetScale())


def test_a_restored_branch_can_be_read_and_is_deleted(at: At) -> None:
    password = f"u%2F1:pscale_pw_{SECRET}"
    url = f"mysql://{password}@aws.connect.psdb.cloud:3306/my-service-live"
    assert at.restored().url == url
    [made] = at.vendor.passwords
    assert (made["role"], made["ttl"], made["branch"]) == ("reader", 4 * 3600, "drill")
    assert at.vendor.branches["drill"]["cluster_name"] == "PS_20"
    at.keeper.discard("drill")
    at.keeper.discard("drill")
    assert list(at.vendor.branches) == ["main"]


def test_a_branch_that_is_there_stays_as_it_is(at: At) -> None:
    at.restored()
    with at.failing("NothingChanged", "there is a branch drill"):
        at.restored()
    with at.failing("Misuse", "the branch main stays"):
        at.keeper.discard("main")
    assert list(at.vendor.branches) == ["main", "drill"]


def test_no_room_for_another_branch(at: At) -> None:
    at.vendor.full = True
    with at.failing("NothingChanged", "as many restored branches as PlanetScale allows"):
        at.restored()
    with at.failing("Misuse", "a branch cannot be called 'a/b'"):
        at.keeper.restore(at.keeper.snapshots()[0], "a/b")


def test_a_policy_that_somebody_changed_is_put_right(at: At) -> None:
    at.bootstrap()
    at.vendor.policies[-1]["retention_value"] = 1
    assert at.bootstrap()
    assert at.vendor.policies[-1]["retention_value"] == 7
    assert not at.bootstrap()


def test_more_backups_than_fit_on_a_page(at: At) -> None:
    one = at.vendor.backups[0]
    at.vendor.backups = [{**one, "id": f"n{number}"} for number in range(101)]
    assert len({each.id for each in at.keeper.snapshots()}) == 101
