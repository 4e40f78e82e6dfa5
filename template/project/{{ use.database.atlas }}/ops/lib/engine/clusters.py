"""Clusters of Atlas: dedicated and Flex ones are asked for their backups by different calls, Free ones have none."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from .account import Account
from .calls import CallFailed
from .native import FAILED, READY, UNDER_WAY, Snapshot, stamp, utc

#: The version of the calls for clusters themselves.
VERSION = "2024-08-05"
#: What Atlas calls the phases of a snapshot, and of a restore of Flex.
STATES = {
    "completed": READY, "queued": UNDER_WAY, "inProgress": UNDER_WAY,
    "COMPLETED": READY, "CLOSED": READY, "FAILED": FAILED,
    "PENDING": UNDER_WAY, "QUEUED": UNDER_WAY, "RUNNING": UNDER_WAY,
}  # fmt: skip


class Job(NamedTuple):
    """A restore: of which snapshot, and over which cluster."""

    id: str
    snapshot: str
    target: str
    state: str


class Kind(NamedTuple):
    """A kind of clusters.

    Args:
        path: Where its clusters are.
        version: Of the calls for its backups.
        listed: Where its snapshots are, below `backup`.
        one: Where one of them is.
        snapshot: Reads one.
        job: Reads a restore.
        target: What a call that begins one calls the cluster, and its project.
        more: What else it says.
    """

    path: str
    version: str
    listed: str
    one: str
    snapshot: Callable[[Any], Snapshot]
    job: Callable[[Any], Job]
    target: tuple[str, str]
    more: dict[str, str]


def _snapshot(it: Any) -> Snapshot:  # noqa: ANN401 (JSON)
    kind = "on demand" if it["snapshotType"] == "onDemand" else it["frequencyType"]
    # One that waits was not taken as yet.
    taken = utc(it.get("createdAt") or stamp(time.time()))
    return Snapshot(it["id"], taken, kind, STATES.get(it["status"], FAILED), it.get("storageSizeBytes"))


def _job(it: Any) -> Job:  # noqa: ANN401 (JSON)
    over = it.get("failed") or it.get("cancelled") or it.get("expired")
    state = FAILED if over else READY if it.get("finishedAt") else UNDER_WAY
    return Job(it["id"], it.get("snapshotId", ""), it.get("targetClusterName", ""), state)


def _flex_snapshot(it: Any) -> Snapshot:  # noqa: ANN401 (JSON)
    taken = utc(it.get("startTime") or it["scheduledTime"])
    return Snapshot(it["id"], taken, "daily", STATES.get(it["status"], FAILED))


def _flex_job(it: Any) -> Job:  # noqa: ANN401 (JSON)
    state = STATES.get(it["status"], UNDER_WAY)
    return Job(it["id"], it.get("snapshotId", ""), it.get("targetDeploymentItemName", ""), state)


DEDICATED = Kind(
    "clusters", "2023-01-01", "snapshots", "snapshots", _snapshot, _job, ("targetClusterName", "targetGroupId"),
    {"deliveryType": "automated"},
)  # fmt: skip
SHARDED = DEDICATED._replace(listed="snapshots/shardedClusters", one="snapshots/shardedCluster")
FLEX = Kind(
    "flexClusters", "2024-11-13", "snapshots", "snapshots", _flex_snapshot, _flex_job,
    ("targetDeploymentItemName", "targetProjectId"), {},
)  # fmt: skip


class Cluster(NamedTuple):
    """A cluster.

    Args:
        kind: None for a Free one.
        state: IDLE, unless something is under way.
        backed: Whether backups are switched on.
        guarded: Whether it is protected from termination.
        made: When, as `utc` writes it.
    """

    name: str
    kind: Kind | None
    state: str
    backed: bool
    guarded: bool
    made: str


def find(account: Account, project: str, name: str) -> Cluster | None:
    """Give the cluster that a project has by a name."""
    for path, version, read in ((FLEX.path, FLEX.version, _flex), (DEDICATED.path, VERSION, _other)):
        try:
            return account.on(version).ask(f"{project}/{path}/{name}", read)
        except CallFailed as error:
            # Where Flex clusters are, another is refused with 400.
            if error.status not in (400, 404):
                raise
    return None


def _flex(it: Any) -> Cluster:  # noqa: ANN401 (JSON)
    guarded = bool(it.get("terminationProtectionEnabled"))
    return Cluster(it["name"], FLEX, it["stateName"], True, guarded, utc(it["createDate"]))


def _other(it: Any) -> Cluster:  # noqa: ANN401 (JSON)
    regions = [region for each in it["replicationSpecs"] for region in each["regionConfigs"]]
    free = any(region.get("electableSpecs", {}).get("instanceSize") == "M0" for region in regions)
    kind = None if free else DEDICATED if it["clusterType"] == "REPLICASET" else SHARDED
    guarded = bool(it.get("terminationProtectionEnabled"))
    return Cluster(it["name"], kind, it["stateName"], bool(it["backupEnabled"]), guarded, utc(it["createDate"]))
