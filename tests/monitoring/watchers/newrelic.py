"""New Relic: policies, conditions, dashboards and workflows of an account, with some of others.

What is called is executed by a schema of its types, so that no field and no value is made up.
"""

# ruff: noqa: A002, N802, N803 (the names are the API's, and so are those of what it is handed)
from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from graphql import GraphQLSchema, build_schema, graphql_sync
from standin import SECRET, Asked

from watchers.base import Watcher

ACCOUNT = 1234567
OTHER = "my-service-live-eu"


@cache
def schema() -> GraphQLSchema:
    """Read the types once."""
    found = build_schema(Path(__file__).with_suffix(".graphql").read_text())
    entity: Any = found.type_map["Entity"]
    entity.resolve_type = lambda *_: "DashboardEntity"
    problem: Any = found.type_map["AiNotificationsError"]
    problem.resolve_type = lambda *_: "AiNotificationsResponseError"
    return found


@dataclass
class NewRelic(Watcher):
    """An account of two teams; things have ids, and names that may be there twice."""

    title: ClassVar[str] = "New Relic"
    option: ClassVar[str] = "newrelic"
    axis: ClassVar[str] = "performance"
    module: ClassVar[str] = "performance"
    token: ClassVar[str] = "NEW_RELIC_API_KEY"  # noqa: S105
    creates: ClassVar[str] = "POST /graphql/alertsNrqlConditionStaticCreate"
    things: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    noted: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with another service, whose name has ours in it."""
        super().__post_init__()
        kinds = ("policy", "condition", "dashboard", "destination", "channel", "workflow")
        self.things = {kind: {} for kind in kinds}
        theirs = self._made("policy", name=OTHER, incidentPreference="PER_POLICY")
        self._made("condition", name=OTHER, enabled=True, policyId=theirs["id"])
        self._made("dashboard", name=OTHER, pages=[])
        for kind in ("destination", "channel"):
            self._made(kind, name=OTHER, type="EMAIL", properties=[])
        filters = {"id": "f", "predicates": []}
        self._made("workflow", name=OTHER, workflowEnabled=True, issuesFilter=filters)

    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""
        return {
            "NEW_RELIC_API_URL": "https://newrelic.test",
            "NEW_RELIC_ACCOUNT_ID": str(ACCOUNT),
            self.token: SECRET,
        }

    def authorized(self, headers: Mapping[str, str]) -> bool:
        """Say whether a call has the key."""
        return headers["API-Key"] == SECRET

    def refused(self, status: int) -> Any:
        """Say it as it does."""
        return {"errors": [{"message": f"refused with {status}"}]}

    def changes(self) -> list[str]:
        """Give the operations that were no mere questions."""
        return [call for call in self.calls if not call.endswith("/query")]

    def has(self) -> dict[str, Any]:
        """Give all there is, each by its kind and name."""
        return {
            f"{it['name']} {kind}": it for kind, them in self.things.items() for it in them.values()
        }

    def spoil(self) -> None:
        """Have a condition look for more."""
        self.has()["my-service-live-errors condition"]["terms"][0]["threshold"] = 0.5

    def send(
        self, answer: Any, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> Any:
        """Answer; each operation is known by its name, though all have one address."""
        assert url == "https://newrelic.test/graphql"
        document = json.loads(body or b"")["query"]
        found = re.match(r"mutation\(.*?\) \{ (\w+)", document)
        return super().send(
            answer, method, f"{url}/{found[1] if found else 'query'}", headers, body
        )

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Answer a call."""
        root = {"actor": self} | {
            name: getattr(self, name) for name in dir(self) if re.match("[a-z]+[A-Z]", name)
        }
        done = graphql_sync(
            schema(), asked.body["query"], root, variable_values=asked.body["variables"]
        )
        assert not done.errors, done.errors
        return 200, {"data": done.data}

    def account(self, _: Any, id: int) -> Any:
        assert id == ACCOUNT
        return {"alerts": self, "aiNotifications": self, "aiWorkflows": self}

    def policiesSearch(self, _: Any, searchCriteria: dict[str, str]) -> Any:
        return {
            "policies": [it for it in self._all("policy") if searchCriteria["name"] in it["name"]]
        }

    def nrqlConditionsSearch(
        self, _: Any, searchCriteria: dict[str, str], cursor: Any = None
    ) -> Any:
        them = [it for it in self._all("condition") if it["policyId"] == searchCriteria["policyId"]]
        first = int(cursor or 0)
        more = str(first + 5) if len(them) > first + 5 else None
        return {"nrqlConditions": them[first : first + 5], "nextCursor": more}

    def entitySearch(self, _: Any, query: str) -> Any:
        name = re.findall(r"name = '([^']*)'", query)[0]
        them = [{"guid": it["id"], "name": it["name"]} for it in self._all("dashboard")]
        pages = [{**it, "name": f"{it['name']} / page"} for it in them]
        return {"results": {"entities": [it for it in pages + them if name in it["name"]]}}

    def entity(self, _: Any, guid: str) -> Any:
        return self.things["dashboard"][guid]

    def destinations(self, _: Any, cursor: Any = None) -> Any:
        return {"entities": self._all("destination"), "nextCursor": cursor}

    def channels(self, _: Any, cursor: Any = None) -> Any:
        return {"entities": self._all("channel"), "nextCursor": cursor}

    def workflows(self, _: Any, filters: Any) -> Any:
        return {"entities": self._all("workflow"), "nextCursor": filters or None}

    def alertsPolicyCreate(self, _: Any, accountId: int, policy: Any) -> Any:
        assert accountId == ACCOUNT
        return self._made("policy", **policy)

    def alertsNrqlConditionStaticCreate(
        self,
        _: Any,
        accountId: int,
        policyId: str,
        condition: Any,
    ) -> Any:
        assert accountId == ACCOUNT
        assert policyId in self.things["policy"]
        _fits(condition)
        return self._made("condition", policyId=policyId, **condition)

    def alertsNrqlConditionStaticUpdate(
        self,
        _: Any,
        accountId: int,
        id: str,
        condition: Any,
    ) -> Any:
        assert accountId == ACCOUNT
        _fits(condition)
        return self._changed("condition", id, condition)

    def alertsConditionDelete(self, _: Any, accountId: int, id: str) -> Any:
        assert accountId == ACCOUNT
        return self.things["condition"].pop(id)

    def dashboardCreate(self, _: Any, accountId: int, dashboard: Any) -> Any:
        assert accountId == ACCOUNT
        self._made("dashboard", **dashboard)
        return {"errors": None}

    def dashboardUpdate(self, _: Any, guid: str, dashboard: Any) -> Any:
        self._changed("dashboard", guid, dashboard)
        return {"errors": None}

    def aiNotificationsCreateDestination(
        self,
        _: Any,
        accountId: int,
        destination: Any,
    ) -> Any:
        assert accountId == ACCOUNT
        assert ("auth" in destination) != ("secureUrl" in destination)
        self._made("destination", **destination)
        return {}

    def aiNotificationsUpdateDestination(
        self,
        _: Any,
        accountId: int,
        destination: Any,
        destinationId: str,
    ) -> Any:
        assert accountId == ACCOUNT
        self._changed("destination", destinationId, destination)
        return {}

    def aiNotificationsCreateChannel(self, _: Any, accountId: int, channel: Any) -> Any:
        assert accountId == ACCOUNT
        assert self.things["destination"][channel["destinationId"]]["type"] == channel["type"]
        self._made("channel", **channel)
        return {}

    def aiWorkflowsCreateWorkflow(
        self,
        _: Any,
        accountId: int,
        createWorkflowData: Any,
    ) -> Any:
        assert accountId == ACCOUNT
        it = createWorkflowData
        [sent] = it["destinationConfigurations"]
        assert sent["channelId"] in self.things["channel"]
        if it["name"] in {each["name"] for each in self._all("workflow")}:
            return {"errors": [{"type": "DUPLICATE", "description": "it is there"}]}
        self._made("workflow", **{**it, "issuesFilter": {"id": "f", **it["issuesFilter"]}})
        return {"errors": []}

    def changeTrackingCreateEvent(self, _: Any, changeTrackingEvent: Any) -> Any:
        self.noted.append(changeTrackingEvent)
        return {"messages": []}

    def _all(self, kind: str) -> list[dict[str, Any]]:
        return list(self.things[kind].values())

    def _made(self, kind: str, **what: Any) -> dict[str, Any]:
        made = {**what, "id": f"{kind}-{len(self.things[kind]) + 1}"}
        self.things[kind][made["id"]] = made
        return made

    def _changed(self, kind: str, known: str, what: dict[str, Any]) -> dict[str, Any]:
        self.things[kind][known] |= what
        return self.things[kind][known]


def _fits(condition: dict[str, Any]) -> None:
    """Hold a condition to what its types do not say: docs.newrelic.com, NRQL alert conditions."""
    [term] = condition["terms"]
    signal = condition["signal"]
    step = signal.get("slideBy") or signal["aggregationWindow"]
    assert 60 <= term["thresholdDuration"] <= 86400
    assert term["thresholdDuration"] % step == 0
    assert signal["aggregationWindow"] % step == 0
    assert 30 <= signal["aggregationWindow"] <= 21600
    assert "$" not in condition["nrql"]["query"]
