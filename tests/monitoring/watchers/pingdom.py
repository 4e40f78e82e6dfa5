"""Pingdom: checks, with one of another team's."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

from standin import SECRET, Asked

from watchers.base import Watcher

#: Of a check what it answers below its type.
OF_HTTP = ("url", "encryption", "port", "verify_certificate", "ssl_down_days_before")


@dataclass
class Pingdom(Watcher):
    """An account of two teams."""

    title: ClassVar[str] = "Pingdom"
    option: ClassVar[str] = "pingdom"
    axis: ClassVar[str] = "uptime"
    module: ClassVar[str] = "uptime"
    token: ClassVar[str] = "PINGDOM_API_TOKEN"  # noqa: S105
    file: ClassVar[str] = "pingdom-3.1.yaml"
    creates: ClassVar[str] = "POST /checks"
    checks: dict[int, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin with another service, whose name begins with ours."""
        super().__post_init__()
        self._made({"name": "my-service-live-eu", "host": "eu.example.com", "type": "http"})

    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""
        told = {"PINGDOM_API_URL": "https://pingdom.test", "PINGDOM_INTEGRATION_IDS": "74358,74356"}
        return {**told, self.token: SECRET}

    def refused(self, status: int) -> Any:
        """Say it as it does."""
        return {"error": {"statuscode": status, "errormessage": f"refused with {status}"}}

    def has(self) -> dict[str, Any]:
        """Give the checks."""
        return {each["name"]: each for each in self.checks.values()}

    def spoil(self) -> None:
        """Have ours look less often."""
        self.has()["my-service-live"]["resolution"] = 60

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Answer a call."""
        match asked.method, asked.path:
            case "GET", ["checks"]:
                few = [{"id": it["id"], "name": it["name"]} for it in self.checks.values()]
                return 200, {"checks": few}
            case "GET", ["checks", known]:
                return 200, {"check": self._shown(self.checks[int(known)])}
            case "POST", ["checks"]:
                made = self._made(asked.body)
                return 200, {"check": {"id": made["id"], "name": made["name"]}}
            case "PUT", ["checks", known]:
                self.checks[int(known)] |= asked.body
                return 200, {"message": "Modification of check was successful!"}
        raise AssertionError(asked)

    def _made(self, what: dict[str, Any]) -> dict[str, Any]:
        number = 85_975 + len(self.checks)
        self.checks[number] = {"id": number, "resolution": 5, "integrationids": [], **what}
        return self.checks[number]

    @staticmethod
    def _shown(it: dict[str, Any]) -> dict[str, Any]:
        below = {name: it[name] for name in OF_HTTP if name in it}
        plain = {name: it[name] for name in ("id", "name", "resolution", "integrationids")}
        return {**plain, "hostname": it["host"], "type": {it["type"]: below}}
