"""Whom New Relic tells: destinations, what is sent there, and the workflows that say of which incidents."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from .contacts import contacts
from .nerdgraph import NerdGraph
from .platform import Context
from .reconcile import Found, Wanted, named

#: What people are told. In braces is what New Relic puts there.
NEWS = """{"text": {{json annotations.title.[0]}}, "attachments": [
  {"text": "{{state}} {{#each accumulations.runbookUrl}}{{this}} {{/each}}"}, {"text": {{json issuePageUrl}}}]}"""
DETAILS = """{"state": {{json state}}, "issue": {{json issuePageUrl}},
  "runbook": "{{#each accumulations.runbookUrl}}{{this}} {{/each}}"}"""

PROPERTIES = "properties { key label value }"
PROBLEMS = """error { ... on AiNotificationsResponseError { description details type } }
  errors { ... on AiNotificationsResponseError { description details type } }"""


class Way(NamedTuple):
    """How alerts reach people: a destination, what is sent there, and the priorities it is sent of."""

    name: str
    destination: dict[str, Any]
    hidden: dict[str, Any]
    channel: dict[str, Any]
    priorities: list[str]


def ways(at: Context) -> Iterator[Way]:
    """Give them: the dev channel hears of everything, whoever is on call of what is critical."""
    to = contacts(at.settings, at.env, "critical")
    if to.chat:
        head, _, rest = to.chat.partition("//")
        host, _, path = rest.partition("/")
        url = {"prefix": f"{head}//{host}/", "secureSuffix": path}
        fields = {"type": "WEBHOOK", "properties": _remark(to.chat)}
        sent = [{"key": "payload", "label": "Payload Template", "value": NEWS}]
        yield Way(named(at, "chat"), fields, {"secureUrl": url}, {"type": "WEBHOOK", "properties": sent}, [])
    if to.pager:
        kind = "PAGERDUTY_SERVICE_INTEGRATION"
        auth = {"type": "TOKEN", "token": {"prefix": "Token token=", "token": to.pager}}
        fields = {"type": kind, "properties": _remark(to.pager)}
        sent = [{"key": "summary", "value": "{{ annotations.title.[0] }}"}, {"key": "customDetails", "value": DETAILS}]
        yield Way(named(at, "pager"), fields, {"auth": auth}, {"type": kind, "properties": sent}, ["CRITICAL"])


def _remark(secret: str) -> list[dict[str, str]]:
    """Give a property that says which secret it was: none is shown, and a new one has to be seen as a change."""
    return [{"key": "source", "value": f"ops/bootstrap {hashlib.sha256(secret.encode()).hexdigest()[:8]}"}]


class Destinations:
    """Where news may go."""

    kind = "the destination"

    def __init__(self, api: NerdGraph) -> None:
        self._api = api

    def found(self) -> list[Found]:
        """Give all."""
        return _notifications(self._api, "destinations", f"id name type {PROPERTIES}")

    def create(self, wanted: Wanted) -> None:
        """Have one more."""
        types = "$accountId: Int!, $destination: AiNotificationsDestinationInput!"
        told: dict[str, Any] = {"destination": {"name": wanted.name, **wanted.fields, **wanted.hidden}}
        self._api.do("aiNotificationsCreateDestination", types, PROBLEMS, accountId=self._api.account, **told)

    def change(self, found: Found, wanted: Wanted) -> None:
        """Have one be as it should; its kind stays."""
        types = "$accountId: Int!, $destinationId: ID!, $destination: AiNotificationsDestinationUpdate!"
        fields = {"name": wanted.name, "properties": wanted.fields["properties"], **wanted.hidden}
        told: dict[str, Any] = {"destinationId": found.id, "destination": fields}
        do = self._api.do
        do("aiNotificationsUpdateDestination", types, PROBLEMS, twice=True, accountId=self._api.account, **told)


class Channels:
    """What is sent to a destination; each is of one workflow."""

    kind = "the message"

    def __init__(self, api: NerdGraph, name: str) -> None:
        self._api, self._name = api, name

    def found(self) -> list[Found]:
        """Give all."""
        return _notifications(self._api, "channels", f"id name type {PROPERTIES}")

    def ours(self) -> str:
        """Give the id of ours."""
        return next(each.id for each in self.found() if each.name == self._name)

    def create(self, wanted: Wanted) -> None:
        """Have one more, for the destination of its name."""
        types = "$accountId: Int!, $channel: AiNotificationsChannelInput!"
        where = next(each.id for each in Destinations(self._api).found() if each.name == wanted.name)
        channel = {"name": wanted.name, "product": "IINT", "destinationId": where, **wanted.fields}
        told: dict[str, Any] = {"channel": channel}
        self._api.do("aiNotificationsCreateChannel", types, PROBLEMS, accountId=self._api.account, **told)

    def change(self, found: Found, wanted: Wanted) -> None:
        """Have one be as it should; its kind stays."""
        types = "$accountId: Int!, $channelId: ID!, $channel: AiNotificationsChannelUpdate!"
        channel = {"name": wanted.name, "properties": wanted.fields["properties"]}
        told: dict[str, Any] = {"channelId": found.id, "channel": channel}
        do = self._api.do
        do("aiNotificationsUpdateChannel", types, PROBLEMS, twice=True, accountId=self._api.account, **told)


class Workflows:
    """Which incidents are news for whom."""

    kind = "the workflow"
    FIELDS = "id name workflowEnabled issuesFilter { id predicates { attribute operator values } }"

    def __init__(self, api: NerdGraph, policy: Callable[[], str], channels: Channels) -> None:
        self._api, self._policy, self._channels = api, policy, channels

    def found(self) -> list[Found]:
        """Give all, with the priorities that they are told of."""
        them = f"workflows(filters: {{}}) {{ entities {{ {self.FIELDS} }} nextCursor }}"
        it = self._api.ask(f"account(id: $account) {{ aiWorkflows {{ {them} }} }}")["account"]["aiWorkflows"]
        return [Found(each["id"], each["name"], {**each, **_priorities(each)}) for each in it["workflows"]["entities"]]

    def create(self, wanted: Wanted) -> None:
        """Have one more."""
        types = "$accountId: Int!, $createWorkflowData: AiWorkflowsCreateWorkflowInput!"
        sent = [{"channelId": self._channels.ours(), "notificationTriggers": ["ACTIVATED", "CLOSED"]}]
        told: dict[str, Any] = {
            "name": wanted.name,
            "workflowEnabled": True,
            "destinationsEnabled": True,
            "enrichmentsEnabled": False,
            "mutingRulesHandling": "DONT_NOTIFY_FULLY_MUTED_ISSUES",
            "issuesFilter": self._filter(wanted),
            "destinationConfigurations": sent,
        }
        gives, do = "errors { description type }", self._api.do
        do("aiWorkflowsCreateWorkflow", types, gives, accountId=self._api.account, createWorkflowData=told)

    def change(self, found: Found, wanted: Wanted) -> None:
        """Have one be as it should."""
        types = (
            "$accountId: Int!, $deleteUnusedChannels: Boolean!, $updateWorkflowData: AiWorkflowsUpdateWorkflowInput!"
        )
        filters = {"id": found.fields["issuesFilter"]["id"], "filterInput": self._filter(wanted)}
        told: dict[str, Any] = {"id": found.id, "workflowEnabled": True, "issuesFilter": filters}
        more: dict[str, Any] = {"accountId": self._api.account, "deleteUnusedChannels": False}
        more["updateWorkflowData"] = told
        self._api.do("aiWorkflowsUpdateWorkflow", types, "errors { description type }", twice=True, **more)

    def _filter(self, wanted: Wanted) -> dict[str, Any]:
        ours = {"attribute": "labels.policyIds", "operator": "EXACTLY_MATCHES", "values": [self._policy()]}
        those = {"attribute": "priority", "operator": "EQUAL", "values": wanted.fields["priorities"]}
        return {"name": wanted.name, "type": "FILTER", "predicates": [ours, those] if those["values"] else [ours]}


def _priorities(workflow: Mapping[str, Any]) -> dict[str, list[str]]:
    predicates = workflow["issuesFilter"]["predicates"]
    return {"priorities": [value for it in predicates if it["attribute"] == "priority" for value in it["values"]]}


def _notifications(api: NerdGraph, what: str, fields: str) -> list[Found]:
    """Give all destinations, or all that is sent there."""
    known: list[Found] = []
    cursor = None
    while True:
        them = f"{what}(cursor: $cursor) {{ entities {{ {fields} }} nextCursor }}"
        asked = f"account(id: $account) {{ aiNotifications {{ {them} }} }}"
        it = api.ask(asked, cursor=cursor)["account"]["aiNotifications"][what]
        known += [Found(each["id"], each["name"], each) for each in it["entities"]]
        cursor = it["nextCursor"]
        if not cursor:
            return known
