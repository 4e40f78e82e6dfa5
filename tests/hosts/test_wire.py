"""Every call of the tasks, made again to Prism, which holds it to the vendor's own description.

Railway's and Heroku's descriptions are of another kind, and in test_railway.py and test_heroku.py;
AWS's is in the command line that is called, and Fly.io has none for its.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from conftest import Call, Render, from_npm, vendors_file
from test_scenarios import open_machine
from vendors import DigitalOcean, Netlify, Vercel, VercelSite
from vendors import Render as OnRender
from vendors.base import SECRET, Vendor

pytestmark = pytest.mark.slow

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
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["mock", str(description), "--port", str(port), "--host", "127.0.0.1", "--errors"]
    server = subprocess.Popen(["node", str(cli), *options], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while True:
            assert time.monotonic() < deadline, "it did not start"
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                break
            time.sleep(0.1)
        yield port
    finally:
        server.kill()
        server.wait()


def journey(vendor: Vendor, render: Render, folder: Path) -> list[Call]:
    """Set up, deploy, deploy again, roll back, give up on a deploy; give the calls, each once."""
    with vendor.serving():
        at = open_machine(vendor, render, folder)
        if vendor.stack != "static":
            at.environment["IMAGE_REPOSITORY"] = "ghcr.io/team/service"
        at.commit("v1.0.0")
        assert at.run("ops/bootstrap", "live").returncode == 0
        assert at.run("ops/bootstrap", "live").returncode == 0
        for tag in ("v1.1.0", "v1.2.0"):
            at.deploy(tag)
        assert at.run("ops/rollback", "live").returncode == 0
        at.deploy("v1.3.0")
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


def ask(port: int, call: Call, prefix: str, body: Any = None, *, known: bool = True) -> int:
    """Make a call to Prism, with its body or another; give the status."""
    headers = {
        name: call.headers[name]
        for name in ("Accept", "Authorization", "Content-Type")
        if name in call.headers and (known or name != "Authorization")
    }
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    sent = call.body if body is None else json.dumps(body).encode()
    connection.request(call.method, call.target.removeprefix(prefix), sent or None, headers)
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    violations = answer.headers.get("sl-violations", "")
    if answer.status >= 400 and known and body is None:
        pytest.fail(f"{call.method} {call.target} {call.body[:500]!r}: {violations or said!r}")
    return answer.status


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_call_is_as_the_vendor_describes_it(
    render: Render, tmp_path: Path, name: str
) -> None:
    published = PUBLISHED[name]
    description = vendors_file(published.file)
    calls = journey(published.vendor(), render, tmp_path)
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
                assert ask(port, call, published.prefix, ["no such thing"]) in (400, 422)
    assert len(calls) - len(left_out) >= 1
