"""Prometheus and Alertmanager with a project's own files, and the people whom they tell."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import yaml
from conftest import memory
from described import description

from .service import free_port

#: By how much everything that takes its time is faster than it is for a team.
FASTER = 20
DURATION = re.compile(r"\b(\d+)([smhd])\b")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
#: A minute, of what has just started.
YOUNG = re.compile(r"< 60\b")
SLACK, PAGERDUTY = "/services/T0/B0/hook", "/v2/enqueue"


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

    def _channel(self, body: Any) -> None:
        [message] = body["attachments"]
        found = re.fullmatch(r"(FIRING|RESOLVED) (\w+): ([\w-]+) live, ([\w-]+)", message["title"])
        assert found, message["title"]
        assert message["text"]
        assert message["title_link"].endswith(f"#{found[4]}")
        over = found[1] == "RESOLVED"
        self.told.append(Told(time.monotonic(), "Slack", found[3], found[4], over))

    def _page(self, body: Any) -> Any:
        description("pagerduty-events-v2.json").held("POST", "/enqueue", "application/json", body)
        key, over = body["dedup_key"], body["event_action"] == "resolve"
        if not over:
            [link] = body["links"]
            self.incidents[key] = body["payload"]["component"], link["href"].rpartition("#")[2]
        self.told.append(Told(time.monotonic(), "PagerDuty", *self.incidents[key], over))
        return {"status": "success", "message": "Event processed", "dedup_key": key}


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


@dataclass
class Alerting:
    """Both, running."""

    people: People
    url: str
    started: float = field(default_factory=time.monotonic)

    def ask(self, expression: str) -> list[dict[str, Any]]:
        """Give what Prometheus answers to an expression now."""
        told = httpx.get(
            f"{self.url}/api/v1/query", params={"query": expression}, trust_env=False, timeout=30
        ).json()
        assert told["status"] == "success", told
        result: list[dict[str, Any]] = told["data"]["result"]
        return result

    def first(self, service: str, *, over: bool, since: float, seconds: float) -> Told:
        """Wait for the first message about a service since then."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for each in self.people.told:
                if (each.service, each.over) == (service, over) and each.at >= since:
                    return each
            time.sleep(0.1)
        raise AssertionError(f"nobody heard of {service}: {self.people.told} {self.people.wrong}")


def faster(text: str) -> str:
    """Have whatever takes its time in rules or routes take a part of it."""
    text = DURATION.sub(lambda it: f"{int(it[1]) * SECONDS[it[2]] * 1000 // FASTER}ms", text)
    return YOUNG.sub(f"< {60 / FASTER:g}", text)


@contextmanager
def alerting(project: Path, jobs: dict[str, int], rules: str) -> Iterator[Alerting]:
    """Have both look at services, of which each is a job with a port to read."""
    folder = Path(tempfile.mkdtemp(prefix="alerting-", dir=memory()))
    people, ports = People(), (free_port(), free_port())
    threading.Thread(target=people.serve_forever, daemon=True).start()
    (folder / "slack_webhook_url").write_text(people.url + SLACK)
    (folder / "pagerduty_routing_key").write_text("0" * 32)
    routes = faster((project / "monitoring/alertmanager.yml").read_text())
    routes = routes.replace("/run/secrets", str(folder))
    routes += f"\nglobal: {{pagerduty_url: '{people.url}{PAGERDUTY}'}}\n"
    (folder / "alertmanager.yml").write_text(routes)
    (folder / "rules.yml").write_text(rules)
    scrapes = [
        {
            "job_name": job,
            "static_configs": [
                {
                    "targets": [f"127.0.0.1:{port}"],
                    "labels": {"deployment_environment_name": "live"},
                }
            ],
        }
        for job, port in jobs.items()
    ]
    how = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s", "scrape_timeout": "1s"},
        "rule_files": ["rules.yml"],
        "alerting": {
            "alertmanagers": [{"static_configs": [{"targets": [f"127.0.0.1:{ports[1]}"]}]}]
        },
        "scrape_configs": scrapes,
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(how))
    commands = [
        [
            "prometheus", f"--config.file={folder}/prometheus.yml",
            f"--storage.tsdb.path={folder}/data", f"--web.listen-address=127.0.0.1:{ports[0]}",
        ],
        [
            "prometheus-alertmanager", f"--config.file={folder}/alertmanager.yml",
            f"--storage.path={folder}/told", f"--web.listen-address=127.0.0.1:{ports[1]}",
            "--cluster.listen-address=",
        ],
    ]  # fmt: skip
    try:
        with ExitStack() as stack:
            for command in commands:
                log = stack.enter_context((folder / f"{command[0]}.log").open("wb"))
                process = stack.enter_context(subprocess.Popen(command, stdout=log, stderr=log))
                stack.callback(process.kill)
            url = f"http://127.0.0.1:{ports[0]}"
            _ready(url)
            _ready(f"http://127.0.0.1:{ports[1]}")
            yield Alerting(people, url)
    finally:
        people.shutdown()
        people.server_close()
        shutil.rmtree(folder, ignore_errors=True)


def _ready(url: str) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            if httpx.get(f"{url}/-/ready", trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{url} does not start")
