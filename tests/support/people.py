"""Slack and PagerDuty, as those hear them who are to be told: stand-ins that check each message."""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

from described import description

SLACK, PAGERDUTY = "/services/T0/B0/hook", "/v2/enqueue"
#: Who tells: Alertmanager as a project has it, `ops/notify`, and an uptime vendor's stand-in.
FIRING = re.compile(r"(FIRING|RESOLVED) (\w+): ([\w-]+) live, ([\w-]+)")
NOTIFIED = re.compile(
    r":\w+: \*([\w-]+) live\*, (\w+): [^<>]+(?:<https://[^|>]+#([\w-]+)\|Runbook>)?"
)
OUTSIDE = re.compile(
    r"([\w-]+) (is down|is up|has a certificate that ends): [^<>\n]+\nhttps://\S+#runbook"
)
#: Characters of a text, at most: https://docs.slack.dev/reference/methods/chat.postMessage
LONGEST = 4000


class Told(NamedTuple):
    """One message.

    Args:
        at: When it came, by the monotonic clock.
        whom: Slack or PagerDuty.
        over: Whether it says that it is over.
    """

    at: float
    whom: str
    service: str
    alert: str
    over: bool


class People(ThreadingHTTPServer):
    """Slack and PagerDuty: what they refuse is a fault of the test."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Listening)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.told: list[Told] = []
        self.wrong: list[str] = []
        #: What PagerDuty knows each incident by.
        self.incidents: dict[str, tuple[str, str]] = {}

    def hear(self, path: str, body: Any) -> tuple[int, Any]:
        """Take a message."""
        try:
            if path == SLACK:
                self._channel(body)
                return 200, "ok"
            assert path == PAGERDUTY, path
            return 202, self._page(body)
        except (AssertionError, LookupError, ValueError) as error:
            self.wrong.append(f"{path}: {error!r}: {body}")
            return 400, "invalid_payload"

    def first(self, service: str, *, over: bool, since: float, seconds: float) -> Told:
        """Wait for the first message about a service since then."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for each in list(self.told):
                if (each.service, each.over) == (service, over) and each.at >= since:
                    return each
            time.sleep(0.1)
        raise AssertionError(f"nobody heard of {service}: {self.told} {self.wrong}")

    def _channel(self, body: Any) -> None:
        now = time.monotonic()
        if "attachments" in body:
            [message] = body["attachments"]
            found = FIRING.fullmatch(message["title"])
            assert found, message["title"]
            assert message["text"]
            assert message["title_link"].endswith(f"#{found[4]}")
            self.told.append(Told(now, "Slack", found[3], found[4], found[1] == "RESOLVED"))
            return
        assert body.keys() == {"text"}
        text = body["text"]
        assert len(text) <= LONGEST
        outside, notified = OUTSIDE.fullmatch(text), NOTIFIED.fullmatch(text)
        if outside:
            alert = "certificate" if "certificate" in outside[2] else "unreachable"
            self.told.append(Told(now, "Slack", outside[1], alert, outside[2] == "is up"))
            return
        assert notified, text
        over = notified[2] == "resolved"
        assert bool(notified[3]) != over, "what is wrong has a link to what to do"
        self.told.append(Told(now, "Slack", notified[1], notified[3] or "runbook", over))

    def _page(self, body: Any) -> Any:
        description("pagerduty-events-v2.json").held("POST", "/enqueue", "application/json", body)
        key, over = body["dedup_key"], body["event_action"] == "resolve"
        if not over:
            self.incidents[key] = body["payload"]["component"], self._section(body)
        # The end of what is not open is taken, and nobody hears of it.
        known = self.incidents.pop(key, None) if over else self.incidents[key]
        if known:
            self.told.append(Told(time.monotonic(), "PagerDuty", *known, over))
        return {"status": "success", "message": "Event processed", "dedup_key": key}

    @staticmethod
    def _section(body: Any) -> str:
        """Give which part of a runbook a page leads to; an uptime vendor's leads to its service."""
        if body.get("client") == "UptimeRobot":
            return "unreachable"
        [link] = body["links"]
        section: str = link["href"].rpartition("#")[2]
        return section


class _Listening(BaseHTTPRequestHandler):
    server: People

    def do_POST(self) -> None:
        """Take a message."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        status, said = self.server.hear(self.path, body)
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(said).encode())

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def listening() -> Iterator[People]:
    """Have both listen."""
    people = People()
    threading.Thread(target=people.serve_forever, daemon=True).start()
    try:
        yield people
    finally:
        people.shutdown()
        people.server_close()
