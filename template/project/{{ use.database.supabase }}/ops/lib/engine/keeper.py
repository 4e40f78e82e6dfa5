"""Backups that Supabase keeps of a project: daily ones, or a log; they come back in place of all there is."""

from __future__ import annotations

import time
from typing import Any, NamedTuple

from .api import Api
from .calls import CallFailed
from .errors import Failure, NothingChanged, asking
from .native import (
    FAILED,
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
    stamp,
    until,
    utc,
)
from .platform import Context, Plan

STATES = {"COMPLETED": READY, "ARCHIVED": READY, "PENDING": UNDER_WAY}
#: What the status of a project says of a restore; any other is on its way.
STATUS = {"ACTIVE_HEALTHY": READY, "RESTORE_FAILED": FAILED, "INIT_FAILED": FAILED, "REMOVED": FAILED}
#: The time of the daily backup, in UTC, where the plan lets one choose.
HOUR = "03:00:00"
#: Begins the name of a moment of the log; its seconds since 1970 follow.
MOMENT = "at-"
#: How often it is looked whether a project goes down.
LOOKS = 20
DASHBOARD = "https://supabase.com/dashboard"


class Backups(NamedTuple):
    """What Supabase says of them; `log` is from when to when any moment can be had."""

    daily: list[Snapshot]
    log: tuple[int, int] | None

    @classmethod
    def read(cls, answer: Any) -> Backups:  # noqa: ANN401 (JSON)
        """Read an answer."""
        daily = [
            Snapshot(str(each["id"]), utc(each["inserted_at"]), "daily", STATES.get(each["status"], FAILED))
            for each in answer["backups"]
        ]
        known = answer["physical_backup_data"]
        first, last = known.get("earliest_physical_backup_date_unix"), known.get("latest_physical_backup_date_unix")
        log = (int(first), int(last)) if answer["pitr_enabled"] and first and last else None
        return cls(sorted(daily, key=lambda it: it.taken, reverse=True), log)


class Keeper:
    """The project of one environment."""

    title = "Supabase"

    def __init__(self, at: Context) -> None:
        self._at = at
        self._ref = at.settings.get("SUPABASE_PROJECT_REF")
        address = at.settings.get("SUPABASE_API_URL", "https://api.supabase.com")
        headers = {"Authorization": f"Bearer {at.settings.get('SUPABASE_ACCESS_TOKEN')}"}
        self._api = Api(address, headers, at.settings)

    def check(self) -> None:
        """Note what is missing."""
        self._at.settings.need("SUPABASE_ACCESS_TOKEN", "an access token of Supabase")
        self._at.settings.need("SUPABASE_PROJECT_REF", f"the reference, 20 letters, of the project of {self._at.env}")

    def snapshots(self) -> list[Snapshot]:
        """Give the daily ones; of a log, its newest and its oldest moment."""
        known = self._backups()
        moments = [Snapshot(f"{MOMENT}{when}", stamp(when), "a moment") for when in (known.log or ())[::-1]]
        return moments + known.daily

    def find(self, known: str) -> Snapshot:
        """Give a daily one, or any moment that is in the log."""
        log, when = self._backups().log, known[len(MOMENT) :]
        if log and known.startswith(MOMENT) and when.isdigit() and log[0] <= int(when) <= log[1]:
            return Snapshot(known, stamp(int(when)), "a moment")
        return picked(self.snapshots(), known)

    def daily(self) -> str:
        """Say how they are taken."""
        known = self._backups()
        if known.log:
            return f"any moment since {stamp(known.log[0])} can be had"
        if not fresh(known.daily, time.time()):
            free = "Supabase takes them for the plans Pro, Team and Enterprise, none that one could have for Free"
            raise NoBackups(f"the newest is of {known.daily[0].taken}" if known.daily else free)
        return f"the newest is of {known.daily[0].taken}"

    def take(self, why: str) -> Snapshot:
        """Take none: there is no call for it."""
        raise Unable(f"Supabase takes backups once a day, and none {why}; a dump can be had at any time")

    def restore(self, snapshot: Snapshot, into: str) -> Restored:
        """Have it in place of the project's data; nobody reaches the project meanwhile."""
        at = self._at
        if into:
            what = "by its API Supabase brings a backup back in place, and nowhere else"
            raise Unable(f"{what}: --overwrite {at.env}; what goes elsewhere is a dump")
        with asking():
            self._own()
            if self._status() != READY:
                raise Failure(f"the project of {at.env} is not up; what is under way there has to end first")
        at.console.say("nobody reaches the project from now on until it is done, which may take hours")
        once("the restore", lambda: self._start(snapshot), self._goes_down)
        down = False

        def look() -> str:
            # It goes down some seconds after the call; until then it is up as it was.
            nonlocal down
            status = self._status()
            down = down or status != READY
            return status if down else UNDER_WAY

        until(f"the restore of {snapshot.id}", look, at, f"the project is down: {DASHBOARD}/support/new")
        return Restored(f"the project {self._ref}, in place of what was there")

    def discard(self, into: str) -> None:
        """Take nothing away: a restore makes nothing new."""

    def bootstrap(self, plan: Plan) -> None:
        """Have the daily backup at a known time, where the plan lets one choose."""
        path, wanted = self._path("/backups/schedule"), {"schedule_for": HOUR}
        self.daily()
        try:
            known = self._api.ask(path, lambda it: str(it["schedule_for"]))
        except CallFailed as error:
            # Enterprise alone may choose, and a project with a log has no schedule.
            if error.status not in (402, 404):
                raise
            return
        if known != HOUR:
            what = f"have Supabase take the daily backup at {HOUR} UTC, not at {known}"
            plan.change(what, lambda: self._api.call("PATCH", path, bool, wanted, twice=True))

    def _path(self, rest: str) -> str:
        return f"/v1/projects/{self._ref}/database{rest}"

    def _backups(self) -> Backups:
        return self._api.ask(self._path("/backups"), Backups.read)

    def _status(self) -> str:
        return self._api.ask(f"/v1/projects/{self._ref}", lambda it: STATUS.get(it["status"], UNDER_WAY))

    def _own(self) -> None:
        """Stop if that is another environment's project."""
        name, env = self._api.ask(f"/v1/projects/{self._ref}", lambda it: str(it["name"])), self._at.env
        if not of(name, env):
            raise NothingChanged(f"SUPABASE_PROJECT_REF is not the project of {env}: its name does not end in -{env}")

    def _goes_down(self) -> bool | None:
        """Say whether a restore has begun, after a call that nobody answered."""
        for _ in range(LOOKS):
            if self._status() != READY:
                return True
            self._at.settings.pause()
        return None

    def _start(self, snapshot: Snapshot) -> bool:
        if snapshot.id.startswith(MOMENT):
            moment = {"recovery_time_target_unix": int(snapshot.id[len(MOMENT) :])}
            return self._api.call("POST", self._path("/backups/restore-pitr"), lambda _: True, moment)
        try:
            return self._api.call("POST", self._path("/backups/restore"), lambda _: True, {"id": int(snapshot.id)})
        except CallFailed as error:
            if error.status != 400:
                raise
            # As of 2026 it answers so to all but a few organizations, on every plan.
            where = f"{DASHBOARD}/project/{self._ref}/database/backups/scheduled"
            raise NothingChanged(
                f"by its API Supabase does not restore this project's; do it there: {where}"
            ) from error
