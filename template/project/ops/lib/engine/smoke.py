"""Whether a deployed service is healthy and ready, several times in a row."""

from __future__ import annotations

import json
import time

from .errors import Failure, Misuse
from .http import send
from .tasks import Call, Usage

USAGE = Usage(1, 2, "name a URL and at most one commit")


def task(call: Call) -> None:
    """Wait until /healthz says ok, and the commit if one is given, and /readyz answers."""
    url, settings, commit = call.names[0].rstrip("/"), call.settings, "".join(call.names[1:])
    if not url.startswith(("http://", "https://")):
        raise Misuse(f"'{url}' is not an http or https URL")
    which = f" at {commit}" if commit else ""
    limit = settings.seconds("SMOKE_TIMEOUT", 180)
    wanted = int(settings.seconds("SMOKE_COUNT", 3))
    deadline = time.monotonic() + limit
    times = 0
    while times < wanted:
        wrong = look(url, commit)
        times = 0 if wrong else times + 1
        if wrong and time.monotonic() >= deadline:
            raise Failure(f"{url}{which} is not healthy after {limit:g} s; last answer: {wrong[:500]}")
        if times < wanted:
            settings.pause()
    call.console.say(f"{url} is healthy{which}")


def look(url: str, commit: str) -> str:
    """Give what speaks against its health, or the empty string."""
    for path in ("/healthz", "/readyz"):
        answer = send("GET", url + path, {"Accept": "*/*", "User-Agent": "ops"}, timeout=10)
        body = answer.body.decode("utf-8", "replace")
        if not answer.good:
            return answer.error or f"{answer.status} {body}"
        if path == "/healthz" and not _is_well(body, commit):
            return body or "nothing"
    return ""


def _is_well(body: str, commit: str) -> bool:
    try:
        told = json.loads(body)
    except ValueError:
        return False
    return isinstance(told, dict) and told.get("status") == "ok" and commit in ("", told.get("commit"))
