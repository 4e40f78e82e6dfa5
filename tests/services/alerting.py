"""Prometheus and Alertmanager with a project's own files, and the people whom they tell."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml
from conftest import memory
from people import PAGERDUTY, SLACK, People, Told, listening
from ports import free_port

#: By how much everything that takes its time is faster than it is for a team.
FASTER = 20
DURATION = re.compile(r"\b(\d+)([smhd])\b")
SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
#: Two minutes, of what has just started.
YOUNG = re.compile(r"< 120\b")


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
        return self.people.first(service, over=over, since=since, seconds=seconds)


def faster(text: str) -> str:
    """Have whatever takes its time in rules or routes take a part of it."""
    text = DURATION.sub(lambda it: f"{int(it[1]) * SECONDS[it[2]] * 1000 // FASTER}ms", text)
    return YOUNG.sub(f"< {120 / FASTER:g}", text)


@contextmanager
def alerting(project: Path, jobs: dict[str, int], rules: str) -> Iterator[Alerting]:
    """Have both look at services, of which each is a job with a port to read."""
    folder = Path(tempfile.mkdtemp(prefix="alerting-", dir=memory()))
    ports = free_port(), free_port()
    running = ExitStack()
    people = running.enter_context(listening())
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
        with running as stack:
            for command in commands:
                log = stack.enter_context((folder / f"{command[0]}.log").open("wb"))
                process = stack.enter_context(subprocess.Popen(command, stdout=log, stderr=log))
                stack.callback(process.kill)
            url = f"http://127.0.0.1:{ports[0]}"
            _ready(url)
            _ready(f"http://127.0.0.1:{ports[1]}")
            yield Alerting(people, url)
    finally:
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
