"""Fly.io: its command, flags as flyctl's sources have them, and the releases of one app."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from vendors.base import SECRET, Vendor, commit_of

if TYPE_CHECKING:
    from conftest import Call


def imported(stdin: str) -> dict[str, str]:
    """Read secrets as `fly secrets import` does: today's and the one of 2023 agree on them."""
    today, before = parsed(stdin), parsed(stdin, today=False)
    assert today == before
    return today


def parsed(stdin: str, *, today: bool = True) -> dict[str, str]:
    """Do as flyctl's secrets/parser.go, whose scanner ends at a line that is too long."""
    found: dict[str, str] = {}
    open_, text = "", ""
    for raw in stdin.removesuffix("\n").split("\n"):
        if len(raw.encode()) >= 64 * 1024:
            break
        line = raw.removesuffix("\r")
        if open_ and line.endswith('"""'):
            found[open_] = text + line.removesuffix('"""')
            open_ = text = ""
        elif open_:
            text += line + "\n"
        elif line.strip() and not line.startswith("#"):
            assert "=" in line
            name, _, value = line.partition("=")
            name, value = name.strip(), value.lstrip(" ")
            before, mark, _ = value.partition("#")
            if today and mark and before.count('"') % 2 == 0:
                value = before.rstrip(" ")
            if today and len(value) >= 6 and value.startswith('"""') and value.endswith('"""'):
                found[name] = value[3:-3]
            elif value.startswith('"""'):
                open_, text = name, value.removeprefix('"""') + "\n"
            else:
                quotes = ('"', "'") if today else ('"',)
                bare = next((each for each in quotes if value[:1] == each == value[-1:]), "")
                assert not bare or len(value) > 1, "it would end here: slice bounds out of range"
                found[name] = value[1:-1] if bare else value
    return found


@dataclass
class Fly(Vendor):
    """An app. A release that failed is a release too."""

    hosting: ClassVar[str] = "fly"
    title: ClassVar[str] = "Fly.io"
    commands: ClassVar[tuple[str, ...]] = ("fly",)
    deploys: ClassVar[str] = "fly deploy .*"
    tells: ClassVar[str] = "fly secrets (import|unset) .*"
    asks: ClassVar[str] = "fly (releases|secrets list) .*"
    releases: list[dict[str, str]] = field(default_factory=list)
    apps: list[str] = field(default_factory=list)
    #: What `fly deploy` was told.
    told: list[dict[str, Any]] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    #: Those that the machines started with.
    started: dict[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """Give what the tasks read to reach it."""
        return {"FLY_API_TOKEN": SECRET}

    def running(self) -> str:
        """Give the commit of the image that runs: a failed release leaves the machines alone."""
        complete = [each for each in self.releases if each["Status"] == "complete"]
        return commit_of(complete[0]["ImageRef"]) if complete else "none"

    def environ(self) -> dict[str, str]:
        """Give the secrets that the machines started with."""
        return self.started

    def changes(self) -> list[str]:
        """Give the commands that were no mere questions."""
        said = [" ".join(call.json["argv"]) for call in self.calls if call.path == "/cli/fly"]
        changes = re.compile("deploy|apps create|secrets (import|unset)")
        return [each for each in said if changes.match(each)]

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
            case ["secrets", *rest]:
                return {"code": 0, "out": self._secrets(rest, told["stdin"])}
            case ["deploy", "--config", _, "--image", image, *_]:
                self.told.append(told)
                return self._deploy(image)
        raise AssertionError((name, argv))

    def _secrets(self, argv: list[str], stdin: str) -> str:
        match argv:
            case ["list", "--config", "fly.live.toml", "--json"]:
                listed = [{"name": each, "digest": "0123456789abcdef"} for each in self.secrets]
                return json.dumps(listed)
            case ["import", "--stage", "--config", "fly.live.toml"]:
                self.secrets |= imported(stdin)
            case ["unset", *names, "--stage", "--config", "fly.live.toml"]:
                self.secrets = {each: it for each, it in self.secrets.items() if each not in names}
            case _:
                raise AssertionError(argv)
        return "Secrets have been staged, but not set on VMs.\n"

    def _deploy(self, image: str) -> dict[str, Any]:
        status = "failed" if commit_of(image) in self.doomed else "complete"
        if status == "complete":
            self.started = dict(self.secrets)
        created = f"2026-11-{len(self.releases) + 1:02}T00:00:00Z"
        self.releases.insert(0, {"ImageRef": image, "Status": status, "CreatedAt": created})
        return {"code": int(status == "failed"), "out": "", "err": f"{status}\n"}
