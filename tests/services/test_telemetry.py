"""What services tell by OpenTelemetry, and that whoever takes it cannot harm them.

The names are held to OpenTelemetry's own package of its conventions, what is sent is decoded by its
own package for that, and what Prometheus reads by Prometheus's client.
"""

from __future__ import annotations

import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.proto.trace.v1.trace_pb2 import Status as SpanStatus
from opentelemetry.semconv._incubating.attributes import (
    cpu_attributes,
    deployment_attributes,
    service_attributes,
)
from opentelemetry.semconv._incubating.metrics import http_metrics, process_metrics
from opentelemetry.semconv.attributes import error_attributes, http_attributes, url_attributes
from ports import free_port
from prometheus_client.parser import text_string_to_metric_families
from store import Store

from .extras import EXTRAS
from .receiver import (
    Receiver,
    hangs,
    hangs_up,
    is_busy,
    plain,
    receiving,
    refuses,
    talks_garbage,
)
from .service import APIS, WELCOME, Project, Service, extend, start

pytestmark = pytest.mark.slow

METHOD = http_attributes.HTTP_REQUEST_METHOD
STATUS = http_attributes.HTTP_RESPONSE_STATUS_CODE
ROUTE = http_attributes.HTTP_ROUTE
SCHEME = url_attributes.URL_SCHEME
DURATION = http_metrics.HTTP_SERVER_REQUEST_DURATION
ACTIVE = http_metrics.HTTP_SERVER_ACTIVE_REQUESTS
#: What is measured of a process that is none of the conventions' for Python.
LOOP = {
    "node": {"nodejs.eventloop.delay.p99": "s", "nodejs.eventloop.utilization": "1"},
    "python": {"asyncio.eventloop.delay.p99": "s"},
}
NOTE = {"node": "/notes/:id", "python": "/notes/{id}"}
BROKEN = "telemetry cannot be sent"
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
#: Below what any of these takes over a wire that works, and far above what a loopback takes.
SOON = 5.0

#: Names what a service loads on standard error.
LOADED = {
    "node": {
        "NODE_OPTIONS": "--import=data:text/javascript,"
        "import{registerHooks}from'node:module';"
        "registerHooks({resolve(s,c,n){const%20r=n(s,c);console.error(r.url);return%20r}})"
    },
    "python": {"PYTHONPROFILEIMPORTTIME": "1"},
}


