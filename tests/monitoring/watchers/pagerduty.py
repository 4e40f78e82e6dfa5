"""PagerDuty: policies, services and their integrations, with those of another team, a page each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from standin import SECRET, Asked

from watchers.base import Watcher

LEVELS = """{
  "repeat": 1,
  "levels": [
    { "minutes": 15, "schedules": ["PSCHED1"] },
    { "minutes": 30, "users": ["PUSER01", "PUSER02"] }
  ]
}
"""


@dataclass
class PagerDuty(Watcher):
    """An account of two teams."""

    title: ClassVar[str] = "PagerDuty"
    option: ClassVar[str] = "pagerduty"
    axis: ClassVar[str] = "incidents"
    module: ClassVar[str] = "incidents"
    token: ClassVar[str] = "PAGERDUTY_TOKEN"  # noqa: S105
    file: ClassVar[str] = "pagerduty-rest-trimmed.json"
    creates: ClassVar[str] = "POST /services"
    files: ClassVar[Mapping[str, str]] = {"monitoring/escalation.json": LEVELS}
    policies: list[dict[str, Any]] = field(default_factory=list)
    services: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with another service, whose name begins with ours."""
        super().__post_init__()
        theirs = {"name": "my-service-live-eu", "type": "escalation_policy", "num_loops": 0}
        self.policies.append({**theirs, "id": "PPOL000", "escalation_rules": []})
        self._made({"name": "my-service-live-eu", "escalation_policy": {"id": "PPOL000"}})

    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""
        return {"PAGERDUTY_API_URL": "https://pagerduty.test", self.token: SECRET}

    def authorized(self, headers: Mapping[str, str]) -> bool:
        """Say whether a call says who makes it, in its own way."""
        return headers["Authorization"] == f"Token token={SECRET}"

    def refused(self, status: int) -> Any:
        """Say it as it does."""
        return {"error": {"code": 2000 + status, "message": f"refused with {status}"}}

    def has(self) -> dict[str, Any]:
        """Give all there is."""
        return {
            **{f"{each['name']} (policy)": each for each in self.policies},
            **{each["name"]: each for each in self.services},
        }

    def spoil(self) -> None:
        """Have nobody called again."""
        self.has()["my-service-live (policy)"]["num_loops"] = 0

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Answer a call."""
        match asked.method, asked.path:
            case "GET", [what]:
                known = self.services if what == "services" else self.policies
                return 200, self._page(what, known, asked)
            case "POST", ["escalation_policies"]:
                made = {"id": f"PPOL{len(self.policies):03}", **asked.body["escalation_policy"]}
                self.policies.append(made)
                return 201, {"escalation_policy": made}
            case "POST", ["services"]:
                return 201, {"service": self._made(asked.body["service"])}
            case "PUT", [_, which]:
                [(kind, body)] = asked.body.items()
                [it] = [it for it in (*self.policies, *self.services) if it["id"] == which]
                it |= body
                return 200, {kind: it}
            case "POST", ["services", which, "integrations"]:
                [it] = [it for it in self.services if it["id"] == which]
                name = asked.body["integration"]["name"]
                kind = "events_api_v2_inbound_integration_reference"
                it["integrations"].append({"id": f"PINT{which}", "type": kind, "summary": name})
                return 201, {"integration": {**asked.body["integration"], "id": f"PINT{which}"}}
        raise AssertionError(asked)

    def _page(self, what: str, known: list[dict[str, Any]], asked: Asked) -> dict[str, Any]:
        """One at a time, so that there is a next page."""
        start = int(asked.query["offset"])
        found = [it for it in known if asked.query["query"] in it["name"]]
        more = start + 1 < len(found)
        return {what: found[start : start + 1], "more": more, "offset": start, "limit": 1}

    def _made(self, what: dict[str, Any]) -> dict[str, Any]:
        made = {"id": f"PSVC{len(self.services):03}", "integrations": [], **what}
        reference = {"type": "escalation_policy_reference", **made["escalation_policy"]}
        self.services.append({**made, "escalation_policy": reference})
        return self.services[-1]
