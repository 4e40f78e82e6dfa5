"""Sentry: the alerts of a project, some of them other people's, and releases."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from standin import SECRET, Asked

from watchers.base import Watcher

RULES = "/api/0/projects/acme/my-service/rules/"
RELEASES = "/api/0/organizations/acme/releases/"
#: What a rule has to have, and may (2026-11; the description that tests have leaves alerts out):
#: https://docs.sentry.io/api/alerts/create-an-issue-alert-rule-for-a-project/
NEEDED = {"name", "frequency", "actionMatch", "conditions", "actions"}
KNOWN = NEEDED | {"environment", "filterMatch", "filters", "owner"}
#: Of a part of it, and what Sentry says of it beside.
PARTS = {
    "sentry.rules.conditions.first_seen_event.FirstSeenEventCondition": set(),
    "sentry.rules.conditions.regression_event.RegressionEventCondition": set(),
    "sentry.rules.filters.tagged_event.TaggedEventFilter": {"key", "match", "value"},
    "sentry.mail.actions.NotifyEmailAction": {"targetType", "fallthroughType"},
}


@dataclass
class Sentry(Watcher):
    """An organisation with one project."""

    title: ClassVar[str] = "Sentry"
    option: ClassVar[str] = "sentry"
    axis: ClassVar[str] = "errors"
    module: ClassVar[str] = "tracker"
    token: ClassVar[str] = "SENTRY_AUTH_TOKEN"  # noqa: S105
    file: ClassVar[str] = "sentry-releases-trimmed.json"
    creates: ClassVar[str] = f"POST {RULES}"
    rules: dict[int, dict[str, Any]] = field(default_factory=dict)
    releases: dict[str, dict[str, Any]] = field(default_factory=dict)
    deploys: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    #: What the service answers of itself.
    healthz: bytes = b'{"status":"ok","version":"1.4.0"}'

    def __post_init__(self) -> None:
        """Begin with the alert that Sentry makes for every project."""
        super().__post_init__()
        self._made({"name": "Send a notification for high priority issues", "conditions": []})

    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""
        return {"SENTRY_URL": "https://sentry.test", "SENTRY_ORG": "acme", self.token: SECRET}

    def refused(self, status: int) -> Any:
        """Say it as it does."""
        return {"detail": f"refused with {status}"}

    def has(self) -> dict[str, Any]:
        """Give the alerts."""
        return {each["name"]: each for each in self.rules.values()}

    def spoil(self) -> None:
        """Have people told of ours once a week."""
        self.has()["my-service-live"]["frequency"] = 10080

    def unpublished(self, said: str, headers: Mapping[str, str], body: bytes | None) -> Any:
        """Answer of alerts, and for the service itself."""
        if said == "GET /healthz":
            return 200, json.loads(self.healthz)
        if RULES not in said:
            return None
        if not self.authorized(headers):
            return 401, self.refused(401)
        if said == f"GET {RULES}":
            return 200, list(self.rules.values())
        return self._told(said, json.loads(body or b""))

    def _told(self, said: str, told: dict[str, Any]) -> tuple[int, Any]:
        if wrong := _wrong(told):
            self.wrong.append(wrong)
            return 400, {"detail": wrong}
        if said == f"POST {RULES}":
            return 201, self._made(told)
        number = int(said.removeprefix(f"PUT {RULES}").strip("/"))
        self.rules[number] = {"id": str(number), **_shown(told)}
        return 200, self.rules[number]

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Answer a call for releases."""
        match asked.method, asked.path[4:]:
            case "POST", ["releases"]:
                known = asked.body["version"] in self.releases
                self.releases[asked.body["version"]] = asked.body
                return (208, None) if known else (201, {"version": asked.body["version"]})
            case "POST", ["releases", version, "deploys"]:
                assert version in self.releases
                self.deploys.append((version, asked.body))
                return 201, {"id": "1", **asked.body}
        raise AssertionError(asked)

    def _made(self, told: dict[str, Any]) -> dict[str, Any]:
        number = 101 + len(self.rules)
        self.rules[number] = {"id": str(number), **_shown(told)}
        return self.rules[number]


def _wrong(told: dict[str, Any]) -> str:
    if missing := NEEDED - told.keys():
        return f"a rule without {missing}"
    if unknown := told.keys() - KNOWN:
        return f"a rule with {unknown}"
    if not 5 <= told["frequency"] <= 43200:
        return "a frequency out of range"
    for part in [*told["conditions"], *told.get("filters", []), *told["actions"]]:
        if part.keys() != {"id", *PARTS[part["id"]]}:
            return f"a part with {set(part)}"
    return ""


def _shown(told: dict[str, Any]) -> dict[str, Any]:
    """Give a rule as it is shown: each of its parts in words as well."""
    return {
        name: [{**part, "name": "in words"} for part in value] if isinstance(value, list) else value
        for name, value in {"filters": [], **told}.items()
    }