@pytest.fixture(scope="module", params=APIS)
def api(request: pytest.FixtureRequest, store: Store, tmp_path_factory: Any) -> Project:
    """A service with slow and failing routes."""
    project = Project(request.param, store.project(request.param))
    folder = tmp_path_factory.mktemp("telemetry") / project.stack
    return extend(project, folder, EXTRAS[project.stack], store)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def run(api: Project, tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Give a function that starts it with these variables."""
    numbers = count()
    with ExitStack() as stack:
        yield lambda **env: stack.enter_context(
            start(api, tmp_path / f"out-{next(numbers)}", RATE_LIMIT_PER_MINUTE="0", **env)
        )


Run = Callable[..., Service]


def sends(receiver: Receiver, **more: str) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=s3cret",
        "OTEL_METRIC_EXPORT_INTERVAL": "200",
        **more,
    }


def traffic(service: Service) -> None:
    """Have requests that went well, that failed, and that nobody should have made."""
    for _ in range(3):
        assert service.client.get(f"/notes/{WELCOME}").status_code == 200
    assert service.client.get("/broken").status_code == 500
    assert service.client.get("/nope").status_code == 404
    assert service.client.get("/healthz").status_code == 200


def expected(stack: str) -> list[tuple[int, dict[str, str | int]]]:
    """Give what is to be counted of it."""
    always = {METHOD: "GET", SCHEME: "http"}
    return [
        (3, {**always, STATUS: 200, ROUTE: NOTE[stack]}),
        (1, {**always, STATUS: 500, ROUTE: "/broken", error_attributes.ERROR_TYPE: "500"}),
        (1, {**always, STATUS: 404}),
    ]


def scraped(port: int) -> list[tuple[str, dict[str, str], float]]:
    """Give what Prometheus reads, as its client understands it."""
    answer = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False, timeout=10)
    assert answer.status_code == 200
    families = text_string_to_metric_families(answer.text)
    samples = [sample for family in families for sample in family.samples]
    return [
        (each.name, {k: v for k, v in each.labels.items() if v}, each.value) for each in samples
    ]


def as_label(name: str) -> str:
    return name.replace(".", "_")


def test_what_is_sent_has_the_names_and_units_of_the_conventions(
    run: Run, receiver: Receiver, api: Project
) -> None:
    service = run(**sends(receiver))
    version = service.client.get("/healthz").json()["version"]
    traffic(service)
    assert service.stop() == 0
    metrics = receiver.metrics()
    assert {name: metric.unit for name, metric in metrics.items()} == {
        DURATION: "s",
        ACTIVE: "{request}",
        process_metrics.PROCESS_CPU_TIME: "s",
        process_metrics.PROCESS_MEMORY_USAGE: "By",
        process_metrics.PROCESS_UPTIME: "s",
        **LOOP[api.stack],
    }
    points = metrics[DURATION].histogram.data_points
    assert [(point.count, plain(point.attributes)) for point in points] == expected(api.stack)
    buckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10]
    assert list(points[0].explicit_bounds) == buckets
    [active] = metrics[ACTIVE].sum.data_points
    assert plain(active.attributes) == {METHOD: "GET", SCHEME: "http"}
    assert not metrics[ACTIVE].sum.is_monotonic
    cpu = metrics[process_metrics.PROCESS_CPU_TIME].sum
    assert cpu.is_monotonic
    modes = [plain(point.attributes)[cpu_attributes.CPU_MODE] for point in cpu.data_points]
    assert modes == ["user", "system"]
    about = receiver.resource()
    assert len(str(about.pop(service_attributes.SERVICE_INSTANCE_ID))) == 36
    of_sdk = [name for name in about if name.startswith("telemetry.sdk.")]
    assert {name: value for name, value in about.items() if name not in of_sdk} == {
        service_attributes.SERVICE_NAME: "my-service",
        service_attributes.SERVICE_VERSION: version,
        deployment_attributes.DEPLOYMENT_ENVIRONMENT_NAME: "local",
    }
    assert {(kind, key) for _, kind, key, _ in receiver.received} == {
        ("application/x-protobuf", "s3cret")
    }


def test_prometheus_reads_the_same_on_a_port_of_its_own(run: Run, api: Project) -> None:
    port = free_port()
    service = run(METRICS_PORT=str(port))
    traffic(service)
    samples = scraped(port)
    counted = [
        (value, labels)
        for name, labels, value in samples
        if name == f"{as_label(DURATION)}_seconds_count"
    ]
    assert counted == [
        (number, {as_label(name): str(value) for name, value in attributes.items()})
        for number, attributes in expected(api.stack)
    ]
    names = {name for name, *_ in samples}
    loops = {
        f"{as_label(name)}_{'seconds' if unit == 's' else 'ratio'}"
        for name, unit in LOOP[api.stack].items()
    }
    assert names == {
        *(f"http_server_request_duration_seconds_{part}" for part in ("bucket", "count", "sum")),
        "http_server_active_requests",
        "process_cpu_time_seconds_total",
        "process_memory_usage_bytes",
        "process_uptime_seconds",
        "target_info",
        *loops,
    }
    [memory] = [value for name, _, value in samples if name == "process_memory_usage_bytes"]
    assert abs(memory / 2**20 - service.memory()) < 30
    assert service.client.get("/metrics").status_code == 404, "it is not public"


def test_requests_that_are_not_answered_yet_are_counted(run: Run) -> None:
    port = free_port()
    service = run(METRICS_PORT=str(port))
    with service.connect() as connection:
        connection.sendall(b"GET /slow/2000 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(lambda: active(port) == 1)
        assert connection.receive()
    wait_until(lambda: active(port) == 0)


def active(port: int) -> float:
    return sum(value for name, _, value in scraped(port) if name == "http_server_active_requests")


def test_what_was_added_since_is_sent_where_that_is_wanted(run: Run, receiver: Receiver) -> None:
    service = run(**sends(receiver, OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE="delta"))
    traffic(service)
    wait_until(lambda: DURATION in receiver.metrics())
    found = receiver.metrics()[DURATION].histogram.aggregation_temporality
    assert found == AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA


def test_no_client_can_make_up_values_without_end(run: Run) -> None:
    port = free_port()
    service = run(METRICS_PORT=str(port))
    for number in range(200):
        service.client.get(f"/nope/{number}")
        service.client.get(f"/notes/{number}", headers={"host": f"{number}.example.com"})
    for method in ("PROPFIND", "MKCOL", "PURGE"):
        service.client.request(method, "/notes")
    counted = [
        labels for name, labels, _ in scraped(port) if name.endswith("_duration_seconds_count")
    ]
    assert len(counted) == 3, counted


def test_a_request_is_part_of_its_callers_trace(run: Run, receiver: Receiver, api: Project) -> None:
    service = run(**sends(receiver, TRACES_PERCENT="1"))
    headers = {"traceparent": f"00-{TRACE}-{CALLER}-01"}
    service.client.get(f"/notes/{WELCOME}?token=s3cret", headers=headers)
    service.client.get("/broken", headers=headers)
    service.client.get("/nope", headers={"traceparent": f"00-{TRACE}-{CALLER}-00"})
    service.client.get("/healthz", headers=headers)
    assert service.stop() == 0
    first, second = receiver.spans()
    assert (first.name, first.kind) == (f"GET {NOTE[api.stack]}", Span.SPAN_KIND_SERVER)
    assert (first.trace_id.hex(), first.parent_span_id.hex()) == (TRACE, CALLER)
    assert plain(first.attributes) == {
        METHOD: "GET",
        STATUS: 200,
        ROUTE: NOTE[api.stack],
        SCHEME: "http",
        url_attributes.URL_PATH: f"/notes/{WELCOME}",
    }
    assert 0 < first.end_time_unix_nano - first.start_time_unix_nano < SOON * 1e9
    assert (first.status.code, second.status.code) == (
        SpanStatus.STATUS_CODE_UNSET,
        SpanStatus.STATUS_CODE_ERROR,
    )
    lines = [line for line in service.log() if "reqId" in line]
    assert [line["msg"] for line in lines].count("request completed") == 3
    assert {line["trace_id"] for line in lines} == {TRACE}, "the error's own line, too"


def test_one_request_in_ten_begins_a_trace(run: Run, receiver: Receiver) -> None:
    service = run(**sends(receiver))
    for _ in range(400):
        service.client.get("/nope")
    assert service.stop() == 0
    # Beyond five times the standard deviation, once in a million runs.
    assert 10 < len(receiver.spans()) < 70
    traces = {line["trace_id"] for line in service.log() if line["msg"] == "request completed"}
    assert len(traces) == 400
    assert {span.trace_id.hex() for span in receiver.spans()} < traces


def test_a_trace_is_in_the_log_where_nothing_is_sent(run: Run) -> None:
    service = run()
    service.client.get("/nope", headers={"traceparent": f"00-{TRACE}-{CALLER}-01"})
    service.client.get("/nope", headers={"traceparent": f'00-{TRACE}-"forged":1'})
    first, second = service.logged("request completed", 2)
    assert first["trace_id"] == TRACE
    assert "trace_id" not in second


def test_nothing_of_it_is_loaded_where_nothing_is_sent(
    run: Run, receiver: Receiver, api: Project
) -> None:
    quiet = run(**LOADED[api.stack])
    traffic(quiet)
    quiet.stop()
    assert loaded(quiet) == set()
    sending = run(**LOADED[api.stack], **sends(receiver))
    sending.stop()
    assert {"sdk", "exporter"} <= loaded(sending)


def loaded(service: Service) -> set[str]:
    """Give the parts of OpenTelemetry that a service loaded, less the API that FastAPI needs."""
    said = service.errors()
    assert "node:http" in said or "fastapi" in said, "it tells what is loaded"
    parts = r"@opentelemetry/([a-z]+)|\bopentelemetry\.(sdk|exporter)\b|\b(prometheus_client)\b"
    return {"".join(found) for found in re.findall(parts, said)}


@pytest.mark.parametrize("how", [refuses, is_busy, talks_garbage, hangs, hangs_up, None])
def test_whoever_fails_to_take_it_harms_nothing(
    run: Run, receiver: Receiver, how: Callable[[BaseHTTPRequestHandler], None] | None
) -> None:
    """As before: every request, every line, the time to stop. None: nobody listens there."""
    receiver.how = how
    url = receiver.url if how else f"http://127.0.0.1:{free_port()}"
    env = sends(receiver, TRACES_PERCENT="100", SHUTDOWN_GRACE_SECONDS="3")
    service = run(**env | {"OTEL_EXPORTER_OTLP_ENDPOINT": url})
    longest = 0.0
    end = time.monotonic() + 1.5
    asked = 0
    while time.monotonic() < end:
        begun = time.monotonic()
        assert service.client.get(f"/notes/{WELCOME}").status_code == 200
        longest = max(longest, time.monotonic() - begun)
        asked += 1
    assert longest < 1
    begun = time.monotonic()
    assert service.stop() == 0
    assert time.monotonic() - begun < 3
    assert len(service.logged("request completed", asked)) == asked
    assert service.log()[-1]["msg"] == "shut down"
    told = [line for line in service.log() if line["msg"] == BROKEN]
    assert len(told) <= 1, "no more than once a minute"
    # Of what hangs nothing is known yet, and a status of 200 may be taken for the answer it is not.
    assert told or how in (hangs, hangs_up, talks_garbage)
    assert "s3cret" not in service.out.read_text()
    assert service.errors() == ""


def test_a_request_that_takes_the_grace_period_leaves_nothing_of_it_to_vendors(
    run: Run, receiver: Receiver
) -> None:
    receiver.how = hangs
    service = run(**sends(receiver, SHUTDOWN_GRACE_SECONDS="2"))
    with service.connect() as connection:
        connection.sendall(b"GET /slow/1700 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.5)  # by then it has begun, on a busy machine, too
        service.process.send_signal(signal.SIGTERM)
        answer = connection.receive()
    assert answer is not None
    assert answer.status == 200
    assert service.process.wait(5) == 0


def test_what_nobody_takes_is_dropped_rather_than_kept(run: Run, receiver: Receiver) -> None:
    """2048 spans wait at most, and 512 are on their way."""
    receiver.how = hangs
    service = run(**sends(receiver, TRACES_PERCENT="100"))
    before = service.memory()
    request = b"GET /nope HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with service.connect(30) as connection:
        sender = threading.Thread(target=connection.sendall, args=[request * 4000])
        sender.start()
        answered = b""
        while answered.count(b"HTTP/1.1 404 ") < 4000:
            answered += connection.socket.recv(1 << 20)
        sender.join()
    assert service.memory() - before < 100
    receiver.goes_on.set()
    assert service.stop() == 0
    assert len({span.span_id for span in receiver.spans()}) < 3000


def wait_until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + SOON
    while True:
        try:
            if true():
                return
        except IndexError:
            pass  # nothing came yet
        assert time.monotonic() < end
        time.sleep(0.05)
