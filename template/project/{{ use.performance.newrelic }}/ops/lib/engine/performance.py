"""New Relic: a policy for each environment with its alerts, a dashboard, whom those tell, and deploys as changes.

How it is called: https://docs.newrelic.com/docs/apis/nerdgraph/get-started/introduction-new-relic-nerdgraph/.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from .alerts import RUNBOOK, Alert, Table, seconds, table
from .api import said
from .boards import Dashboards
from .errors import Failure, Misuse
from .http import send
from .links import page
from .nerdgraph import NerdGraph, address, judged
from .platform import ENVIRONMENTS, Context, Plan
from .reconcile import Found, Wanted, named, reconcile
from .workflows import Channels, Destinations, Workflows, ways

TITLE, KEY, ACCOUNT = "New Relic", "NEW_RELIC_API_KEY", "NEW_RELIC_ACCOUNT_ID"
NEEDS, WHERE = (KEY,), ENVIRONMENTS
#: What tells of deploys; that of ops/bootstrap does as well.
MARKS = "NEW_RELIC_DEPLOYS_KEY"
DASHBOARD = Path("monitoring/newrelic/dashboard.json")
#: Seconds that a change may take to be noted.
MOMENT = 10
#: Seconds: what of a minute may come late; when silence is told; when an alert that nobody closes ends.
LATE, SILENT, LONG = 120, 600, 259_200


def check(at: Context) -> None:
    """Need an account where there is a key."""
    if at.settings.get(KEY):
        at.settings.need(ACCOUNT, "the account's number at New Relic")


def bootstrap(at: Context, plan: Plan) -> None:
    """Have the environment's policy, alerts, dashboard and workflows be as the files say."""
    api = NerdGraph(at, at.settings.get(KEY), at.settings.get(ACCOUNT))
    policies = Policies(api, named(at))
    # Each alert is an incident of its own.
    reconcile(plan, policies, [Wanted(named(at), {"incidentPreference": "PER_CONDITION"})])
    conditions, wanted = Conditions(api, policies), list(alerts(at, table()))
    reconcile(plan, conditions, wanted)
    for old in conditions.found():
        if old.name.startswith(f"{named(at)}-") and old.name not in {each.name for each in wanted}:
            plan.change(f"delete {conditions.kind} {old.name}", lambda old=old: conditions.delete(old))  # type: ignore[misc]
    reconcile(plan, Dashboards(api, named(at)), [Wanted(named(at), dashboard(at, api.account))])
    for way in ways(at):
        destinations, channels = Destinations(api), Channels(api, way.name)
        reconcile(plan, destinations, [Wanted(way.name, way.destination, way.hidden)])
        reconcile(plan, channels, [Wanted(way.name, way.channel)])
        news = {"workflowEnabled": True, "priorities": way.priorities}
        reconcile(plan, Workflows(api, policies.ours, channels), [Wanted(way.name, news)])


def deployed(at: Context, commit: str) -> None:
    """Note a deploy as a change of the service, where there is a key for it. It is tried once, and for a moment."""
    key = at.settings.get(MARKS) or at.settings.get(KEY)
    if not key:
        return
    change = {
        "categoryAndTypeData": {
            "kind": {"category": "Deployment", "type": "Basic"},
            "categoryFields": {"deployment": {"version": at.git.name(commit), "commit": commit}},
        },
        "entitySearch": {"query": f"name = '{at.project.name}' AND type = 'SERVICE'"},
        "shortDescription": f"{at.git.name(commit)} runs in {at.env}",
        "customAttributes": {"environment": at.env},
        "timestamp": int(time.time() * 1000),
    }
    document = (
        "mutation($change: ChangeTrackingCreateEventInput!)"
        " { changeTrackingCreateEvent(changeTrackingEvent: $change) { messages } }"
    )
    body = json.dumps({"query": document, "variables": {"change": change}}).encode()
    headers = {"API-Key": key, "Content-Type": "application/json"}
    answer = judged(send("POST", address(at), headers, body, MOMENT))
    if not answer.good:
        raise Failure(f"{TITLE} was not told of the deploy: {said(answer)}")


def scope(name: str, env: str) -> str:
    """Give which metrics are those of the service in an environment, as a part of NRQL."""
    return f"service.name = '{name}' AND deployment.environment.name = '{env}'"


def alerts(at: Context, known: Table) -> Iterator[Wanted]:
    """Give what is to hold of each alert of an environment."""
    for alert in known.of(at.env):
        if alert.signal.nrql:
            yield Wanted(named(at, alert.id), condition(at, known, alert))


def condition(at: Context, known: Table, alert: Alert) -> dict[str, Any]:
    """Give the condition of an alert. Silence is no number: it is told of by the signal that is lost."""
    silence = alert.signal.id == "silence"
    window = seconds(alert.signal.window)
    signal = {"aggregationWindow": window, "aggregationMethod": "EVENT_FLOW", "aggregationDelay": LATE}
    return {
        "enabled": True,
        "description": alert.summary,
        "runbookUrl": page(at, f"{RUNBOOK.as_posix()}#{alert.id}"),
        "nrql": {"query": known.said(alert.signal.nrql, scope(at.project.name, at.env))},
        "signal": {**signal, "slideBy": 60} if window > 60 else signal,
        "terms": [
            {
                "operator": "BELOW" if silence else "ABOVE",
                "threshold": 1.0 if silence else float(alert.above),
                "thresholdDuration": max(60, seconds(alert.held)),
                "thresholdOccurrences": "ALL",
                "priority": alert.severity.upper(),
            }
        ],
        "expiration": {
            "expirationDuration": SILENT,
            "openViolationOnExpiration": silence,
            "closeViolationsOnExpiration": not silence,
        },
        "violationTimeLimitSeconds": LONG,
    }


