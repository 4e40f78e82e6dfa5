"""Doppler on loopback: a token for each config; calls are held to the published description."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import jsonschema
from conftest import Call, answering, vendors_file

DOWNLOAD = "/v3/configs/config/secrets/download"
TOKEN = "dp.st.{}.t0ken"  # noqa: S105 (the stand-in's own)


@dataclass
class Doppler:
    """A project.

    Args:
        configs: What each has.
        fails: How the next calls end: a status and a body; without them well.
        url: Where it answers.
    """

    configs: dict[str, dict[str, str]]
    project: str = "my-service"
    fails: list[tuple[int, bytes]] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)
    url: str = ""

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Answer until the end of the block."""
        described = json.loads(vendors_file("specs/doppler-openapi.json").read_text())
        operation = described["paths"][DOWNLOAD]["get"]
        with answering(lambda call: self._reply(call, operation)) as self.url:
            yield

    def _reply(self, call: Call, operation: dict[str, Any]) -> tuple[int, bytes]:
        self.calls.append(call)
        if self.fails:
            return self.fails.pop(0)
        wrong = self._held(call, operation)
        if wrong:
            return 400, json.dumps({"messages": [wrong], "success": False}).encode()
        token = call.headers["Authorization"].removeprefix("Bearer ")
        config = next((it for it in self.configs if TOKEN.format(it) == token), "")
        if not config:
            return 401, b'{"messages":["Invalid Auth token"],"success":false}'
        # A service token is good for its config alone.
        asked = (call.query["project"][0], call.query["config"][0])
        if asked != (self.project, config):
            return 403, b'{"messages":["This token does not have access"],"success":false}'
        added = {"PROJECT": self.project, "ENVIRONMENT": config, "CONFIG": config}
        told = {**self.configs[config], **{f"DOPPLER_{name}": it for name, it in added.items()}}
        return 200, json.dumps(told).encode()

    @staticmethod
    def _held(call: Call, operation: dict[str, Any]) -> str:
        """Say what is wrong with a call, by its description."""
        if (call.method, call.path) != ("GET", DOWNLOAD):
            return f"no {call.method} {call.path}"
        known = {each["name"]: each for each in operation["parameters"] if each["in"] == "query"}
        lacks = [
            name for name, it in known.items() if it.get("required") and name not in call.query
        ]
        more = [name for name in call.query if name not in known]
        for name in known.keys() & call.query.keys():
            rule, [value] = known[name]["schema"], call.query[name]
            read = json.loads(value) if rule["type"] in ("boolean", "integer") else value
            if not jsonschema.Draft202012Validator(rule).is_valid(read):
                more.append(name)
        return ", ".join(lacks + more)
