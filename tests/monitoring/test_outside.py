"""What no metric tells is told: a certificate that ends, a backup that was missed, a failed deploy.

What ops/bootstrap set up at UptimeRobot looks at a real server, ops/deploy deploys to a host on
loopback, and Slack and PagerDuty are stand-ins that hold messages to what these publish.
"""

from __future__ import annotations

import shutil
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from atpart import at_part
from conftest import OTHERS, Render
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from detected import everywhere
from looking import DAY, looking
from monitored import loaded
from people import SLACK, People, listening
from vendors.base import AllBut, Machine
from vendors.render import Render as OnRender
from watchers.uptimerobot import UptimeRobot

pytestmark = pytest.mark.slow

#: Whoever asks does so this much more often, and a day is so much shorter.
FASTER = {"HTTP": 100, "HEARTBEAT": 10_000}
BACKUP = "my-service-live-backup"
BOTH = {"Slack", "PagerDuty"}
FORGE = "forge.example.com/my-team/my-service.git"


class Site:
    """A service behind TLS, whose certificates are signed by somebody of our own."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._key = folder, ec.generate_private_key(ec.SECP256R1())
        self.trust = folder / "ca.pem"
        self.trust.write_bytes(self._signed("Ours", timedelta(days=3650)))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ends_in(90)

    def ends_in(self, days: float) -> None:
        """Have a certificate that ends in so many days; it ended, if they are fewer than none."""
        file, private = self._folder / f"{days}.pem", serialization.PrivateFormat.PKCS8
        key = self._key.private_bytes(
            serialization.Encoding.PEM, private, serialization.NoEncryption()
        )
        file.write_bytes(key + self._signed("localhost", timedelta(days=days)))
        self._context.load_cert_chain(file)

    def _signed(self, name: str, ends: timedelta) -> bytes:
        """Sign one of this name; all have the one key."""
        ours, now = _named("Ours"), datetime.now(UTC)
        authority = name == "Ours"
        builder = x509.CertificateBuilder(ours, _named(name), self._key.public_key())
        builder = builder.serial_number(x509.random_serial_number())
        builder = builder.not_valid_before(now - timedelta(days=365)).not_valid_after(now + ends)
        builder = builder.add_extension(x509.BasicConstraints(authority, None), critical=True)
        if not authority:
            names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
            builder = builder.add_extension(names, critical=False)
        made = builder.sign(self._key, hashes.SHA256())
        return made.public_bytes(serialization.Encoding.PEM)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """Answer; give the address."""
        context = self._context

        class Healthy(BaseHTTPRequestHandler):
            def handle(self) -> None:
                with context.wrap_socket(self.request, server_side=True) as self.connection:
                    self.rfile = self.connection.makefile("rb")
                    self.wfile = self.connection.makefile("wb")
                    super().handle()
                    self.wfile.flush()

            def do_GET(self) -> None:
                self.send_response(200 if self.path == "/healthz" else 404)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        server = ThreadingHTTPServer(("127.0.0.1", 0), Healthy)
        # Who asks turns away from a certificate that has ended.
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"https://localhost:{server.server_port}"
        finally:
            server.shutdown()
            server.server_close()


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


class Nights:
    """Each night a backup passes, and calls as ops/backup does, until nights are missed."""

    def __init__(self, url: str) -> None:
        made = loaded()
        settings = made.variables.Settings({"BACKUP_HEARTBEAT_URL": url})
        self._at = SimpleNamespace(settings=settings, console=SimpleNamespace(say=_unheard))
        self._beat = made.modules["news"].beat
        self.last, self.missed, self._over = 0.0, False, threading.Event()
        self._thread = threading.Thread(target=self._pass, daemon=True)

    def _pass(self) -> None:
        while True:
            if not self.missed:
                self._beat(self._at, "backup")
                self.last = time.monotonic()
            if self._over.wait(DAY / FASTER["HEARTBEAT"]):
                return

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Let them pass."""
        self._thread.start()
        try:
            yield
        finally:
            self._over.set()
            self._thread.join()


def _unheard(said: str) -> None:
    raise AssertionError(said)


def heard(people: People, service: str, since: float) -> list[tuple[str, str, bool]]:
    """Give who was told what of something, since then."""
    told = [each for each in people.told if each.service == service and each.at >= since]
    return sorted((each.whom, each.alert, each.over) for each in told)


def minutes(seconds: float, kind: str = "HTTP") -> str:
    """Give a time as a team has it."""
    return f"{seconds * FASTER[kind] / 60:.0f}"


