"""Backups that Atlas keeps of a cluster: by a policy and on demand, or of Flex once a day.

A restore makes no cluster: it goes over one that is there, and all that this has is lost.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any, TypeVar

from .account import Account
from .clusters import FLEX, SHARDED, VERSION, Cluster, Job, Kind, find
from .errors import Failure, Misuse, NothingChanged, asking
from .native import (
    KEPT,
    LATE,
    READY,
    UNDER_WAY,
    NoBackups,
    Restored,
    Snapshot,
    Unable,
    fresh,
    of,
    once,
    picked,
    spare,
    stamp,
    until,
)
from .platform import Context, Plan
from .schedule import Schedule

T = TypeVar("T")

#: The most rows that Atlas gives at once.
ROWS = 500
OFF = "backups of the cluster are switched off; ops/bootstrap switches them on"


class Keeper:
    """The cluster of one environment."""

    title = "MongoDB Atlas"

    def __init__(self, at: Context) -> None:
        self._at = at
        self._name = at.settings.get("MONGODB_ATLAS_CLUSTER")
        self._project = at.settings.get("MONGODB_ATLAS_PROJECT_ID")
        self._path = f"/api/atlas/v2/groups/{self._project}"
        self._account = Account(at.settings)
        self._own: tuple[Cluster, Kind] | None = None

    def check(self) -> None:
        """Note what is missing."""
        need = self._at.settings.need
        need("MONGODB_ATLAS_CLIENT_ID", "the client id of a service account of Atlas")
        need("MONGODB_ATLAS_CLIENT_SECRET", "its secret; it reads the project and manages its backups")
        need("MONGODB_ATLAS_PROJECT_ID", "the id, 24 hexadecimal digits, of the project")
        need("MONGODB_ATLAS_CLUSTER", f"the name of the cluster of {self._at.env}")

    def snapshots(self) -> list[Snapshot]:
        """Give those of the cluster."""
        _, kind = self._cluster()
        return sorted(self._all(kind.listed, kind.snapshot), key=lambda it: it.taken, reverse=True)

    def find(self, known: str) -> Snapshot:
        """Give one of them."""
        return picked(self.snapshots(), known)

    def daily(self) -> str:
        """Say by which policy they are taken; of Flex, when the newest was."""
        cluster, kind = self._cluster()
        if kind is FLEX:
            return self._fresh(cluster)
        if not cluster.backed:
            raise NoBackups(OFF)
        kept = self._schedule().days("daily")
        if not kept:
            raise NoBackups("Atlas has no policy that takes one a day; ops/bootstrap makes it")
        return f"one a day, kept for {kept} days"

    def take(self, why: str) -> Snapshot:
        """Take one, which is kept for some days."""
        cluster, kind = self._cluster()
        if kind is FLEX:
            raise Unable(f"Atlas takes one of a Flex cluster once a day, and none {why}; a dump can be had at any time")
        if not cluster.backed:
            raise NoBackups(OFF)
        note = f"ops-{stamp(time.time())}, {why}"
        wanted = {"description": note, "retentionInDays": KEPT}
        what = f"the backup {note},"
        made = once(
            what,
            lambda: self._call("POST", "snapshots", lambda it: str(it["id"]), wanted),
            lambda: next(filter(None, self._all(kind.listed, lambda it: named(it, note))), None),
        )
        until(what, lambda: self._one(made).state, self._at)
        return self._one(made)

    def restore(self, snapshot: Snapshot, into: str) -> Restored:
        """Have it in place of what a cluster has: another of the project, or the environment's own."""
        self._allowed(into)
        target, (_, kind) = into or self._name, self._cluster()
        with asking():
            self._free(target)
            known = self._jobs()
            if any(job.target == target and job.state == UNDER_WAY for job in known):
                raise Failure(f"a restore to {target} is under way; it has to end first")
        if not into:
            self._keep()
        cluster, project = kind.target
        wanted = {**kind.more, "snapshotId": snapshot.id, cluster: target, project: self._project}
        before = {job.id for job in known}
        what = f"the restore of {snapshot.id} to {target}"

        def begun() -> str | None:
            new = (job for job in self._jobs() if job.id not in before)
            return next((job.id for job in new if (job.snapshot, job.target) == (snapshot.id, target)), None)

        self._at.console.say(f"nobody can write to {target} from now on until it is done")
        made = once(what, lambda: self._call("POST", "restoreJobs", lambda it: str(it["id"]), wanted), begun)
        look = f"look what {target} has before anybody uses it"
        until(what, lambda: self._ask(f"restoreJobs/{made}", kind.job).state, self._at, look)
        return Restored(f"the cluster {target}, in place of what it had")

    def discard(self, into: str) -> None:
        """Take nothing away: a restore makes nothing new."""

    def bootstrap(self, plan: Plan) -> None:
        """Have the policy; of Flex there is nothing to set."""
        cluster, kind = self._cluster()
        if kind is FLEX:
            self.daily()
            return
        if not cluster.backed:
            path, on = f"{self._path}/clusters/{self._name}", {"backupEnabled": True}
            api = self._account.on("2024-10-23")
            plan.change("have Atlas back the cluster up", lambda: api.call("PATCH", path, bool, on, twice=True))
        if not cluster.backed or not self._schedule().fits():
            what = "have Atlas take a backup each day at 03:00 UTC, and keep 7 daily, 4 weekly, 12 monthly ones"
            plan.change(what, self._set)

    def _cluster(self) -> tuple[Cluster, Kind]:
        """Give the environment's own, and of which kind it is; NoBackups of a Free one."""
        if not self._own:
            found = find(self._account, self._path, self._name)
            if not found:
                raise Failure(f"there is no cluster {self._name} in the project {self._project}")
            if not found.kind:
                own = "ops/backup takes a dump of any"
                raise NoBackups(f"Atlas takes them of Flex and of dedicated clusters, and none of Free; {own}")
            self._own = found, found.kind
        return self._own

    def _fresh(self, cluster: Cluster) -> str:
        """Say that the daily backups of Flex, which nobody can switch off, are taken."""
        now = time.time()
        known = [each for each in self.snapshots() if each.state == READY]
        if fresh(known, now):
            return f"the newest is of {known[0].taken}"
        if cluster.made > stamp(now - LATE * 3600):
            return f"the first is taken a day after the cluster was made, at {cluster.made}"
        raise NoBackups(f"the newest is of {known[0].taken}" if known else "Atlas has taken none of this cluster")

    def _allowed(self, into: str) -> None:
        """Stop before anything goes over a cluster that may be in use."""
        name, env = self._name, self._at.env
        if not of(name, env):
            raise NothingChanged(f"MONGODB_ATLAS_CLUSTER is not the cluster of {env}: its name does not end in -{env}")
        if into == name:
            raise Misuse(f"{into} is what {env} runs on; to replace what it has: --overwrite {env}")
        if into and not re.fullmatch("[a-zA-Z0-9][a-zA-Z0-9-]{0,63}", into):
            raise Misuse(f"a cluster cannot be called '{into}': letters, digits and hyphens")
        if not spare(into):
            raise Misuse(f"{into} is an environment's, as its name ends: nothing else goes over it")

    def _free(self, target: str) -> None:
        """Stop unless that is a cluster that can be restored to."""
        found = find(self._account, self._path, target)
        if not found:
            how = "make one of the same version of MongoDB, or the next"
            raise Failure(f"there is no cluster {target} in the project, and a restore makes none: {how}")
        if not found.kind:
            raise Failure(f"{target} is a Free cluster, to which Atlas restores nothing")
        if found.guarded and target != self._name:
            raise Failure(f"{target} is protected from termination: what it has is wanted")
        if found.state != "IDLE":
            raise Failure(f"{target} is {found.state}, which has to end first")

    def _keep(self) -> None:
        """Have a backup of what is to be overwritten."""
        _, kind = self._cluster()
        say = self._at.console.say
        if kind is FLEX:
            say("without a backup before, as Atlas takes none of Flex on demand")
        elif self._at.settings.get("BACKUP_FIRST") == "no":
            say("without a backup before, as BACKUP_FIRST says")
        else:
            with asking():
                say(f"what it has now is in the backup {self.take('before a restore').id}")

    def _backups(self) -> str:
        return f"{self._path}/{self._cluster()[1].path}/{self._name}/backup"

    def _call(self, method: str, what: str, read: Callable[[Any], T], body: object) -> T:
        return self._account.on(self._cluster()[1].version).call(method, f"{self._backups()}/{what}", read, body)

    def _ask(self, what: str, read: Callable[[Any], T]) -> T:
        return self._account.on(self._cluster()[1].version).ask(f"{self._backups()}/{what}", read)

    def _all(self, what: str, read: Callable[[Any], T]) -> list[T]:
        """Give all rows, of as many pages as there are; those of a sharded cluster come at once."""
        if what == SHARDED.listed:
            return self._ask(what, lambda it: [read(each) for each in it["results"]])
        found: list[T] = []
        page = 1
        while len(found) == ROWS * (page - 1):
            rows = f"{what}?itemsPerPage={ROWS}&pageNum={page}"
            found += self._ask(rows, lambda it: [read(each) for each in it["results"]])
            page += 1
        return found

    def _one(self, known: str) -> Snapshot:
        _, kind = self._cluster()
        return self._ask(f"{kind.one}/{known}", kind.snapshot)

    def _jobs(self) -> list[Job]:
        return self._all("restoreJobs", self._cluster()[1].job)

    def _schedule(self) -> Schedule:
        return self._account.on(VERSION).ask(f"{self._backups()}/schedule", Schedule.read)

    def _set(self) -> None:
        """Bring the schedule to what is wanted."""
        wanted = self._schedule().wanted()
        self._account.on(VERSION).call("PATCH", f"{self._backups()}/schedule", bool, wanted, twice=True)


def named(it: Any, note: str) -> str:  # noqa: ANN401 (JSON)
    """Give the id of a snapshot if it is the one with a note."""
    return str(it["id"]) if it.get("description") == note else ""
