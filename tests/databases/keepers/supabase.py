"""Supabase: projects that back themselves up, and come back in place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from standin import SECRET, Asked

from keepers.base import DAY, Keeping, ago

REF = "abcdefghijklmnopqrst"


@dataclass
class Supabase(Keeping):
    """A project.

    Args:
        backups: Its daily ones: id, status, and when.
        log: From when to when any moment can be had, where that was bought.
        chooses: Whether the plan lets one choose the time of the daily backup.
        lets: Whether the API restores daily backups. In 2026 it does not, whatever is published.
        coming: What its status will be, look by look.
    """

    title: ClassVar[str] = "Supabase"
    option: ClassVar[str] = "supabase"
    file: ClassVar[str] = "supabase-trimmed.json"
    into: ClassVar[str] = ""
    place: ClassVar[str] = "in place"
    elsewhere: ClassVar[tuple[str, str, str]] = ("another", "Unable", "nowhere else")
    restores: ClassVar[str] = "POST .*/restore(-pitr)?"
    why: ClassVar[str] = "the plan Free"
    beyond: ClassVar[Mapping[int, str]] = {400: "published without, and answered (seen in 2026)"}
    name: str = "my-service-live"
    backups: list[tuple[int, str, str]] = field(default_factory=list)
    log: tuple[int, int] | None = None
    chooses: bool = True
    lets: bool = True
    schedule: str = "00:00:00"
    restored: list[int] = field(default_factory=list)
    coming: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with three backups, of which one failed."""
        super().__post_init__()
        for known, when in (7, 2 * DAY), (8, DAY), (9, 3600):
            status = "FAILED" if known == 8 else "COMPLETED"
            self.backups.append((known, status, ago(when, "%Y-%m-%d %H:%M:%S.123")))

    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""
        return {
            "SUPABASE_API_URL": "https://supabase.test",
            "SUPABASE_ACCESS_TOKEN": SECRET,
            "SUPABASE_PROJECT_REF": REF,
        }

    def bare(self) -> None:
        """Have the plan Free."""
        self.backups, self.chooses = [], False

    def told(self) -> str:
        """Give the time of the daily backup."""
        return self.schedule

    def begun(self) -> int:
        """Give how many restores were begun."""
        return len(self.restored)

    def refused(self, status: int) -> Any:
        """Say it as it does."""
        return {"message": f"refused with {status}"}

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Answer a call."""
        assert asked.path[:3] == ["v1", "projects", REF]
        match asked.method, asked.path[3:]:
            case "GET", []:
                return 200, {"name": self.name, "status": self._status(), "ref": REF}
            case "GET", ["database", "backups"]:
                return 200, self._listed()
            case _, ["database", "backups", "schedule"]:
                return self._schedule(asked)
            case "POST", ["database", "backups", "restore"] if not self.lets:
                return 400, {"message": "This endpoint is unavailable at the moment"}
            case "POST", ["database", "backups", "restore"]:
                assert asked.body["id"] in [row[0] for row in self.backups]
                return self._restore(asked.body["id"])
            case "POST", ["database", "backups", "restore-pitr"]:
                return self._restore(asked.body["recovery_time_target_unix"])
        raise AssertionError(asked)

    def _status(self) -> str:
        if len(self.coming) > 1:
            return self.coming.pop(0)
        return self.coming[0] if self.coming else "ACTIVE_HEALTHY"

    def _listed(self) -> dict[str, Any]:
        rows = [
            {"id": known, "status": status, "inserted_at": when, "is_physical_backup": True}
            for known, status, when in self.backups
        ]
        names = ("earliest_physical_backup_date_unix", "latest_physical_backup_date_unix")
        log = dict(zip(names, self.log, strict=True)) if self.log else {}
        return {"backups": rows, "pitr_enabled": bool(self.log), "physical_backup_data": log}

    def _schedule(self, asked: Asked) -> tuple[int, Any]:
        if not self.chooses:
            return 402, {"message": "requires the Enterprise organization plan"}
        if asked.method == "PATCH":
            self.schedule = asked.body["schedule_for"]
        return 200, {"schedule_for": self.schedule}

    def _restore(self, what: int) -> tuple[int, Any]:
        self.restored.append(what)
        end = "RESTORE_FAILED" if self.doomed else "ACTIVE_HEALTHY"
        self.coming = ["ACTIVE_HEALTHY", *["RESTORING"] * self.slow, end]
        return 201, None
