"""What Supabase's backups alone have."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from atvendor import At, held, service
from keepers.base import DAY
from keepers.supabase import REF, Supabase
from standin import SECRET


@pytest.fixture
def at() -> Iterator[At]:
    """A project at Supabase."""
    yield from held(Supabase())


def test_any_moment_of_a_log_comes_back(at: At) -> None:
    now = int(time.time())
    at.vendor.backups, at.vendor.log = [], (now - DAY, now - 60)
    assert [each.id for each in at.keeper.snapshots()] == [f"at-{now - 60}", f"at-{now - DAY}"]
    assert "any moment since" in at.keeper.daily()
    at.keeper.restore(at.keeper.find(f"at-{now - 3600}"), "")
    assert at.vendor.restored == [now - 3600]
    with at.failing("Misuse", "there is no snapshot"):
        at.keeper.find(f"at-{now - 2 * DAY}")


def test_daily_ones_are_not_restored_by_the_api_as_yet(at: At) -> None:
    at.vendor.lets = False
    where = f"do it there: https://supabase.com/dashboard/project/{REF}/database/backups"
    with at.failing("NothingChanged", where):
        at.restored()


def test_one_that_is_under_way_already_has_to_end_first(at: At) -> None:
    at.vendor.coming = ["RESTORING"]
    with at.failing("NothingChanged", "is not up; what is under way there has to end first"):
        at.restored()
    assert at.vendor.begun() == 0


def test_a_project_that_stays_down_is_one_for_its_support(at: At) -> None:
    at.vendor.doomed = True
    with at.failing("Failure", "the project is down: https://supabase.com/dashboard/support/new"):
        at.restored()


def test_a_plan_that_lets_nobody_choose_a_time_is_well(at: At) -> None:
    at.vendor.chooses = False
    assert not at.bootstrap()
    assert at.changes() == []


def test_old_daily_ones_are_none(at: At) -> None:
    """A project that was paused, or a backup that fails night after night."""
    at.vendor.backups = at.vendor.backups[:2]
    with at.failing("NoBackups", "no daily backups: the newest is of "):
        at.keeper.daily()


@pytest.mark.slow
def test_ops_bootstrap_sets_up_the_platform_and_the_backups(tmp_path: Path) -> None:
    """By one plan: what is missing is named at once, and a second one changes nothing."""
    project = Supabase()
    with service(tmp_path, project) as at:
        missing = at.run("ops/bootstrap", "live", RENDER_API_KEY="")
        assert missing.returncode == 2
        assert "RENDER_API_KEY: " in missing.stderr
        assert "SUPABASE_ACCESS_TOKEN: an access token of Supabase" in missing.stderr
        at.environment |= {"SUPABASE_ACCESS_TOKEN": SECRET, "SUPABASE_PROJECT_REF": REF}
        first, second = (at.run("ops/bootstrap", "live") for _ in range(2))
        assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
        assert "have Supabase take the daily backup at 03:00:00 UTC" in first.stderr
        assert "live is as it should be" in second.stderr
        project.bare()
        refused = at.run("ops/bootstrap", "live")
    assert refused.returncode == 1
    assert "no daily backups: Supabase takes them for the plans Pro" in refused.stderr
    assert "not applied: backups; once the cause is gone, do it again: " in refused.stderr


@pytest.mark.slow
def test_ops_restore_brings_back_what_ops_snapshots_lists(tmp_path: Path) -> None:
    project = Supabase()
    with service(tmp_path, project) as at:
        at.environment |= {"SUPABASE_ACCESS_TOKEN": SECRET, "SUPABASE_PROJECT_REF": REF}
        listed = at.perform(["ops/snapshots", "live", "--vendor"], at.project, at.environment)
        names = [line.split()[0] for line in listed.stdout.splitlines()]
        assert names == ["SNAPSHOT", "vendor:9", "vendor:8", "vendor:7"], listed.stderr
        for more, says in [
            (["--into", "other"], "and nowhere else: --overwrite live"),
            (["--overwrite", "testbed"], "name it twice: --overwrite live"),
        ]:
            task = ["ops/restore", "live", "vendor:9", *more]
            refused = at.perform(task, at.project, at.environment)
            assert refused.returncode > 0
            assert says in refused.stderr
        assert project.begun() == 0
        task = ["ops/restore", "live", "vendor:9", "--overwrite", "live"]
        done = at.perform(task, at.project, at.environment)
    assert done.returncode == 0, done.stderr
    assert "vendor:9 is back: the project " in done.stderr
    assert project.restored == [9]
