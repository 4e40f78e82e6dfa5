"""Fly.io: its command, flags as flyctl's sources have them, and the releases of one app."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from vendors.base import SECRET, Vendor, commit_of

if TYPE_CHECKING:
    from conftest import Call


@dataclass
class Fly(Vendor):
    """An app. A release that failed is a release too."""

    hosting: ClassVar[str] = "fly"
    title: ClassVar[str] = "Fly.io"
    commands: ClassVar[tuple[str, ...]] = ("fly",)
    deploys: ClassVar[str] = "fly deploy .*"
    asks: ClassVar[str] = "fly releases .*"
    releases: list[dict[str, str]] = field(default_factory=list)
    apps: list[str] = field(default_factory=list)
    #: What `fly deploy` was told.
    told: list[dict[str, Any]] = field(default_factory=list)

    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""
        return {"FLY_API_TOKEN": SECRET}

    def running(self) -> str:
        """Give the commit of the image that runs: a failed release leaves the machines alone."""
        complete = [each for each in self.releases if each["Status"] == "complete"]
        return commit_of(complete[0]["ImageRef"]) if complete else "none"

    def changes(self) -> list[str]:
        """Give the commands that were no mere questions."""
        argv = [call.json["argv"] for call in self.calls if call.path == "/cli/fly"]
        told = [each for each in argv if each[0] == "deploy" or each[:2] == ["apps", "create"]]
        return [" ".join(each) for each in told]

    def answer(self, call: Call) -> tuple[int, Any]:
        """Answer nothing: the command is all there is."""
        return 404, {"message": call.path}

    def command(self, name: str, told: dict[str, Any]) -> dict[str, Any]:
        """Answer for `fly`."""
        argv = told["argv"]
        if told["environment"].get("FLY_API_TOKEN") != SECRET:
            return {"code": 1, "out": "", "err": "Error: unauthorized\n"}
        match argv:
            case ["releases", "--config", _, "--image", "--json"]:
                return {"code": 0, "out": json.dumps(self.releases or None)}
            case ["apps", "list", "--json"]:
                return {"code": 0, "out": json.dumps([{"Name": each} for each in self.apps])}
            case ["apps", "create", created, *_]:
                self.apps.append(created)
                return {"code": 0, "out": ""}
            case ["deploy", "--config", _, "--image", image, *_]:
                self.told.append(told)
                return self._deploy(image)
        raise AssertionError((name, argv))

    def _deploy(self, image: str) -> dict[str, Any]:
        status = "failed" if commit_of(image) in self.doomed else "complete"
        created = f"2026-11-{len(self.releases) + 1:02}T00:00:00Z"
        self.releases.insert(0, {"ImageRef": image, "Status": status, "CreatedAt": created})
        return {"code": int(status == "failed"), "out": "", "err": f"{status}\n"}
