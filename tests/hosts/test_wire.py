"""Every call of the tasks, made again to Prism, which holds it to the vendor's own description.

Railway's and Heroku's descriptions are of another kind, and in test_railway.py and test_heroku.py;
AWS's is in the command line that is called, and Fly.io has none for its.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from conftest import Call, from_npm, vendors_file
from ports import free_port
from process import Inside
from vendors.base import SECRET, Vendor
from vendors.digitalocean import DigitalOcean
from vendors.netlify import Netlify
from vendors.render import Render as OnRender
from vendors.vercel import Vercel, VercelSite

pytestmark = pytest.mark.slow

#: Prism lets any body of theirs pass.
UNREAD = {
    "POST /v13/deployments": "/v13/deployments",
    "PATCH /v9/projects/prj_1": "/v9/projects/{idOrName}",
}
#: As services document what they read.
SETTINGS = "".join(
    f"\n# One.\n# Type: string\n# Secret: yes\n# Default: none\n{name}=\n"
    for name in ("API_KEY", "OTHER")
)
ROLLBACK = r"POST /v1/projects/[^/]+/rollback/[^/]+"


@dataclass(frozen=True)
class Described:
    """What a vendor publishes.

    Args:
        prefix: Of the paths of calls, which those of the description do not have.
        leaves_out: Calls that it does not have, as regular expressions.
    """

    vendor: type[Vendor]
    file: str
    prefix: str = ""
    leaves_out: tuple[str, ...] = ()


VERCEL = (
    "GET /v2/teams/[^/]+", r"GET /v9/projects/[^/]+/domains", "GET /v10/projects",
    "POST /v11/projects", r"PATCH /v12/deployments/[^/]+/cancel", "POST /v2/files",
    "DELETE /v1/projects/[^/]+/env",
)  # fmt: skip
PUBLISHED = {
    "render": Described(OnRender, "specs/render-public-api-1.json", "/v1"),
    "netlify": Described(Netlify, "specs/netlify-swagger.yml", "/api/v1"),
    "digitalocean": Described(DigitalOcean, "specs/digitalocean-apps.bundled.yaml"),
    "vercel": Described(Vercel, "specs/vercel-trimmed.json", leaves_out=(*VERCEL, ROLLBACK)),
    "vercel, static": Described(
        VercelSite, "specs/vercel-trimmed.json", leaves_out=(*VERCEL, ROLLBACK)
    ),
    "vercel, rollback": Described(
        Vercel, "specs/vercel-rollback.yaml", leaves_out=(rf"(?!{ROLLBACK}).*",)
    ),
}


@contextlib.contextmanager
def prism(description: Path) -> Iterator[int]:
    """Serve a description on loopback; give the port."""
    cli = from_npm("prism", "@stoplight/prism-cli/dist/index.js")
    port = free_port()
    options = ["mock", str(description), "--port", str(port), "--host", "127.0.0.1", "--errors"]
    # A group of its own: `node` may be a wrapper, and what it starts would go on.
    server = subprocess.Popen(
        ["node", str(cli), *options], stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            assert time.monotonic() < deadline, "it did not start"
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield port
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.wait()


def journey(vendor: Vendor, folder: Path) -> list[Call]:
    """Set up, deploy, roll back, tell settings, give up on a deploy; give the calls, each once."""
    with vendor.serving():
        at = Inside.inside(vendor, folder)
        if vendor.stack != "static":
            at.environment["IMAGE_REPOSITORY"] = "ghcr.io/team/service"
        at.commit("v1.0.0")
        assert at.run("ops/bootstrap", "live").returncode == 0
        assert at.run("ops/bootstrap", "live").returncode == 0
        for tag in ("v1.1.0", "v1.2.0"):
            at.deploy(tag)
        assert at.run("ops/rollback", "live").returncode == 0
        at.deploy("v1.3.0")
        with (at.project / ".env.example").open("a") as file:
            file.write(SETTINGS)
        for told in ("API_KEY=first\nOTHER=one\n", "API_KEY=second\n"):
            (at.project / ".env.live").write_text(told)
            assert at.run("ops/settings", "live", "push").returncode == 0
        at.commit("v1.4.0")
        assert at.run("ops/deploy", "live", DEPLOY_TIMEOUT="0").returncode == 1
        assert at.run("ops/releases", "live").returncode == 0
    found: dict[str, Call] = {}
    for call in vendor.calls:
        keys = sorted(call.json) if is_json(call) and isinstance(call.json, dict) else []
        path = re.sub(r"[\w-]*\d[\w.-]*", "ID", call.path)
        found.setdefault(f"{call.method} {path} {sorted(call.query)} {keys}", call)
    return list(found.values())


def is_json(call: Call) -> bool:
    """Say whether a call brings JSON."""
    return call.headers.get("Content-Type") == "application/json"


def broken(body: Any) -> Any:
    """Give a body whose values are all of another type."""
    if isinstance(body, list):
        return [broken(each) for each in body]
    return {key: 1 if isinstance(value, str | list | dict) else [] for key, value in body.items()}


def held(description: Path, call: Call) -> None:
    """Hold the body of a call to the schema of its operation, which takes no other keys."""
    path = UNREAD[f"{call.method} {call.path}"]
    operation = json.loads(description.read_text("utf-8"))["paths"][path][call.method.lower()]
    rules = nullable(operation["requestBody"]["content"]["application/json"]["schema"])
    jsonschema.validate(call.json, rules)
    for wrong in ({**call.json, "commit": "abc1234"}, broken(call.json)):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, rules)


def nullable(rule: Any) -> Any:
    """Say in JSON Schema what OpenAPI 3.0 calls nullable."""
    if isinstance(rule, list):
        return [nullable(item) for item in rule]
    if not isinstance(rule, dict):
        return rule
    told = {key: nullable(value) for key, value in rule.items()}
    return {**told, "type": [told["type"], "null"]} if told.get("nullable") is True else told


def readable(description: Path, folder: Path) -> Path:
    """Give a description that Prism can hold a call to.

    Render's lists kinds of services that are no alternatives: what fits one fits others too.
    """
    text = description.read_text("utf-8")
    if description.name.startswith("render"):
        known = json.loads(text)
        for name in ("servicePOST", "servicePATCH"):
            details = known["components"]["schemas"][name]["properties"]["serviceDetails"]
            details["anyOf"] = details.pop("oneOf")
        text = json.dumps(known)
    made = folder / description.name
    made.write_text(text)
    return made


def ask(port: int, call: Call, prefix: str, body: Any = None, *, known: bool = True) -> int:
    """Make a call to Prism, with its body or another; give the status."""
    headers = {
        name: call.headers[name]
        for name in ("Accept", "Authorization", "Content-Type")
        if name in call.headers and (known or name != "Authorization")
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    sent = call.body if body is None else json.dumps(body).encode()
    # A path in a path is one parameter, which Prism only sees without its slashes.
    target = re.sub(
        "(?<=/files/)[^?]+", lambda file: file[0].replace("/", "%2F"), call.target
    ).removeprefix(prefix)
    connection.request(call.method, target, sent or None, headers)
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    violations = answer.headers.get("sl-violations", "")
    if answer.status >= 400 and known and body is None:
        pytest.fail(f"{call.method} {call.target} {call.body[:500]!r}: {violations or said!r}")
    return answer.status


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_call_is_as_the_vendor_describes_it(tmp_path: Path, name: str) -> None:
    published = PUBLISHED[name]
    description = readable(vendors_file(published.file), tmp_path)
    calls = journey(published.vendor(), tmp_path)
    left_out = [
        call
        for call in calls
        if any(re.fullmatch(each, f"{call.method} {call.path}") for each in published.leaves_out)
    ]
    with prism(description) as port:
        for call in calls:
            if call in left_out:
                continue
            assert call.headers["Authorization"] == f"Bearer {SECRET}"
            assert 200 <= ask(port, call, published.prefix) < 300
            assert ask(port, call, published.prefix, known=False) == 401
            if is_json(call):
                if f"{call.method} {call.path}" in UNREAD:
                    held(description, call)
                else:
                    assert ask(port, call, published.prefix, broken(call.json)) in (400, 422)
    assert len(calls) - len(left_out) >= 1
