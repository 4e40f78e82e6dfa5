"""PlanetScale: a database with branches, whose backups become branches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from standin import SECRET, Asked

from keepers.base import DAY, Keeping, ago

Row = dict[str, Any]
MAIN = {
    "name": "main", "production": True, "cluster_name": "PS_20", "restored_from_branch": None,
    "ready": True, "state": "ready",
}  # fmt: skip
#: The policy that each database has, and nobody can take away.
SYSTEM = {
    "id": "p0", "name": "system", "target": "production", "required": True,
    "frequency_value": 12, "frequency_unit": "hour", "schedule_time": "00:00",
    "retention_value": 2, "retention_unit": "day",
}  # fmt: skip


@dataclass
class PlanetScale(Keeping):
    """A database.

    Args:
        full: Whether there are as many restored branches as may be.
        looks: How many it takes until what was begun last is done.
    """

    title: ClassVar[str] = "PlanetScale"
    option: ClassVar[str] = "planetscale"
    file: ClassVar[str] = "planetscale-trimmed.json"
    into: ClassVar[str] = "drill"
    place: ClassVar[str] = "in a new branch"
    elsewhere: ClassVar[tuple[str, str, str]] = ("", "Unable", "not in place")
    restores: ClassVar[str] = "POST .*/branches"
    takes: ClassVar[str] = "POST .*/backups"
    fails: ClassVar[str] = "is not ready after 60 s"
    why: ClassVar[str] = "no production branch"
    prefix: ClassVar[str] = "/v1"
    branches: dict[str, Row] = field(default_factory=lambda: {"main": dict(MAIN)})
    backups: list[Row] = field(default_factory=list)
    policies: list[Row] = field(default_factory=lambda: [dict(SYSTEM)])
    passwords: list[Row] = field(default_factory=list)
    full: bool = False
    looks: int = 0

    def __post_init__(self) -> None:
        """Begin with three backups, of which one failed."""
        super().__post_init__()
        policy = {"name": "daily", "frequency_value": 1, "frequency_unit": "day"}
        for known, when in ("b1", 2 * DAY), ("b2", DAY), ("b3", 3600):
            state = "failed" if known == "b2" else "success"
            ended = {"state": state, "size": 4096, "completed_at": ago(when)}
            self.backups.append({"id": known, "name": known, "backup_policy": policy, **ended})

    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""
        return {
            "PLANETSCALE_API_URL": "https://planetscale.test/v1",
            "PLANETSCALE_SERVICE_TOKEN_ID": "t0",
            "PLANETSCALE_SERVICE_TOKEN": SECRET,
            "PLANETSCALE_ORG": "team",
            "PLANETSCALE_DATABASE": "my-service-live",
        }

    def authorized(self, headers: Mapping[str, str]) -> bool:
        """Say whether a call brings the token as PlanetScale wants it."""
        return headers["Authorization"] == f"t0:{SECRET}"

    def bare(self) -> None:
        """Have a branch that policies leave alone."""
        self.branches["main"]["production"] = False

    def told(self) -> list[Row]:
        """Give the policies."""
        return self.policies

    def begun(self) -> int:
        """Give how many restores were begun."""
        return len(self.branches) - 1

    def refused(self, status: int) -> Any:
        """Say it as it does."""
        return {"code": "refused", "message": f"refused with {status}"}

    def answer(self, asked: Asked) -> tuple[int, Any]:  # noqa: PLR0911 (one a call)
        """Answer a call."""
        assert asked.path[:4] == ["organizations", "team", "databases", "my-service-live"]
        match asked.method, asked.path[4:]:
            case "GET", []:
                known = {"name": asked.path[3], "default_branch": "main", "kind": "mysql"}
                return 200, {**known, "at_backup_restore_branches_limit": self.full}
            case _, ["backup-policies", *rest]:
                return self._policy(asked, rest)
            case "POST", ["branches"]:
                return self._restore(asked.body)
            case _, ["branches", name, *_] if name not in self.branches:
                return 404, {"code": "not_found", "message": "Not Found"}
            case _, ["branches", name, "backups", *rest]:
                assert name == "main"
                return self._backup(asked, rest)
            case "POST", ["branches", name, "passwords"]:
                return self._password(name, asked.body)
            case _, ["branches", name]:
                return self._branch(asked.method, name)
        raise AssertionError(asked)

    def _policy(self, asked: Asked, rest: list[str]) -> tuple[int, Any]:
        if asked.method == "GET":
            return 200, _page(self.policies, asked.query)
        if asked.method == "POST":
            made = {"id": f"p{len(self.policies)}", "required": False, **asked.body}
            self.policies.append(made)
            return 201, made
        [row] = [each for each in self.policies if [each["id"]] == rest]
        row.update(asked.body)
        return 200, row

    def _branch(self, method: str, name: str) -> tuple[int, Any]:
        if method == "DELETE":
            del self.branches[name]
            return 204, None
        row = self.branches[name]
        if not row["ready"] and self._done():
            row.update(ready=True, state="ready")
        return 200, row

    def _backup(self, asked: Asked, rest: list[str]) -> tuple[int, Any]:
        if asked.method == "POST":
            self.looks = self.slow
            made = {"id": f"b{len(self.backups) + 1}", "name": asked.body["name"], "size": 0}
            made |= {"state": "pending", "completed_at": None, "backup_policy": None}
            self.backups.append({**made, "created_at": ago(0)})
            return 201, self.backups[-1]
        if not rest:
            return 200, _page(self.backups[::-1], asked.query)
        [row] = [each for each in self.backups if [each["id"]] == rest]
        if row["state"] == "pending" and self._done():
            state = "failed" if self.doomed else "success"
            row.update(state=state, size=8192, completed_at=ago(0))
        return 200, row

    def _restore(self, body: Row) -> tuple[int, Any]:
        assert body["name"] not in self.branches
        whole = [each["id"] for each in self.backups if each["state"] == "success"]
        assert body["backup_id"] in whole
        # Of one that fails nobody says so: it does not get ready.
        self.looks = 10**6 if self.doomed else self.slow
        row = {**MAIN, "name": body["name"], "production": False, "ready": False}
        row |= {"state": "pending", "cluster_name": body["cluster_size"]}
        self.branches[body["name"]] = {**row, "restored_from_branch": {"name": "main"}}
        return 201, self.branches[body["name"]]

    def _password(self, branch: str, body: Row) -> tuple[int, Any]:
        self.passwords.append({"branch": branch, **body})
        secret = {"username": "u/1", "plain_text": f"pscale_pw_{SECRET}"}
        return 201, {"name": body["name"], "access_host_url": "aws.connect.psdb.cloud", **secret}

    def _done(self) -> bool:
        self.looks -= 1
        return self.looks < 0


def _page(rows: list[Row], query: dict[str, str]) -> Row:
    size, page = int(query.get("per_page", 25)), int(query.get("page", 1))
    more = page + 1 if page * size < len(rows) else None
    return {"data": rows[(page - 1) * size : page * size], "next_page": more, "type": "list"}
