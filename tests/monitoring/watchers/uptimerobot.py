"""UptimeRobot: monitors and integrations, with some of another team's, in pages of two."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from standin import SECRET, Asked

from watchers.base import CHAT, PAGER, Watcher

#: Of a monitor when it was made and nothing was said of it.
UNTOLD = {
    "httpMethodType": "HEAD",
    "checkSSLErrors": False,
    "sslExpirationReminder": False,
    "config": None,
    "assignedAlertContacts": [],
}
#: What another team made, whose names have ours in them.
THEIRS = {"type": "HTTP", "url": "https://eu.example.com", "interval": 60}
MAIL = {"alertContactId": 77, "threshold": 5, "recurrence": 30}


@dataclass
class UptimeRobot(Watcher):
    """An account of two teams.

    Args:
        masks: Whether it shows but the end of what is secret.
        free: Whether the plan is one without a price.
    """

    title: ClassVar[str] = "UptimeRobot"
    option: ClassVar[str] = "uptimerobot"
    axis: ClassVar[str] = "uptime"
    module: ClassVar[str] = "uptime"
    token: ClassVar[str] = "UPTIMEROBOT_API_KEY"  # noqa: S105
    file: ClassVar[str] = "uptimerobot-v3.yaml"
    beyond: ClassVar[Mapping[int, str]] = {403: "it names no refusal, so none of a plan's"}
    creates: ClassVar[str] = "POST /monitors"
    monitors: dict[int, dict[str, Any]] = field(default_factory=dict)
    integrations: dict[int, dict[str, Any]] = field(default_factory=dict)
    #: What it was told of each of those, of which it shows less.
    settings: dict[int, dict[str, Any]] = field(default_factory=dict)
    masks: bool = False
    free: bool = False

    def __post_init__(self) -> None:
        """Begin with another service, whose name has ours in it."""
        super().__post_init__()
        for region in ("eu", "us", "asia"):
            self._made(f"my-service-live-{region}", THEIRS)
            self._told({"friendlyName": f"their {region}", "webhookURL": f"https://{region}.test"})

    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""
        return {"UPTIMEROBOT_API_URL": "https://uptimerobot.test", self.token: SECRET}

    def refused(self, status: int) -> Any:
        """Say it as it does."""
        return {"message": f"refused with {status}", "statusCode": status}

    def has(self) -> dict[str, Any]:
        """Give the monitors and the integrations."""
        both = [*self.monitors.values(), *self.integrations.values()]
        return {each["friendlyName"]: each for each in both}

    def spoil(self) -> None:
        """Have ours look less often; what somebody added stays."""
        ours = self.has()["my-service-live"]
        ours["interval"] = 3600

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Answer a call."""
        match asked.method, asked.path:
            case "GET", ["monitors"]:
                name = asked.query["name"].lower()
                known = [it for it in self.monitors.values() if name in it["friendlyName"].lower()]
                return 200, self._page(known, asked)
            case "GET", ["integrations"]:
                return 200, self._page([*self.integrations.values()], asked)
            case "POST", ["integrations"]:
                return 201, self._told({**asked.body["data"], "type": asked.body["type"]})
            case "POST", ["monitors"]:
                refused = self.free and asked.body["type"] == "HEARTBEAT"
                made = asked.body["friendlyName"], asked.body
                return (403, self.refused(403)) if refused else (201, self._made(*made))
            case "PATCH", [kind, known]:
                monitor = kind == "monitors"
                there = self.monitors if monitor else self.integrations
                body = asked.body if monitor else self._as_shown(asked.body["data"])
                if not monitor:
                    self.settings[int(known)] |= asked.body["data"]
                there[int(known)] |= body
                return 200, there[int(known)]
        raise AssertionError(asked)

    @staticmethod
    def _page(known: list[dict[str, Any]], asked: Asked) -> dict[str, Any]:
        start = int(asked.query.get("cursor", 0))
        more = start + 2 < len(known)
        link = f"https://uptimerobot.test/{asked.path[0]}?cursor={start + 2}" if more else None
        return {"nextLink": link, "data": known[start : start + 2]}

    def _made(self, name: str, what: dict[str, Any]) -> dict[str, Any]:
        number = 800_000_001 + len(self.monitors)
        made = {**UNTOLD, **what, "id": number, "friendlyName": name}
        if made["type"] == "HEARTBEAT":
            made["url"] = f"https://heartbeat.uptimerobot.com/m{number}-abc"
        self.monitors[number] = made
        return made

    def _told(self, what: dict[str, Any]) -> dict[str, Any]:
        number = 900_001 + len(self.integrations)
        self.settings[number] = dict(what)
        self.integrations[number] = {"id": number, **self._as_shown(what)}
        return self.integrations[number]

    def _as_shown(self, what: dict[str, Any]) -> dict[str, Any]:
        value = what.get("webhookURL") or what["integrationKey"]
        return {"friendlyName": what["friendlyName"], "value": "***" if self.masks else value}

    def said_of(self, name: str) -> list[str]:
        """Give the names of those whom a monitor tells."""
        ids = [each["alertContactId"] for each in self.has()[name]["assignedAlertContacts"]]
        return sorted(self.integrations[each]["friendlyName"] for each in ids if each != 77)

    def knows(self) -> set[str]:
        """Give the secrets that it was told."""
        return {each["value"] for each in self.integrations.values()} & {CHAT, PAGER}
