"""Backups that PlanetScale keeps of a branch: by a policy and on demand; they come back as a new branch.

A dump of a database that is in use is not to be had: a transaction ends after 20 s, and a query after 100,000 rows.
"""

from __future__ import annotations

import re
import time
from typing import Any, NamedTuple
from urllib.parse import quote

from .api import Api
from .calls import CallFailed
from .errors import Failure, Misuse, NothingChanged, asking
from .native import (
    FAILED,
    KEPT,
    READY,
    UNDER_WAY,
    NoBackups,
    Restored,
    Snapshot,
    Unable,
    once,
    picked,
    stamp,
    until,
    utc,
)
from .platform import Context, Plan

STATES = {"success": READY, "pending": UNDER_WAY, "running": UNDER_WAY}
#: Hours in what a policy counts.
HOURS = {"hour": 1, "day": 24, "week": 168, "month": 720, "year": 8760}
#: The policy that `bootstrap` holds to, by its name.
POLICY = {
    "name": "daily", "target": "production", "frequency_value": 1, "frequency_unit": "day",
    "retention_value": KEPT, "retention_unit": "day", "schedule_time": "03:00",
}  # fmt: skip
#: Seconds that the password of a restored branch is good for.
PASSWORD = 4 * 3600


class Branch(NamedTuple):
    """A branch, which is a database of its own."""

    name: str
    size: str
    production: bool
    ready: bool
    restored: bool

    @classmethod
    def read(cls, it: Any) -> Branch:  # noqa: ANN401 (JSON)
        """Read an answer."""
        up = bool(it["ready"]) and it["state"] == "ready"
        return cls(it["name"], it["cluster_name"], it["production"], up, it["restored_from_branch"] is not None)


def backup(it: Any) -> Snapshot:  # noqa: ANN401 (JSON)
    """Read one of a list of backups."""
    policy = it["backup_policy"]
    kind = f"every {policy['frequency_value']} {policy['frequency_unit']}" if policy else "on demand"
    kind = {"every 1 day": "daily"}.get(kind, kind)
    taken = utc(it["completed_at"] or it["created_at"])
    return Snapshot(it["id"], taken, kind, STATES.get(it["state"], FAILED), int(it["size"] or 0))


