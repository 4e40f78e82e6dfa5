"""What dashboards and alerts ask for is told by the services, and a real Prometheus has answers.

What services tell is held to tests/support/emitted.py; tests/monitoring holds all that looks at
metrics to it, in both directions.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from emitted import DATABASE, METRICS, RESOURCE, Metric, in_prometheus, labels
from ports import free_port
from postgres import postgres
from prometheus_client.parser import text_string_to_metric_families
from store import Store
from watched import board_of, filled, of_grafana, of_signals

from .faults import FAULTS
from .receiver import Receiver, plain, receiving
from .service import APIS, Project, Service, extend, start

pytestmark = pytest.mark.slow

SELF = {"telemetry.sdk.name", "telemetry.sdk.language", "telemetry.sdk.version"}
DURATION = "http.server.request.duration"
#: What there is no answer to while somebody is there.
SILENCE = "signal silence"


@pytest.fixture(scope="module", params=APIS)
def api(request: pytest.FixtureRequest, store: Store, tmp_path_factory: Any) -> Project:
    """A service with a failing route, and with a database, so that it tells all that there is."""
    stack = request.param
    project = Project(
        stack, store.project(stack, "-d", "database=supabase", name=f"{stack}-supabase")
    )
    folder = tmp_path_factory.mktemp("watched") / stack
    return extend(project, folder, FAULTS[stack], store)


class Told:
    """A service that tells both of whom there are."""

    def __init__(self, service: Service, port: int, receiver: Receiver) -> None:
        self.service, self.port, self.receiver = service, port, receiver

    def traffic(self) -> None:
        """Have requests that went well and that failed."""
        for path in ("/broken", "/ok", "/rows", "/nope"):
            self.service.client.get(path)

    def scraped(self) -> str:
        """Give what Prometheus reads."""
        url = f"http://127.0.0.1:{self.port}/metrics"
        return httpx.get(url, trust_env=False, timeout=10).text


@pytest.fixture(scope="module")
def told(api: Project, tmp_path_factory: Any) -> Iterator[Told]:
    port, out = free_port(), tmp_path_factory.mktemp("out") / "out"
    with receiving() as receiver, postgres() as server:
        env = {
            "DATABASE_URL": server.url,
            "METRICS_PORT": str(port),
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
            "RATE_LIMIT_PER_MINUTE": "0",
        }
        with start(api, out, **env) as service:
            yield Told(service, port, receiver)


def test_what_is_sent_is_what_we_know_of(told: Told, api: Project) -> None:
    told.traffic()
    wait_until(lambda: told.receiver.received and DURATION in told.receiver.metrics())
    sent = {name: of_otlp(metric) for name, metric in told.receiver.metrics().items()}
    assert sent == METRICS[api.stack] | DATABASE
    assert set(told.receiver.resource()) - SELF == RESOURCE


def of_otlp(metric: Any) -> Metric:
    """Read a metric as it is sent."""
    data = getattr(metric, metric.WhichOneof("data"))
    kind = "histogram" if metric.HasField("histogram") else "gauge"
    kind = "counter" if metric.HasField("sum") and metric.sum.is_monotonic else kind
    names = {name for point in data.data_points for name in plain(point.attributes)}
    return Metric(metric.unit, kind, names)


def test_what_prometheus_reads_is_what_we_know_of(told: Told, api: Project) -> None:
    told.traffic()
    families = text_string_to_metric_families(told.scraped())
    samples = [sample for family in families for sample in family.samples]
    known = METRICS[api.stack] | DATABASE
    names = {each for name, metric in known.items() for each in in_prometheus(name, metric)}
    assert {sample.name for sample in samples} == names | {"target_info"}
    found = {label for sample in samples for label, value in sample.labels.items() if value}
    attributes = set[str]().union(*(metric.attributes for metric in known.values()))
    assert found - labels(SELF) == labels(attributes | RESOURCE) | {"le"}


def test_every_question_is_answered(told: Told, api: Project, tmp_path: Path) -> None:
    """By a real Prometheus; but for silence, while somebody is there."""
    asked = dict(of_signals(api.folder, "promql")) | dict(
        of_grafana(board_of(api.folder, "grafana"))
    )
    silence = asked.pop(SILENCE)
    with prometheus(told.port, tmp_path) as url:
        end, left = time.monotonic() + 60, asked
        while left and time.monotonic() < end:
            told.traffic()
            time.sleep(0.5)
            left = {what: it for what, it in left.items() if not answers(url, it)}
        assert left == {}
        assert not answers(url, silence)
        assert answers(url, silence.replace("process", "no"))


def answers(url: str, expression: str) -> bool:
    """Say whether there is a number."""
    params = {"query": filled(expression, "local")}
    answer = httpx.get(f"{url}/api/v1/query", params=params, trust_env=False, timeout=10)
    assert answer.status_code == 200, (expression, answer.text)
    found = answer.json()["data"]["result"]
    return any(each["value"][1] != "NaN" for each in found)


@contextmanager
def prometheus(target: int, folder: Path) -> Iterator[str]:
    """Run Debian's, which reads a service every half second."""
    port, config = free_port(), folder / "prometheus.yml"
    config.write_text(
        "global: { scrape_interval: 500ms, scrape_timeout: 500ms }\n"
        "scrape_configs:\n"
        "  - job_name: my-service\n"
        "    static_configs:\n"
        f"      - targets: [127.0.0.1:{target}]\n"
        "        labels: { deployment_environment_name: local }\n"
    )
    command = [
        "prometheus", f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn",
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command) as process:
        try:
            wait_until(lambda: ready(url))
            yield url
        finally:
            process.kill()


def ready(url: str) -> bool:
    """Say whether it takes questions."""
    try:
        return httpx.get(f"{url}/-/ready", trust_env=False).status_code == 200
    except httpx.TransportError:
        return False


def wait_until(so: Any, seconds: float = 30) -> None:
    """Wait for something, or fail."""
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end
        time.sleep(0.1)
