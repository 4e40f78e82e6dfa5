"""What Atlas' backups alone have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from atvendor import At, held, service
from keepers.atlas import Atlas, Flex
from keepers.base import DAY, ago
from standin import SECRET, Fault

LIVE = "my-service-live"


@pytest.fixture
def at() -> Iterator[At]:
    """A dedicated cluster."""
    yield from held(Atlas())


@pytest.fixture
def flex() -> Iterator[At]:
    """A Flex cluster."""
    yield from held(Flex())


def newest(at: At) -> Any:
    return at.keeper.snapshots()[0]


def test_nothing_is_to_be_had_of_a_free_cluster(at: At) -> None:
    at.vendor.bare()
    for ask in (at.keeper.snapshots, at.keeper.daily, lambda: at.keeper.take("now")):
        with at.failing("NoBackups", "no daily backups: Atlas takes them of Flex and of dedicated"):
            ask()
    assert at.changes() == []


def test_a_cluster_that_is_not_there(at: At) -> None:
    del at.vendor.clusters[LIVE]
    with at.failing("Failure", f"there is no cluster {LIVE} in the project "):
        at.keeper.snapshots()


def test_what_is_overwritten_is_backed_up_first(at: At) -> None:
    snapshot = newest(at)
    at.keeper.restore(snapshot, "")
    assert [call.rpartition("/")[2] for call in at.changes()] == ["snapshots", "restoreJobs"]
    [job] = at.vendor.jobs
    assert (job["targetClusterName"], job["snapshotId"]) == (LIVE, snapshot.id)
    assert f"what it has now is in the backup {newest(at).id}" in at.said.getvalue()


def test_it_is_not_overwritten_without_a_backup(at: At) -> None:
    at.vendor.faults = [Fault(at.vendor.takes, "401")]
    with at.failing("NothingChanged"):
        at.keeper.restore(newest(at), "")
    assert at.vendor.begun() == 0


def test_it_is_overwritten_without_a_backup_by_who_says_so(at: At) -> None:
    at.context.settings.environment["BACKUP_FIRST"] = "no"
    at.keeper.restore(newest(at), "")
    assert len(at.changes()) == 1
    assert "without a backup before, as BACKUP_FIRST says" in at.said.getvalue()


def test_of_flex_none_is_taken_first_and_that_is_said(flex: At) -> None:
    flex.keeper.restore(newest(flex), "")
    assert len(flex.changes()) == 1
    assert "without a backup before, as Atlas takes none of Flex" in flex.said.getvalue()


@pytest.mark.parametrize(
    ("into", "row", "kind", "says"),
    [
        ("absent", {}, "NothingChanged", "there is no cluster absent in the project"),
        ("drill", {"stateName": "UPDATING"}, "NothingChanged", "drill is UPDATING"),
        ("drill", {"terminationProtectionEnabled": True}, "NothingChanged", "is protected"),
        ("drill", {"free": True}, "NothingChanged", "drill is a Free cluster"),
        (LIVE, {}, "Misuse", f"{LIVE} is what live runs on; to replace what it has: --overwrite"),
        ("a/b", {}, "Misuse", "a cluster cannot be called 'a/b'"),
    ],
)
def test_a_cluster_that_nothing_goes_over(
    at: At, into: str, row: dict[str, Any], kind: str, says: str
) -> None:
    if row.pop("free", False):
        row = at.vendor.cluster("drill", "M0")
    at.vendor.clusters["drill"].update(row)
    with at.failing(kind, says):
        at.keeper.restore(newest(at), into)
    assert at.changes() == []


def test_a_source_whose_name_tells_no_environment(at: At) -> None:
    """Then none of the names tells which cluster is in use."""
    at.vendor.clusters["Cluster0"] = at.vendor.cluster("Cluster0")
    at.context.settings.environment["MONGODB_ATLAS_CLUSTER"] = "Cluster0"
    at.keeper = at.engine.keeper.Keeper(at.context)
    snapshot = at.engine.native.Snapshot("1", ago(0), "daily")
    with at.failing("NothingChanged", "its name does not end in -live"):
        at.keeper.restore(snapshot, "drill")
    assert at.vendor.calls == []


def test_one_restore_at_a_time(at: At) -> None:
    at.vendor.slow = 1000
    at.context.settings.environment["SNAPSHOT_TIMEOUT"] = "1"
    with at.failing("Failure", "is not ready after 1 s, and goes on"):
        at.restored()
    with at.failing("NothingChanged", "a restore to drill is under way"):
        at.restored()
    assert at.vendor.begun() == 1


def test_a_restore_that_was_made_before_is_not_taken_for_a_lost_one(at: At) -> None:
    at.restored()
    at.vendor.faults = [Fault(at.vendor.restores, "500")]
    with at.failing("Failure", "cannot be seen to have begun"):
        at.restored()
    assert at.vendor.begun() == 1


def test_what_somebody_else_begins_is_not_taken_for_what_was_lost(at: At) -> None:
    """Another backup, or a restore to another cluster, while ours met an outage."""
    theirs = {"id": "e" * 24, "snapshotId": newest(at).id, "targetClusterName": "other"}

    def refused(status: int) -> Any:
        if status == 500:
            at.vendor.jobs = [{**theirs, "deliveryType": "automated"}]
            made = {"id": "f" * 24, "snapshotType": "onDemand", "createdAt": ago(0)}
            at.vendor.backups.append({**made, "status": "completed", "description": "theirs"})
        return {"detail": f"refused with {status}"}

    at.vendor.refused = refused
    for begin, calls in (
        (at.restored, at.vendor.restores),
        (lambda: at.keeper.take("now"), at.vendor.takes),
    ):
        at.vendor.faults = [Fault(calls, "500")]
        with at.failing("Failure", "cannot be seen to have begun"):
            begin()


@pytest.mark.parametrize("how", ["failed", "cancelled", "expired"])
def test_how_a_restore_ends_without_its_data(at: At, how: str) -> None:
    job = {"id": "1", how: True, "finishedAt": ago(0)}
    assert at.engine.clusters.DEDICATED.job(job).state == "failed"


def test_a_restore_of_flex_is_closed_in_the_end(flex: At) -> None:
    """So the description has it; elsewhere it is COMPLETED."""
    assert flex.engine.clusters.FLEX.job({"id": "1", "status": "CLOSED"}).state == "ready"


def test_a_policy_gets_what_it_lacks_and_keeps_what_else_it_has(at: At) -> None:
    [policy] = at.vendor.schedule["policies"]
    hourly, daily, weekly, monthly = policy["policyItems"]
    daily["retentionValue"], weekly["retentionValue"] = 30, 1
    policy["policyItems"].remove(monthly)
    assert at.bootstrap()
    [policy] = at.vendor.schedule["policies"]
    kept = {each["frequencyType"]: each["retentionValue"] for each in policy["policyItems"]}
    assert kept == {"hourly": hourly["retentionValue"], "daily": 30, "weekly": 4, "monthly": 12}
    assert at.vendor.schedule["referenceHourOfDay"] == 3
    assert at.keeper.daily() == "one a day, kept for 30 days"
    assert not at.bootstrap()


def test_a_policy_without_a_daily_backup_is_none(at: At) -> None:
    [policy] = at.vendor.schedule["policies"]
    policy["policyItems"] = policy["policyItems"][2:]
    with at.failing("NoBackups", "Atlas has no policy that takes one a day"):
        at.keeper.daily()


def test_backups_that_are_switched_off_are_switched_on(at: At) -> None:
    at.vendor.clusters[LIVE]["backupEnabled"] = False
    for ask in (at.keeper.daily, lambda: at.keeper.take("now")):
        with at.failing("NoBackups", "backups of the cluster are switched off"):
            ask()
    assert at.bootstrap(dry=True)
    assert at.changes() == []
    assert at.bootstrap()
    assert at.vendor.clusters[LIVE]["backupEnabled"] is True
    assert not at.bootstrap()


def test_a_sharded_cluster_is_asked_elsewhere(at: At) -> None:
    at.vendor.clusters[LIVE]["clusterType"] = "SHARDED"
    made = at.keeper.take("before a migration")
    assert newest(at) == made
    at.keeper.restore(made, "drill")
    assert at.vendor.begun() == 1


def test_more_backups_than_fit_on_a_page(at: At) -> None:
    one = at.vendor.backups[0]
    at.vendor.backups = [{**one, "id": f"{count:024x}"} for count in range(501)]
    assert len({each.id for each in at.keeper.snapshots()}) == 501


def test_a_flex_cluster_that_was_made_today_has_none_as_yet(flex: At) -> None:
    flex.vendor.backups = flex.vendor.backups[1:2]
    assert newest(flex).state == "failed"
    with flex.failing("NoBackups", "no daily backups: Atlas has taken none of this cluster"):
        flex.keeper.daily()
    flex.vendor.clusters[LIVE]["createDate"] = ago(DAY)
    made = flex.engine.keeper.Keeper(flex.context)
    assert made.daily() == f"the first is taken a day after the cluster was made, at {ago(DAY)}"


def test_a_token_that_ends_gives_way_to_another(at: At) -> None:
    at.vendor.lasts = 700
    at.keeper.snapshots()
    at.keeper.snapshots()
    assert at.vendor.tokens == 1
    at.engine.clock.sleep(101)
    at.keeper.snapshots()
    assert at.vendor.tokens == 2


def test_a_wrong_secret_is_told_without_it(at: At) -> None:
    at.context.settings.environment |= {"MONGODB_ATLAS_CLIENT_SECRET": "wr0ng"}
    at.keeper = at.engine.keeper.Keeper(at.context)
    with at.failing("CallFailed", "POST https://atlas.test/api/oauth/token failed: 401"):
        at.keeper.snapshots()
    assert "wr0ng" not in at.said.getvalue()


@pytest.mark.slow
def test_the_tasks_list_and_restore_what_atlas_keeps(tmp_path: Path) -> None:
    project = Atlas()
    with service(tmp_path, project) as at:

        def run(task: str, *words: str) -> tuple[int, str, str]:
            done = at.perform([f"ops/{task}", *words], at.project, at.environment)
            return done.returncode, done.stdout, done.stderr

        code, _, said = run("snapshots", "live", "--vendor")
        assert (code, "MONGODB_ATLAS_CLIENT_SECRET: " in said) == (2, True), said
        opens = project.environment()
        del opens["MONGODB_ATLAS_API_URL"]
        at.environment |= opens
        code, listed, said = run("snapshots", "live", "--vendor")
        assert code == 0, said
        title, newest, *_ = [line.split()[0] for line in listed.splitlines()]
        assert (title, newest.partition(":")[0]) == ("SNAPSHOT", "vendor")
        for words, says in [
            ((newest, "--into", LIVE), f"{LIVE} is what live runs on"),
            ((newest, "--overwrite", "testbed"), "name it twice: --overwrite live"),
            ((newest, "--into", "--overwrite", "drill"), "and --into DATABASE or --overwrite"),
        ]:
            code, _, said = run("restore", "live", *words)
            assert code == 2, said
            assert says in said
        assert project.begun() == 0
        for words in ("--into", "drill"), ("--overwrite", "live"):
            code, _, said = run("restore", "live", newest, *words)
            assert (code, f"{newest} is back: the cluster " in said) == (0, True), said
    assert [each["targetClusterName"] for each in project.jobs] == ["drill", LIVE]
    assert SECRET not in said
