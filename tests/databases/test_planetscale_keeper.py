"""What PlanetScale's backups alone have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from atvendor import At, held, service
from keepers.planetscale import PlanetScale
from standin import SECRET


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


@pytest.mark.slow
def test_the_tasks_list_take_and_restore_what_planetscale_keeps(tmp_path: Path) -> None:
    database = PlanetScale()
    with service(tmp_path, database) as at:

        def run(task: str, *words: str) -> tuple[int, str, str]:
            done = at.perform([f"ops/{task}", *words], at.project, at.environment)
            return done.returncode, done.stdout, done.stderr

        code, _, said = run("backup", "live")
        assert (code, "PLANETSCALE_SERVICE_TOKEN: " in said) == (2, True), said
        opens = database.environment()
        del opens["PLANETSCALE_API_URL"]
        at.environment |= opens
        code, made, said = run("backup", "live")
        assert code == 0, said
        code, listed, said = run("snapshots", "live")
        assert code == 0, said
        names = [line.split()[0] for line in listed.splitlines()]
        assert names[:2] == ["SNAPSHOT", made.strip()]
        code, _, said = run("restore", "live", made.strip(), "--into", "look")
        assert (code, f"{made.strip()} is back: " in said) == (0, True), said
        assert database.branches["look"]["restored_from_branch"] is not None
        for task, words, says in [
            ("restore", ("live", "b1", "--into", "look"), "'b1' is no snapshot"),
            ("restore", ("live", made.strip(), "--into", "look"), "there is a branch look"),
            ("restore", ("live", made.strip(), "--overwrite", "live"), "never in place: --into"),
            ("backup", ("local",), "sandbox, testbed or live"),
        ]:
            code, _, said = run(task, *words)
            assert code > 0
            assert says in said
    assert database.begun() == 1
