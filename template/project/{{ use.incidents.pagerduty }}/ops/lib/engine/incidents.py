"""PagerDuty: a service of its own for `live`, whom it calls in which order, and the integration that takes events."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .api import Api
from .contacts import PAGED, PAGER
from .errors import Failure
from .links import runbook
from .pipeline import SETTINGS
from .platform import Context, Plan
from .reconcile import Found, Wanted, named, reconcile

TITLE, TOKEN = "PagerDuty", "PAGERDUTY_TOKEN"
NEEDS, WHERE = (TOKEN,), (PAGED,)
#: Who is called, and after how many minutes the next level: the team's.
ESCALATION = Path("monitoring/escalation.json")
REGIONS = {"eu": "https://api.eu.pagerduty.com"}
EVENTS = "events_api_v2_inbound_integration"


def check(at: Context) -> None:
    """Need nothing."""


def bootstrap(at: Context, plan: Plan) -> None:
    """Have whoever is on call paged, if there is somebody to call."""
    wanted = escalation()
    if not wanted["escalation_rules"]:
        plan.without(TITLE, f"who is called, `levels` of {ESCALATION},")
        return
    api = Account(at)
    name, events = named(at), named(at, "events")
    policies = Policies(api)
    reconcile(plan, policies, [Wanted(name, wanted)])
    fields: dict[str, Any] = {
        "escalation_policy": name,
        "incident_urgency_rule": {"type": "constant", "urgency": "high"},
    }
    if where := runbook(at):
        # Who looks from outside pages without a link.
        fields["description"] = f"Runbook: {where}"
    services = Services(api, policies)
    reconcile(plan, services, [Wanted(name, fields)])
    reconcile(plan, Integrations(api, services, name), [Wanted(events, {})])
    if not at.settings.get(PAGER):
        at.console.say(f"copy the Integration Key of {events}, on the tab Integrations of the service {name}")
        at.console.say(f"keep it in {SETTINGS}, as a secret of {at.env}: {PAGER}")


def escalation() -> dict[str, Any]:
    """Give what is to hold of the policy: who is called, by their ids, and how often all of it is repeated."""
    try:
        told = json.loads(ESCALATION.read_text("utf-8"))
        rules = [
            {"escalation_delay_in_minutes": int(level["minutes"]), "targets": _targets(level)}
            for level in told["levels"]
        ]
        return {"num_loops": int(told["repeat"]), "escalation_rules": rules}
    except (OSError, ValueError, LookupError, TypeError) as error:
        how = '{"repeat": 1, "levels": [{"minutes": 15, "schedules": ["PABC123"], "users": []}]}'
        raise Failure(f"{ESCALATION} cannot be read ({error!r}); it is to be like {how}") from None


def _targets(level: dict[str, Any]) -> list[dict[str, str]]:
    kinds = (("schedules", "schedule_reference"), ("users", "user_reference"))
    found = [{"id": str(each), "type": kind} for name, kind in kinds for each in level.get(name, [])]
    if not found:
        raise LookupError("a level without schedules and users")
    return found


class Account(Api):
    """What the token may see and change."""

    def __init__(self, at: Context) -> None:
        region = REGIONS.get(at.settings.get("PAGERDUTY_REGION"), "https://api.pagerduty.com")
        headers = {
            "Authorization": f"Token token={at.settings.get(TOKEN)}",
            "Accept": "application/vnd.pagerduty+json;version=2",
        }
        super().__init__(at.settings.get("PAGERDUTY_API_URL", region), headers, at.settings)
        self.name = named(at)

    def all(self, what: str, more: str = "") -> list[dict[str, Any]]:
        """Give all of a kind that may be ours, page after page."""
        found: list[dict[str, Any]] = []
        going_on = True
        while going_on:
            where = f"/{what}?query={quote(self.name)}&limit=100&offset={len(found)}{more}"
            page, going_on = self.ask(where, lambda said: (list(said[what]), bool(said["more"])))
            found += page
            going_on = going_on and bool(page)
        return found


class Policies:
    """Who is called, in which order."""

    kind = "the escalation policy"

    def __init__(self, api: Account) -> None:
        self._api = api

    def found(self) -> Sequence[Found]:
        """Give those whose names have ours in them."""
        return [Found(it["id"], it["name"], self._read(it)) for it in self._api.all("escalation_policies")]

    def create(self, wanted: Wanted) -> None:
        """Have one more."""
        self._api.call("POST", "/escalation_policies", lambda _: None, self._said(wanted))

    def change(self, found: Found, wanted: Wanted) -> None:
        """Have one be as it should."""
        self._api.call("PUT", f"/escalation_policies/{found.id}", lambda _: None, self._said(wanted), twice=True)

    @staticmethod
    def _said(wanted: Wanted) -> dict[str, Any]:
        return {"escalation_policy": {"type": "escalation_policy", "name": wanted.name, **wanted.fields}}

    @staticmethod
    def _read(it: dict[str, Any]) -> dict[str, Any]:
        def target(each: dict[str, str]) -> dict[str, str]:
            return {"id": each["id"], "type": each["type"].replace("_reference", "") + "_reference"}

        rules = [
            {
                "escalation_delay_in_minutes": rule["escalation_delay_in_minutes"],
                "targets": [target(each) for each in rule["targets"]],
            }
            for rule in it["escalation_rules"]
        ]
        return {"num_loops": it["num_loops"], "escalation_rules": rules}


class Services:
    """What incidents are of; a policy is named here, and an id there."""

    kind = "the service"

    def __init__(self, api: Account, policies: Policies) -> None:
        self._api, self._policies = api, policies

    def found(self) -> Sequence[Found]:
        """Give those whose names have ours in them."""
        names = {each.id: each.name for each in self._policies.found()}
        found = []
        for it in self._api.all("services"):
            policy = names.get(it["escalation_policy"]["id"], "another")
            found.append(Found(it["id"], it["name"], {**it, "escalation_policy": policy}))
        return found

    def create(self, wanted: Wanted) -> None:
        """Have one more."""
        self._api.call("POST", "/services", lambda _: None, self._said(wanted))

    def change(self, found: Found, wanted: Wanted) -> None:
        """Have one be as it should."""
        self._api.call("PUT", f"/services/{found.id}", lambda _: None, self._said(wanted), twice=True)

    def _said(self, wanted: Wanted) -> dict[str, Any]:
        [policy] = [it.id for it in self._policies.found() if it.name == wanted.fields["escalation_policy"]]
        reference = {"id": policy, "type": "escalation_policy_reference"}
        return {"service": {"type": "service", "name": wanted.name, **wanted.fields, "escalation_policy": reference}}


class Integrations:
    """What takes events for a service. Its key is in its answers, and stays there."""

    kind = "the integration"

    def __init__(self, api: Account, services: Services, service: str) -> None:
        self._api, self._services, self._service = api, services, service

    def found(self) -> Sequence[Found]:
        """Give those of the service, if that is there."""
        return [
            Found(each["id"], each.get("name") or each["summary"], {})
            for it in self._api.all("services", "&include%5B%5D=integrations")
            for each in it["integrations"]
            if it["name"] == self._service
        ]

    def create(self, wanted: Wanted) -> None:
        """Have one more."""
        [service] = [each.id for each in self._services.found() if each.name == self._service]
        reference = {"id": service, "type": "service_reference"}
        body = {"integration": {"type": EVENTS, "name": wanted.name, "service": reference}}
        self._api.call("POST", f"/services/{service}/integrations", lambda _: None, body)

    def change(self, found: Found, wanted: Wanted) -> None:
        """Nothing of one is ours to change."""