class Keeper:
    """The database of one environment, and the branch of it that the service uses."""

    title = "PlanetScale"

    def __init__(self, at: Context) -> None:
        get = at.settings.get
        self._at = at
        self._database = get("PLANETSCALE_DATABASE")
        self._branch = get("PLANETSCALE_BRANCH", "main")
        self._path = f"/organizations/{get('PLANETSCALE_ORG')}/databases/{self._database}"
        address = get("PLANETSCALE_API_URL", "https://api.planetscale.com/v1")
        token = f"{get('PLANETSCALE_SERVICE_TOKEN_ID')}:{get('PLANETSCALE_SERVICE_TOKEN')}"
        self._api = Api(address, {"Authorization": token}, at.settings)

    def check(self) -> None:
        """Note what is missing."""
        need = self._at.settings.need
        need("PLANETSCALE_SERVICE_TOKEN_ID", "the id of a service token of PlanetScale")
        need("PLANETSCALE_SERVICE_TOKEN", "that token, which may read, write and restore backups, and create branches")
        need("PLANETSCALE_ORG", "the organization")
        need("PLANETSCALE_DATABASE", f"the database of {self._at.env}")

    def snapshots(self) -> list[Snapshot]:
        """Give those of the branch."""
        found: list[Snapshot] = []
        page = 1
        while page:
            answer = self._api.ask(f"{self._backups()}?page={page}&per_page=100", lambda it: it)
            found += map(backup, answer["data"])
            page = answer["next_page"]
        return sorted(found, key=lambda it: it.taken, reverse=True)

    def find(self, known: str) -> Snapshot:
        """Give one of them."""
        return picked(self.snapshots(), known)

    def daily(self) -> str:
        """Say by which policy they are taken."""
        self._production()
        for each in self._policies():
            every = each["frequency_value"] * HOURS[each["frequency_unit"]]
            if each["target"] == "production" and every <= 24:
                kept = each["retention_value"] * HOURS[each["retention_unit"]] // 24
                return f"every {every} h, kept for {kept} days"
        raise NoBackups("PlanetScale has no policy that takes one a day; ops/bootstrap makes it")

    def take(self, why: str) -> Snapshot:
        """Take one, which is kept for some days."""
        name = f"ops-{stamp(time.time())}".lower().replace(":", "")
        wanted = {"name": name, "retention_unit": "day", "retention_value": KEPT}
        what = f"the backup {name}, {why},"
        made = once(
            what,
            lambda: self._api.call("POST", self._backups(), lambda it: str(it["id"]), wanted),
            lambda: self._api.ask(f"{self._backups()}?per_page=100", lambda it: named(it, name)),
        )
        path = f"{self._backups()}/{made}"
        until(what, lambda: self._api.ask(path, backup).state, self._at)
        return self._api.ask(path, backup)

    def restore(self, snapshot: Snapshot, into: str) -> Restored:
        """Have it as a new branch, and a password to read that."""
        if not into:
            raise Unable("PlanetScale brings a backup back as a new branch, never in place: --into BRANCH")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", into):
            raise Misuse(f"a branch cannot be called '{into}': small letters, digits and hyphens")
        with asking():
            size = self._room(into)
        wanted = {"name": into, "parent_branch": self._branch, "backup_id": snapshot.id, "cluster_size": size}
        what = f"the branch {into}"
        once(
            what,
            lambda: self._api.call("POST", f"{self._path}/branches", lambda _: True, wanted),
            lambda: self._known(into) is not None or None,
        )
        until(what, lambda: READY if self._read(into).ready else UNDER_WAY, self._at)
        return Restored(f"the branch {into} of {self._database}", self._password(into))

    def discard(self, into: str) -> None:
        """Delete a branch that a backup was restored to, with all that is in it."""
        known = self._known(into)
        if known and (not known.restored or known.production or into == self._branch):
            raise Misuse(f"the branch {into} stays: it is no copy that a restore made")
        if known:
            self._api.call("DELETE", f"{self._path}/branches/{into}", bool, twice=True)

    def bootstrap(self, plan: Plan) -> None:
        """Have the policy."""
        self._production()
        path = f"{self._path}/backup-policies"
        known = next((each for each in self._policies() if each["name"] == POLICY["name"]), None)
        if not known:
            plan.change("have PlanetScale take a backup each day", lambda: self._api.call("POST", path, bool, POLICY))
        elif any(known[key] != value for key, value in POLICY.items()):
            what = f"have PlanetScale take it once a day, and keep it for {KEPT} days"
            path = f"{path}/{known['id']}"
            plan.change(what, lambda: self._api.call("PATCH", path, bool, POLICY, twice=True))

    def _backups(self) -> str:
        return f"{self._path}/branches/{self._branch}/backups"

    def _policies(self) -> list[Any]:
        return self._api.ask(f"{self._path}/backup-policies?per_page=100", lambda it: list(it["data"]))

    def _production(self) -> None:
        """Stop if the branch is one that PlanetScale's policies leave alone."""
        if not self._read(self._branch).production:
            raise NoBackups(f"{self._branch} is no production branch; make it one: pscale branch promote")

    def _read(self, name: str) -> Branch:
        return self._api.ask(f"{self._path}/branches/{name}", Branch.read)

    def _known(self, name: str) -> Branch | None:
        try:
            return self._read(name)
        except CallFailed as error:
            if error.status != 404:
                raise
            return None

    def _room(self, into: str) -> str:
        """Give the size that a new branch gets; it cannot have the name of one that is there."""
        if self._known(into):
            raise NothingChanged(f"there is a branch {into}, and a backup is restored to a new one alone")
        if self._api.ask(self._path, lambda it: bool(it["at_backup_restore_branches_limit"])):
            raise Failure("there are as many restored branches as PlanetScale allows; delete one")
        return self._at.settings.get("PLANETSCALE_CLUSTER_SIZE") or self._read(self._branch).size

    def _password(self, branch: str) -> str:
        """Make a password that ends by itself, so that one whose answer was lost may be made again."""
        wanted = {"name": "ops-restore", "role": "reader", "ttl": PASSWORD}
        path = f"{self._path}/branches/{branch}/passwords"
        return self._api.call("POST", path, self._address, wanted, twice=True)

    def _address(self, it: Any) -> str:  # noqa: ANN401 (JSON)
        user, password = quote(it["username"], safe=""), quote(it["plain_text"], safe="")
        return f"mysql://{user}:{password}@{it['access_host_url']}:3306/{self._database}"


def named(answer: Any, name: str) -> str | None:  # noqa: ANN401 (JSON)
    """Give the id of a backup that has a name."""
    return next((str(each["id"]) for each in answer["data"] if each["name"] == name), None)
