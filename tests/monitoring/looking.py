"""UptimeRobot at work: what was set up in its stand-in looks at a real server and waits for calls.

How it judges and what it says is assumed; whom it tells of what, and when, is what each monitor's
settings say.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPResponse
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
from conftest import Call, answering
from people import PAGERDUTY
from watchers.uptimerobot import UptimeRobot

DAY = 86_400


class Seen(NamedTuple):
    """What a look gave: whether it is well, why not, and in how many days the certificate ends."""

    well: bool
    why: str = ""
    days: float = 1000.0


class Looking:
    """All monitors of a service, each judged by its own settings.

    Args:
        vendor: Where they were set up.
        events: Where PagerDuty takes events.
        trust: The certificates that it knows.
        faster: By how much time goes faster for whom is asked, and for whom it waits.
    """

    def __init__(
        self, vendor: UptimeRobot, events: str, trust: Path, faster: dict[str, int]
    ) -> None:
        self._vendor, self._events, self._faster = vendor, events, faster
        self._trust = trust
        self._called: dict[str, float] = {}
        self._down: set[str] = set()
        self._reminded: set[tuple[str, int]] = set()
        self.ends = threading.Event()

    def ping(self, call: Call) -> tuple[int, bytes]:
        """Be called by what passed."""
        self._called[call.path] = time.monotonic()
        return 200, b"OK"

    def watch(self, name: str) -> None:
        """Look again and again, until it ends."""
        monitor = self._vendor.has()[name]
        faster, began = self._faster[monitor["type"]], time.monotonic()
        waits = monitor["type"] == "HEARTBEAT"
        while not self.ends.wait(0.2 if waits else monitor["interval"] / faster):
            seen = self._waited(monitor, began) if waits else look(monitor, self._trust)
            self._judge(monitor, seen)

    def _waited(self, monitor: dict[str, Any], began: float) -> Seen:
        called = self._called.get(urlsplit(monitor["url"]).path, began)
        late = time.monotonic() - called
        allowed = (monitor["interval"] + monitor["gracePeriod"]) / self._faster["HEARTBEAT"]
        return Seen(late <= allowed, "nobody called")

    def _judge(self, monitor: dict[str, Any], seen: Seen) -> None:
        name = monitor["friendlyName"]
        if seen.well == (name in self._down):
            (self._down.discard if seen.well else self._down.add)(name)
            self._tell(monitor, "up" if seen.well else "down", seen.why or "it answers")
        periods = (monitor["config"] or {}).get("sslExpirationPeriodDays", [])
        due = {(name, it) for it in periods if seen.well and seen.days <= it}
        if monitor.get("sslExpirationReminder") and due - self._reminded:
            self._reminded |= due
            self._tell(monitor, "ends", f"in {seen.days:.0f} days")

    def _tell(self, monitor: dict[str, Any], what: str, why: str) -> None:
        """Tell those whom the monitor names, of what each wants to hear."""
        name = monitor["friendlyName"]
        for each in monitor["assignedAlertContacts"]:
            how = self._vendor.settings[each["alertContactId"]]
            assert each["threshold"] == 0, "told at once"
            assert how["enableNotificationsFor"] == "UpAndDown"
            if what == "ends" and not how["sslExpirationReminder"]:
                continue
            said = "has a certificate that ends" if what == "ends" else f"is {what}"
            if how["type"] == "Slack":
                text = f"{name} {said}: {why}\n{how['customValue']}"
                post(how["webhookURL"], {"text": text})
            elif what != "up" or how["autoResolve"]:
                event: dict[str, Any] = {
                    "routing_key": how["integrationKey"],
                    "event_action": "resolve" if what == "up" else "trigger",
                    "dedup_key": f"uptimerobot-{monitor['id']}",
                    "client": "UptimeRobot",
                }
                words = {"summary": f"{name} {said}: {why}", "source": monitor["url"]}
                if what != "up":
                    event["payload"] = {**words, "severity": "critical", "component": name}
                post(self._events + PAGERDUTY, event)


def look(monitor: dict[str, Any], trust: Path) -> Seen:
    """Ask as the monitor says; a certificate that is not valid counts if it minds certificates."""
    at, context = urlsplit(monitor["url"]), ssl.create_default_context(cafile=str(trust))
    assert at.hostname
    try:
        plain = socket.create_connection((at.hostname, at.port or 443), monitor["timeout"])
        with closing(plain), context.wrap_socket(plain, server_hostname=at.hostname) as there:
            ends = ssl.cert_time_to_seconds(str((there.getpeercert() or {})["notAfter"]))
            asked = f"{monitor['httpMethodType']} {at.path} HTTP/1.1\r\nHost: {at.netloc}\r\n"
            there.sendall(f"{asked}Connection: close\r\n\r\n".encode())
            answer = HTTPResponse(there)
            answer.begin()
            days = (ends - time.time()) / DAY
            return Seen(answer.status == 200, f"it answers {answer.status}", days)
    except ssl.SSLCertVerificationError as error:
        return Seen(not monitor["checkSSLErrors"], error.verify_message)
    except OSError as error:
        return Seen(well=False, why=str(error))


def post(url: str, body: dict[str, Any]) -> None:
    """Tell somebody."""
    answer = httpx.post(url, json=body, trust_env=False, timeout=10)
    assert answer.status_code in (200, 202), answer.text


@contextmanager
def looking(
    vendor: UptimeRobot, names: list[str], events: str, trust: Path, faster: dict[str, int]
) -> Iterator[str]:
    """Have monitors look and wait; give where they wait to be called."""
    at = Looking(vendor, events, trust, faster)
    threads = [threading.Thread(target=at.watch, args=(name,), daemon=True) for name in names]
    with answering(at.ping) as url:
        for each in threads:
            each.start()
        try:
            yield url
        finally:
            at.ends.set()
            for each in threads:
                each.join(30)
