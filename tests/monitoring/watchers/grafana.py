"""Grafana: folders, dashboards, contact points and rules, with some of another team's.

What it has to be told, and gives back, is as its types have it, which are in
pkg/services/ngalert/api/tooling/definitions of github.com/grafana/grafana; its description has
megabytes.
"""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass, field
from typing import Any, ClassVar

from standin import SECRET, Asked

from watchers.base import Watcher

UID = re.compile("[A-Za-z0-9_-]{1,40}")
PROVISIONING = ["api", "v1", "provisioning"]
#: The fields of a rule; those that it has to have come first.
NEEDED = {
    "title", "ruleGroup", "folderUID", "condition", "data", "for", "noDataState", "execErrState",
}  # fmt: skip
FURTHER = {
    "uid", "labels", "annotations", "isPaused", "notification_settings", "keep_firing_for",
}  # fmt: skip
STATES = {"noDataState": {"Alerting", "NoData", "OK"}, "execErrState": {"Alerting", "Error", "OK"}}
#: The settings of a contact point that nobody is shown, and those it has to have or may have.
SECRETS = {"slack": "url", "pagerduty": "integrationKey"}
SETTINGS = {
    "slack": {"url", "title", "text"},
    "pagerduty": {"integrationKey", "severity", "client", "client_url", "summary"},
}
HIDDEN = "[REDACTED]"