def dashboard(at: Context, account: int) -> dict[str, Any]:
    """Give the dashboard as it is in the repository, of one environment and an account."""
    try:
        it: dict[str, Any] = json.loads(DASHBOARD.read_text("utf-8"))
        for query in _queries(it):
            query["accountIds"] = [account]
        for variable in it.get("variables", ()):
            if variable["name"] == "environment":
                variable["defaultValues"] = [{"value": {"string": at.env}}]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise Misuse(f"{DASHBOARD} is no dashboard: {error!r}") from None
    return {**it, "name": named(at)}


def _queries(it: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for each in it["pages"]:
        for widget in each["widgets"]:
            yield from widget["rawConfiguration"].get("nrqlQueries", ())
    yield from (each["nrqlQuery"] for each in it.get("variables", ()) if "nrqlQuery" in each)


class Policies:
    """What alerts belong to."""

    kind = "the alert policy"

    def __init__(self, api: NerdGraph, name: str) -> None:
        self._api, self._name = api, name

    def found(self) -> list[Found]:
        """Give those of our name."""
        them = "account(id: $account) { alerts { policiesSearch(searchCriteria: {name: $name}) %s } }"
        it = self._api.ask(them % "{ policies { id name incidentPreference } }", name=self._name)
        known = it["account"]["alerts"]["policiesSearch"]["policies"]
        return [Found(str(each["id"]), each["name"], each) for each in known]

    def ours(self) -> str:
        """Give the id of ours, or the empty string where there is none yet."""
        return next((each.id for each in self.found() if each.name == self._name), "")

    def create(self, wanted: Wanted) -> None:
        """Have ours."""
        policy = {"name": wanted.name, **wanted.fields}
        types = "$accountId: Int!, $policy: AlertsPolicyInput!"
        self._api.do("alertsPolicyCreate", types, "id", accountId=self._api.account, policy=policy)

    def change(self, found: Found, wanted: Wanted) -> None:
        """Have it be as it should."""
        types = "$accountId: Int!, $id: ID!, $policy: AlertsPolicyUpdateInput!"
        told: dict[str, Any] = {"id": found.id, "policy": dict(wanted.fields)}
        self._api.do("alertsPolicyUpdate", types, "id", twice=True, accountId=self._api.account, **told)


class Conditions:
    """Alerts of our policy."""

    kind = "the alert condition"
    FIELDS = """id name enabled description runbookUrl nrql { query } violationTimeLimitSeconds
      signal { aggregationWindow aggregationMethod aggregationDelay slideBy }
      terms { operator threshold thresholdDuration thresholdOccurrences priority }
      expiration { expirationDuration openViolationOnExpiration closeViolationsOnExpiration }"""

    def __init__(self, api: NerdGraph, policies: Policies) -> None:
        self._api, self._policies = api, policies

    def found(self) -> list[Found]:
        """Give those of our policy."""
        policy, known = self._policies.ours(), []
        criteria = "searchCriteria: {policyId: $policyId}, cursor: $cursor"
        them = f"nrqlConditionsSearch({criteria}) {{ nrqlConditions {{ {self.FIELDS} }} nextCursor }}"
        cursor = None
        while policy:
            asked = f"account(id: $account) {{ alerts {{ {them} }} }}"
            it = self._api.ask(asked, policyId=policy, cursor=cursor)["account"]["alerts"]["nrqlConditionsSearch"]
            known += [Found(str(each["id"]), each["name"], each) for each in it["nrqlConditions"]]
            cursor = it["nextCursor"]
            if not cursor:
                break
        return known

    def create(self, wanted: Wanted) -> None:
        """Have one more."""
        types = "$accountId: Int!, $policyId: ID!, $condition: AlertsNrqlConditionStaticInput!"
        told: dict[str, Any] = {"policyId": self._policies.ours(), "condition": {"name": wanted.name, **wanted.fields}}
        self._api.do("alertsNrqlConditionStaticCreate", types, "id", accountId=self._api.account, **told)

    def change(self, found: Found, wanted: Wanted) -> None:
        """Have one be as it should."""
        types = "$accountId: Int!, $id: ID!, $condition: AlertsNrqlConditionUpdateStaticInput!"
        told: dict[str, Any] = {"id": found.id, "condition": {"name": wanted.name, **wanted.fields}}
        self._api.do("alertsNrqlConditionStaticUpdate", types, "id", twice=True, accountId=self._api.account, **told)

    def delete(self, found: Found) -> None:
        """Have one no more: the table has it no more."""
        types = "$accountId: Int!, $id: ID!"
        self._api.do("alertsConditionDelete", types, "id", twice=True, accountId=self._api.account, id=found.id)
