"""Dashboards at New Relic, as ops/bootstrap compares and changes them."""

from __future__ import annotations

from typing import Any

from .nerdgraph import NerdGraph
from .reconcile import Found, Wanted


class Dashboards:
    """What people look at."""

    kind = "the dashboard"
    FIELDS = """name permissions
      pages { name widgets { title layout { column row width height } visualization { id } rawConfiguration } }
      variables { name title type isMultiSelection replacementStrategy defaultValues { value { string } }
        nrqlQuery { accountIds query } }"""

    def __init__(self, api: NerdGraph, name: str) -> None:
        self._api, self._name = api, name

    def found(self) -> list[Found]:
        """Give those of our name; their pages are found by it, too, and have names of their own."""
        query = f"type = 'DASHBOARD' AND name = '{self._name}' AND accountId = {self._api.account}"
        listed = self._api.ask("entitySearch(query: $query) { results { entities { guid name } } }", query=query)
        known = []
        for each in listed["entitySearch"]["results"]["entities"]:
            if each["name"] == self._name:
                read = f"entity(guid: $guid) {{ ... on DashboardEntity {{ {self.FIELDS} }} }}"
                it = self._api.ask(read, guid=each["guid"])["entity"]
                known.append(Found(each["guid"], each["name"], it or {}))
        return known

    def create(self, wanted: Wanted) -> None:
        """Have it as it is in the repository."""
        types, gives = "$accountId: Int!, $dashboard: DashboardInput!", "errors { description type }"
        told: dict[str, Any] = {"accountId": self._api.account, "dashboard": dict(wanted.fields)}
        self._api.do("dashboardCreate", types, gives, **told)

    def change(self, found: Found, wanted: Wanted) -> None:
        """Have it be as it should, the whole of it."""
        types, gives = "$guid: EntityGuid!, $dashboard: DashboardUpdateInput!", "errors { description type }"
        told: dict[str, Any] = {"guid": found.id, "dashboard": dict(wanted.fields)}
        self._api.do("dashboardUpdate", types, gives, twice=True, **told)
