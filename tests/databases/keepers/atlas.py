"""MongoDB Atlas: backups replace what a cluster has; Flex is another API, and Free has none."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from standin import SECRET, Asked

from keepers.base import DAY, Keeping, ago

Row = dict[str, Any]
PROJECT = "5f0c1d2e3a4b5c6d7e8f9a0b"
LOGIN = base64.b64encode(f"mdb_sa_id_1:mdb_sa_sk_{SECRET}".encode()).decode()
#: The policy that each dedicated cluster begins with.
POLICY = [
    dict(
        zip(
            ("frequencyType", "frequencyInterval", "retentionValue", "retentionUnit"),
            row,
            strict=True,
        )
    )
    for row in (
        ("hourly", 6, 2, "days"),
        ("daily", 1, 7, "days"),
        ("weekly", 6, 4, "weeks"),
        ("monthly", 40, 12, "months"),
    )
]


def number(count: int) -> str:
    """Give an id as Atlas has them."""
    return f"{count:024x}"


@dataclass
class Atlas(Keeping):
    """A project with two dedicated clusters.

    Args:
        clusters: By name, as the API gives them.
        backups: Of the cluster `my-service-live`, oldest first.
        schedule: When they are taken.
        jobs: Restores.
        tokens: How many were given.
        lasts: Seconds that a token is good for.
        looks: How many it takes until what was begun last is done.
    """

    title: ClassVar[str] = "Atlas, dedicated"
    option: ClassVar[str] = "atlas"
    file: ClassVar[str] = "atlas-trimmed.json"
    into: ClassVar[str] = "drill"
    place: ClassVar[str] = "over another cluster, or in place"
    elsewhere: ClassVar[tuple[str, str, str]] = (
        "my-service-testbed", "Misuse", "not over another environment's",
    )  # fmt: skip
    restores: ClassVar[str] = "POST .*/restoreJobs"
    takes: ClassVar[str] = "POST .*/snapshots"
    why: ClassVar[str] = "a Free cluster"
    path: ClassVar[str] = "clusters"
    target: ClassVar[tuple[str, str]] = ("targetClusterName", "targetGroupId")
    clusters: dict[str, Row] = field(default_factory=dict)
    backups: list[Row] = field(default_factory=list)
    schedule: Row = field(default_factory=dict)
    jobs: list[Row] = field(default_factory=list)
    tokens: int = 0
    lasts: int = 3600
    looks: int = 0

    def __post_init__(self) -> None:
        """Begin with three backups, of which one failed."""
        super().__post_init__()
        for name in "my-service-live", "my-service-testbed", "drill":
            self.clusters[name] = self.cluster(name)
        for known, when in (1, 2 * DAY), (2, DAY), (3, 3600):
            self.backups.append(self.backup(number(known), ago(when), failed=known == 2))
        items = [{**each, "id": number(80)} for each in POLICY]
        self.schedule = {"referenceHourOfDay": 18, "referenceMinuteOfHour": 0}
        self.schedule["policies"] = [{"id": number(90), "policyItems": items}]

    def cluster(self, name: str, size: str = "M10") -> Row:
        """Make one."""
        region = {"electableSpecs": {"instanceSize": size, "nodeCount": 3}}
        return {
            "name": name,
            "stateName": "IDLE",
            "backupEnabled": size != "M0",
            "createDate": ago(90 * DAY),
            "clusterType": "REPLICASET",
            "replicationSpecs": [{"regionConfigs": [region]}],
        }

    def backup(self, known: str, when: str, *, failed: bool = False) -> Row:
        """Make one that was taken by the policy."""
        row = {"id": known, "createdAt": when, "storageSizeBytes": 4096}
        row |= {"snapshotType": "scheduled", "frequencyType": "daily"}
        return {**row, "status": "failed" if failed else "completed"}

    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""
        return {
            "MONGODB_ATLAS_API_URL": "https://atlas.test",
            "MONGODB_ATLAS_CLIENT_ID": "mdb_sa_id_1",
            "MONGODB_ATLAS_CLIENT_SECRET": f"mdb_sa_sk_{SECRET}",
            "MONGODB_ATLAS_PROJECT_ID": PROJECT,
            "MONGODB_ATLAS_CLUSTER": "my-service-live",
        }

    def authorized(self, headers: Mapping[str, str]) -> bool:
        """Say whether a call has the newest token."""
        return headers["Authorization"] == f"Bearer {SECRET}-{self.tokens}"

    def unpublished(self, said: str, headers: Mapping[str, str], body: bytes | None) -> Any:
        """Give a token, as MongoDB's page on them has it."""
        if said != "POST /api/oauth/token":
            return None
        form = headers["Content-Type"] == "application/x-www-form-urlencoded"
        if headers["Authorization"] != f"Basic {LOGIN}":
            return 401, {"error": "invalid_client"}
        assert form
        assert body == b"grant_type=client_credentials"
        self.tokens += 1
        token = {"access_token": f"{SECRET}-{self.tokens}", "token_type": "Bearer"}
        return 200, {**token, "expires_in": self.lasts}

    def bare(self) -> None:
        """Be a Free cluster."""
        self.clusters["my-service-live"] = self.cluster("my-service-live", "M0")

    def told(self) -> Any:
        """Give the schedule, and whether there are backups at all."""
        return self.schedule, self.clusters["my-service-live"]["backupEnabled"]

    def begun(self) -> int:
        """Give how many restores were begun."""
        return len(self.jobs)

    def refused(self, status: int) -> Any:
        """Say it as it does."""
        return {"detail": f"refused with {status}", "error": status, "errorCode": "REFUSED"}

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Answer a call."""
        assert asked.path[:5] == ["api", "atlas", "v2", "groups", PROJECT]
        kind, name, *rest = asked.path[5:]
        if name not in self.clusters:
            return 404, self.refused(404)
        if kind != self.path:
            assert rest == []
            assert kind == "flexClusters", "what is asked first tells Flex from others"
            return self._refused("CANNOT_USE_NON_FLEX_CLUSTER_IN_FLEX_API")
        if not rest:
            return self._cluster(asked, name)
        assert (rest[0], name) == ("backup", "my-service-live")
        return self._backup(asked, rest[1:])

    def _cluster(self, asked: Asked, name: str) -> tuple[int, Any]:
        if asked.method == "PATCH":
            self.clusters[name].update(asked.body)
        return 200, self.clusters[name]

    def _backup(self, asked: Asked, rest: list[str]) -> tuple[int, Any]:  # noqa: PLR0911 (one a call)
        match asked.method, rest:
            case "GET", ["schedule"]:
                return 200, self.schedule
            case "PATCH", ["schedule"]:
                self.schedule = json.loads(json.dumps({**self.schedule, **asked.body}))
                return 200, self.schedule
            case "POST", ["snapshots"]:
                return self._take(asked.body)
            case "GET", ["snapshots"] if self._sharded():
                return self._refused("INCORRECT_BACKUP_API_ENDPOINT")
            case "GET", ["snapshots"] | ["snapshots", "shardedClusters"]:
                return 200, _page(self.backups, asked.query)
            case "GET", ["snapshots", known] | ["snapshots", "shardedCluster", known]:
                assert (rest[1] == "shardedCluster") == self._sharded()
                return 200, self._looked_at(self.backups, known)
            case "POST", ["restoreJobs"]:
                return self._restore(asked.body)
            case "GET", ["restoreJobs"]:
                return 200, _page(self.jobs, asked.query)
            case "GET", ["restoreJobs", known]:
                return 200, self._looked_at(self.jobs, known)
        raise AssertionError(asked)

    def _refused(self, code: str) -> tuple[int, Any]:
        return 400, {**self.refused(400), "errorCode": code}

    def _sharded(self) -> bool:
        return self.clusters["my-service-live"].get("clusterType") == "SHARDED"

    def _take(self, body: Row) -> tuple[int, Any]:
        self.looks = self.slow
        made = {"id": number(len(self.backups) + 1), "snapshotType": "onDemand"}
        self.backups.append({**made, "status": "queued", "description": body["description"]})
        return 200, self.backups[-1]

    def _restore(self, body: Row) -> tuple[int, Any]:
        self.looks = self.slow
        cluster, project = self.target
        assert body[project] == PROJECT
        assert self.clusters[body[cluster]]["stateName"] == "IDLE"
        whole = [each["id"] for each in self.backups if each["status"].lower() == "completed"]
        assert body["snapshotId"] in whole
        self.jobs.append({"id": number(len(self.jobs) + 50), **body, **self.job("RUNNING")})
        return 200, self.jobs[-1]

    def job(self, status: str) -> Row:
        """Say how a restore stands."""
        return {"finishedAt": ago(0)} if status == "COMPLETED" else {"failed": status == "FAILED"}

    def _looked_at(self, rows: list[Row], known: str) -> Row:
        """Give one of them, which comes to its end when it was looked at often enough."""
        [row] = [each for each in rows if each["id"] == known]
        if self.looks == 0:
            if rows is self.jobs:
                row.update(self.job("FAILED" if self.doomed else "COMPLETED"))
            elif row["status"] == "queued":
                status = "failed" if self.doomed else "completed"
                row.update(status=status, storageSizeBytes=8192, createdAt=ago(0))
        self.looks -= 1
        return row


@dataclass
class Flex(Atlas):
    """A project with two Flex clusters."""

    title: ClassVar[str] = "Atlas, Flex"
    takes: ClassVar[str] = ""
    why: ClassVar[str] = "none of the last 36 hours"
    path: ClassVar[str] = "flexClusters"
    target: ClassVar[tuple[str, str]] = ("targetDeploymentItemName", "targetProjectId")

    def cluster(self, name: str, size: str = "FLEX") -> Row:
        """Make one."""
        assert size == "FLEX"
        made = {"name": name, "stateName": "IDLE", "createDate": ago(90 * DAY)}
        return {**made, "providerSettings": {"providerName": "FLEX"}}

    def backup(self, known: str, when: str, *, failed: bool = False) -> Row:
        """Make one."""
        return {"id": known, "startTime": when, "status": "FAILED" if failed else "COMPLETED"}

    def bare(self) -> None:
        """Have none of the last day and a half."""
        self.backups = self.backups[:2]

    def told(self) -> None:
        """Give nothing: nobody can tell it anything."""

    def job(self, status: str) -> Row:
        """Say how a restore stands."""
        return {"status": status}


def _page(rows: list[Row], query: dict[str, str]) -> Row:
    size, page = int(query.get("itemsPerPage", 100)), int(query.get("pageNum", 1))
    return {"results": rows[(page - 1) * size : page * size], "totalCount": len(rows)}
