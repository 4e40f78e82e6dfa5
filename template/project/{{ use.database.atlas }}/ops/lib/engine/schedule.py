"""When Atlas takes backups of a dedicated cluster, and how long it keeps them."""

from __future__ import annotations

from typing import Any, NamedTuple

from .native import KEPT

#: The hour of the daily backup, in UTC.
HOUR = 3
#: Days in what a policy counts.
DAYS = {"days": 1, "weeks": 7, "months": 30, "years": 365}
#: What there is to be, at least: 7 daily ones, 4 of Sundays, 12 of the last day of a month.
POLICY: list[dict[str, Any]] = [
    {"frequencyType": kind, "frequencyInterval": which, "retentionUnit": unit, "retentionValue": count}
    for kind, which, unit, count in (
        ("daily", 1, "days", KEPT), ("weekly", 7, "weeks", 4), ("monthly", 40, "months", 12),
    )
]  # fmt: skip


class Schedule(NamedTuple):
    """The one policy of a cluster."""

    hour: int
    policy: str
    items: list[dict[str, Any]]

    @classmethod
    def read(cls, it: Any) -> Schedule:  # noqa: ANN401 (JSON)
        """Read an answer; there is one policy."""
        [policy] = it["policies"]
        items = [{key: each[key] for key in POLICY[0]} for each in policy["policyItems"]]
        return cls(it["referenceHourOfDay"], policy["id"], items)

    def days(self, kind: str) -> int:
        """Say for how long one of a kind is kept; 0 if there is none."""
        return max((days(each) for each in self.items if each["frequencyType"] == kind), default=0)

    def fits(self) -> bool:
        """Say whether there is nothing to change."""
        return self.hour == HOUR and not self._short()

    def wanted(self) -> dict[str, Any]:
        """Give what is to be: what there is stays, but for what is kept too short."""
        short = self._short()
        kinds = [each["frequencyType"] for each in short]
        items = [each for each in self.items if each["frequencyType"] not in kinds] + short
        policy = {"id": self.policy, "policyItems": items}
        return {"referenceHourOfDay": HOUR, "referenceMinuteOfHour": 0, "policies": [policy]}

    def _short(self) -> list[dict[str, Any]]:
        return [each for each in POLICY if self.days(each["frequencyType"]) < days(each)]


def days(item: dict[str, Any]) -> int:
    """Say for how long what a policy takes is kept."""
    return int(item["retentionValue"]) * DAYS[item["retentionUnit"]]