@dataclass
class Grafana(Watcher):
    """An organization of two teams."""

    title: ClassVar[str] = "Grafana"
    option: ClassVar[str] = "grafana"
    axis: ClassVar[str] = "performance"
    module: ClassVar[str] = "performance"
    token: ClassVar[str] = "GRAFANA_TOKEN"  # noqa: S105
    creates: ClassVar[str] = "POST /api/v1/provisioning/contact-points"
    folders: dict[str, dict[str, Any]] = field(default_factory=dict)
    points: dict[str, dict[str, Any]] = field(default_factory=dict)
    groups: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    dashboards: dict[str, dict[str, Any]] = field(default_factory=dict)
    sources: list[dict[str, Any]] = field(default_factory=list)
    annotations: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with another service, whose name has ours in it."""
        super().__post_init__()
        other = "my-service-live-eu"
        self.sources = [
            {"uid": "grafanacloud-prom", "type": "prometheus", "name": "grafanacloud-team-prom"},
            {"uid": "grafanacloud-usage", "type": "prometheus", "name": "grafanacloud-usage"},
            {"uid": "grafanacloud-logs", "type": "loki", "name": "grafanacloud-team-logs"},
        ]
        self.folders[other] = {"uid": other, "title": other}
        settings = {"url": "https://hooks.slack.test/theirs"}
        self.points[other] = {"uid": other, "name": other, "type": "slack", "settings": settings}
        self.dashboards[other] = {"dashboard": {"uid": other, "title": other}, "folderUid": other}
        self.groups[other, other] = {"title": other, "folderUid": other, "rules": []}

    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""
        return {"GRAFANA_URL": "https://grafana.test", self.token: SECRET}

    def refused(self, status: int) -> Any:
        """Say it as it does."""
        return {"message": f"refused with {status}"}

    def has(self) -> dict[str, Any]:
        """Give all there is, each by its kind and name."""
        kinds = {
            "folder": self.folders,
            "contact point": self.points,
            "rules": {name: it for (_, name), it in self.groups.items()},
            "dashboard": self.dashboards,
        }
        return {f"{name} {kind}": it for kind, them in kinds.items() for name, it in them.items()}

    def spoil(self) -> None:
        """Have a rule look for more."""
        [rule] = [each for each in self.rules() if each["title"] == "errors"]
        rule["data"][1]["model"]["conditions"][0]["evaluator"]["params"] = [0.5]

    def rules(self, name: str = "my-service-live") -> list[dict[str, Any]]:
        """Give the rules of an environment."""
        found: list[dict[str, Any]] = self.groups[name, name]["rules"]
        return found

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Answer a call."""
        match asked.path:
            case ["api", "datasources"]:
                return 200, self.sources
            case ["api", "folders", *which]:
                return self._folders(asked, *which)
            case ["api", "dashboards", *which]:
                return self._dashboards(asked, *which)
            case [*_, "contact-points"] | [*_, "contact-points", _]:
                return self._points(asked, *asked.path[4:])
            case [*begin, "folder", folder, "rule-groups", name] if begin == PROVISIONING:
                return self._groups(asked, folder, name)
            case ["api", "annotations"]:
                assert set(asked.body) == {"time", "tags", "text"}
                self.annotations.append(asked.body)
                return 200, {"message": "Annotation added", "id": len(self.annotations)}
        raise AssertionError(asked)

    def _folders(self, asked: Asked, *which: str) -> tuple[int, Any]:
        if asked.method == "POST":
            assert set(asked.body) == {"uid", "title"}
            assert UID.fullmatch(asked.body["uid"])
            if asked.body["uid"] in self.folders:
                return 412, self.refused(412)
            self.folders[asked.body["uid"]] = {**asked.body}
            return 200, asked.body
        [found] = which
        return (200, self.folders[found]) if found in self.folders else (404, self.refused(404))

    def _dashboards(self, asked: Asked, *which: str) -> tuple[int, Any]:
        if asked.method == "POST":
            it, folder = asked.body["dashboard"], asked.body["folderUid"]
            assert UID.fullmatch(it["uid"])
            assert folder in self.folders
            known = self.dashboards.get(it["uid"])
            assert not known or asked.body["overwrite"], "it is there"
            version = known["dashboard"]["version"] + 1 if known else 1
            made = {**it, "id": 7, "version": version}
            self.dashboards[it["uid"]] = {"dashboard": made, "folderUid": folder}
            return 200, {"uid": it["uid"], "status": "success"}
        found = self.dashboards.get(which[-1])
        if not found:
            return 404, self.refused(404)
        meta = {"folderUid": found["folderUid"], "provisioned": False}
        return 200, {"dashboard": found["dashboard"], "meta": meta}

    def _points(self, asked: Asked, *which: str) -> tuple[int, Any]:
        if asked.method == "GET":
            shown = copy.deepcopy(list(self.points.values()))
            for each in shown:
                each["settings"][SECRETS[each["type"]]] = HIDDEN
            return 200, shown
        it = asked.body
        assert set(it) <= {"uid", "name", "type", "settings", "disableResolveMessage"}
        assert UID.fullmatch(it["uid"])
        assert set(it["settings"]) <= SETTINGS[it["type"]]
        assert it["settings"][SECRETS[it["type"]]] not in ("", HIDDEN)
        if asked.method == "POST":
            assert it["uid"] not in self.points
        else:
            assert which == (it["uid"],)
        self.points[it["uid"]] = it
        return 202, it

    def _groups(self, asked: Asked, folder: str, name: str) -> tuple[int, Any]:
        if asked.method == "GET":
            found = self.groups.get((folder, name))
            return (200, found) if found and found["rules"] else (404, self.refused(404))
        it = asked.body
        assert set(it) == {"title", "folderUid", "interval", "rules"}
        assert folder in self.folders
        told = {each["name"] for each in self.points.values()}
        made = [self._rule(each, told) for each in it["rules"]]
        assert len({each["uid"] for each in made}) == len(made)
        self.groups[folder, name] = {**it, "rules": made}
        return 200, self.groups[folder, name]

    def _rule(self, it: dict[str, Any], told: set[str]) -> dict[str, Any]:
        assert set(it) >= NEEDED, NEEDED - set(it)
        assert set(it) <= NEEDED | FURTHER, set(it) - NEEDED - FURTHER
        assert UID.fullmatch(it["uid"])
        assert all(it[name] in those for name, those in STATES.items())
        assert it["condition"] in {each["refId"] for each in it["data"]}
        assert it.get("notification_settings", {"receiver": ""})["receiver"] in {"", *told}
        data = copy.deepcopy(it["data"])
        for each in data:
            each["model"] |= {"intervalMs": 1000, "maxDataPoints": 43200}
            each["queryType"] = ""
        more = {"id": 1, "orgID": 1, "updated": "2026-12-01T03:00:00Z", "provenance": ""}
        return {**it, "data": data, **more, "for": _duration(it["for"]), "keep_firing_for": "0s"}


def _duration(text: str) -> str:
    """Write seconds as Prometheus' library does."""
    left, said = int(text.removesuffix("s")), ""
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        number, left = divmod(left, size)
        said += f"{number}{unit}" if number else ""
    return said or "0s"