def test_a_certificate_that_ends_and_a_backup_that_was_missed_are_told_once(
    tmp_path: Path,
) -> None:
    site, vendor = Site(tmp_path), UptimeRobot()
    with site.serving() as url, listening() as people:
        at = at_part(vendor, SLACK_WEBHOOK_URL=people.url + SLACK, PAGERDUTY_ROUTING_KEY="0" * 32)
        at.context.url = url
        at.bootstrap()
        monitors = ["my-service-live", BACKUP]
        with looking(vendor, monitors, people.url, site.trust, FASTER) as waits:
            path = vendor.has()[BACKUP]["url"].rpartition("/")[2]
            nights = Nights(f"{waits}/{path}")
            with nights.passing():
                time.sleep(1.2 * DAY / FASTER["HEARTBEAT"])
                assert people.told == [], "all is well"
                _ending(site, people)
                _ended(site, people)
                _missed(nights, people)
        assert people.wrong == []


def _ending(site: Site, people: People) -> None:
    began = time.monotonic()
    site.ends_in(13)
    first = people.first("my-service-live", over=False, since=began, seconds=60)
    time.sleep(2 * 300 / FASTER["HTTP"])
    assert heard(people, "my-service-live", began) == [("Slack", "certificate", False)]
    everywhere(
        "certificate that ends soon", "`certificate` to Slack", f"{minutes(first.at - began)} min"
    )


def _ended(site: Site, people: People) -> None:
    began = time.monotonic()
    site.ends_in(-1)
    first = people.first("my-service-live", over=False, since=began, seconds=60)
    time.sleep(2 * 300 / FASTER["HTTP"])
    ended = time.monotonic()
    site.ends_in(90)
    last = people.first("my-service-live", over=True, since=ended, seconds=60)
    time.sleep(1)
    once = [(whom, "unreachable", over) for whom in sorted(BOTH) for over in (False, True)]
    assert heard(people, "my-service-live", began) == once
    times = f"{minutes(first.at - began)} and {minutes(last.at - ended)} min"
    everywhere("expired certificate", "`unreachable` to Slack and PagerDuty", times)


def _missed(nights: Nights, people: People) -> None:
    assert heard(people, BACKUP, 0) == [], "those that passed are no news"
    nights.missed = True
    began = nights.last
    first = people.first(BACKUP, over=False, since=began, seconds=60)
    time.sleep(2)
    ended = time.monotonic()
    nights.missed = False
    people.first(BACKUP, over=True, since=ended, seconds=60)
    time.sleep(1)
    once = [(whom, "unreachable", over) for whom in sorted(BOTH) for over in (False, True)]
    assert heard(people, BACKUP, began) == once
    hours = (first.at - began) * FASTER["HEARTBEAT"] / 3600
    times = f"{hours:.0f} h after the last, and with the next"
    everywhere("missed backup", "the heartbeat `backup` to Slack and PagerDuty", times)


@pytest.fixture
def machine(render: Render, tmp_path: Path) -> Iterator[tuple[Machine, People]]:
    """A service in `live`, deployed from a repository of a forge, and whoever hears of it."""
    vendor = OnRender()
    with vendor.serving(), listening() as people:
        at = Machine.new(vendor, render, tmp_path, incidents="pagerduty")
        # To git a path, and to who reads it an address of a forge.
        shutil.move(tmp_path / "origin.git", at.project / FORGE)
        at.git("remote", "set-url", "origin", FORGE)
        at.environment |= {
            "SLACK_WEBHOOK_URL": people.url + SLACK,
            "PAGERDUTY_ROUTING_KEY": "0" * 32,
            "PAGERDUTY_EVENTS_URL": f"{people.url}/v2",
        }
        (at.project / ".git/info/exclude").write_text("/forge.example.com/\n")
        yield at, people


@pytest.mark.parametrize("comes_back", [True, False], ids=["restored", "down"])
def test_a_deploy_that_fails_is_told_once_and_that_the_next_one_is_well(
    machine: tuple[Machine, People], *, comes_back: bool
) -> None:
    at, people = machine
    good = at.deploy("v1.0.0")
    assert len(people.told) == 1, "the channel hears that it runs"
    bad, began = at.commit("v1.1.0"), time.monotonic()
    at.vendor.sick = AllBut(good if comes_back else "none")
    done = at.run("ops/deploy", "live")
    assert done.returncode == 1, done.stderr
    failed = time.monotonic()
    at.vendor.sick = {bad}
    at.deploy("v1.2.0")
    whom = {"Slack"} if comes_back else BOTH
    once = [(each, "runbook", over) for each in sorted(whom) for over in (False, True)]
    assert people.wrong == []
    assert heard(people, "my-service", began) == once
    assert all(each.at < failed for each in people.told if not each.over)
    assert "\n## Runbook\n" in (at.project / "README.md").read_text()
    who = "Slack" if comes_back else "Slack and PagerDuty"
    fault = "failed deploy" if comes_back else "failed deploy, and rollback"
    everywhere(fault, f"`ops/notify` to {who}", "at once, and with the next")


def test_a_service_that_other_vendors_watch_is_deployed_before_there_is_a_token(
    render: Render, tmp_path: Path
) -> None:
    """Nothing of theirs is asked for."""
    vendor = OnRender()
    with vendor.serving():
        at = Machine.new(vendor, render, tmp_path, **OTHERS)
        assert at.deploy("v1.0.0") == vendor.running()
