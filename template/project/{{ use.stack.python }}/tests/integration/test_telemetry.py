import signal
import socket
import urllib.request
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from app.config import read_config
from app.logs import log
from app.main import create_app
from tests.conftest import Logged, SetEnvironment, StartApp
from tests.fixtures.receiver import Receiver, receiving
from tests.fixtures.routes import add_routes
from tests.integration.server import Server, read

TRACE = "0af7651916cd43dd8448eb211c80319c"
CALLER = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
NOPE = b"GET /nope HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
DURATION = "http.server.request.duration"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def run(
    environment: SetEnvironment, receiver: Receiver, *requests: tuple[str, str], **env: str
) -> None:
    """Have an app from its start to its end."""
    environment(OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, **env)
    app = create_app(read_config())
    app.state.health.checks.clear()
    add_routes(app)
    add_broken(app)
    with TestClient(app, raise_server_exceptions=False) as client:
        for method, path in requests:
            client.request(method, path)


def add_broken(app: FastAPI) -> None:
    @app.get("/_broken/{id}")
    async def broken(id: str) -> None:  # noqa: A002
        raise RuntimeError(id)


def plain(attributes: Iterator[KeyValue]) -> dict[str, str | int]:
    return {each.key: each.value.string_value or each.value.int_value for each in attributes}


def test_requests_are_measured_by_their_route_and_probes_are_not(
    environment: SetEnvironment, receiver: Receiver
) -> None:
    paths = [("GET", "/_test"), ("GET", "/_broken/1"), ("GET", "/_broken/2"), ("GET", "/nope/3")]
    run(environment, receiver, *paths, ("PROPFIND", "/nope"), ("GET", "/healthz"))
    get = {"http.request.method": "GET", "url.scheme": "http"}
    points = receiver.metrics()[DURATION].histogram.data_points
    found = [(point.count, plain(iter(point.attributes))) for point in points]
    failed = {"http.response.status_code": 500, "error.type": "500", "http.route": "/_broken/{id}"}
    assert found == [
        (1, {**get, "http.response.status_code": 200, "http.route": "/_test"}),
        (2, {**get, **failed}),
        (1, {**get, "http.response.status_code": 404}),
        (1, {**get, "http.request.method": "_OTHER", "http.response.status_code": 404}),
    ]


def test_metrics_go_to_the_endpoint_with_its_headers(
    environment: SetEnvironment, receiver: Receiver
) -> None:
    env = {"OTEL_EXPORTER_OTLP_HEADERS": "api-key=s3cret", "TRACES_PERCENT": "100"}
    run(environment, receiver, ("GET", "/_test"), **env)
    assert {(path, key) for path, key, _ in receiver.received} == {
        ("/v1/metrics", "s3cret"),
        ("/v1/traces", "s3cret"),
    }
    (active,) = receiver.metrics()["http.server.active_requests"].sum.data_points
    of = {"http.request.method": "GET", "url.scheme": "http"}
    assert (active.as_int, plain(iter(active.attributes))) == (0, of)
    names = {"process.cpu.time", "process.memory.usage", "asyncio.eventloop.delay.p99"}
    assert names <= receiver.metrics().keys()


def test_a_request_has_a_span_of_the_trace_of_its_caller(
    start: StartApp, receiver: Receiver, logged: Logged
) -> None:
    def extend(app: FastAPI) -> None:
        @app.get("/_logs/{id}")
        async def logs(id: str) -> None:  # noqa: A002
            log.info("within", id=id)

    client = start(extend, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, TRACES_PERCENT="1")
    client.get("/_logs/7?token=s3cret", headers=CALLER)
    client.__exit__()
    (span,) = receiver.spans()
    assert (span.name, span.trace_id.hex()) == ("GET /_logs/{id}", TRACE)
    assert span.parent_span_id.hex() == "b7ad6b7169203331"
    assert plain(iter(span.attributes))["url.path"] == "/_logs/7"
    assert [line["trace_id"] for line in logged()] == [TRACE, TRACE]


def test_a_request_without_a_caller_has_a_trace_of_its_own(
    environment: SetEnvironment, receiver: Receiver, logged: Logged
) -> None:
    env = {"TRACES_PERCENT": "100"}
    run(environment, receiver, ("GET", "/_test"), ("GET", "/_broken/1"), **env)
    first, second = receiver.spans()
    assert [first.status.code, second.status.code] == [0, 2]
    traces = [line["trace_id"] for line in logged() if line["msg"] == "request completed"]
    assert traces == [first.trace_id.hex(), second.trace_id.hex()]


def test_a_trace_is_in_the_log_though_nobody_has_its_spans(start: StartApp, logged: Logged) -> None:
    start().get("/_test", headers=CALLER)
    start().get("/_test", headers={"traceparent": "no trace"})
    assert [line.get("trace_id") for line in logged()] == [TRACE, None]


def test_prometheus_reads_metrics_on_a_port_of_their_own() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with Server(wait=False, METRICS_PORT=port) as server:
            assert server.exit() == (1, "")
            assert "could not start" in server.stdout
    with Server(METRICS_PORT=port) as server:
        assert read(server.connect(NOPE)).startswith(b"HTTP/1.1 404 ")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            text = answer.read().decode()
        assert 'http_server_request_duration_seconds_count{http_request_method="GET"' in text
        server.send(signal.SIGTERM)
        assert server.exit() == (0, "")


def test_whoever_does_not_take_it_is_told_of_once(
    environment: SetEnvironment, receiver: Receiver, logged: Logged
) -> None:
    receiver.status = 401
    env = {"TRACES_PERCENT": "100", "OTEL_METRIC_EXPORT_INTERVAL": "100"}
    run(environment, receiver, ("GET", "/_test"), **env)
    lines = [line for line in logged() if line["msg"] == "telemetry cannot be sent"]
    assert len(lines) == 1
    assert "401" in lines[0]["reason"]


def test_whoever_is_slow_to_take_it_does_not_hold_up_the_end(receiver: Receiver) -> None:
    receiver.goes_on.clear()
    with Server(
        OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url,
        OTEL_METRIC_EXPORT_INTERVAL="100",
        SHUTDOWN_GRACE_SECONDS="1",
        TRACES_PERCENT="100",
    ) as server:
        assert read(server.connect(NOPE)).startswith(b"HTTP/1.1 404 ")
        server.send(signal.SIGTERM)
        assert server.exit() == (0, "")
        assert "shut down" in server.stdout
