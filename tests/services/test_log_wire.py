"""The log that services send on by OpenTelemetry, and that whoever takes it cannot harm them.

What is sent is held to what is on standard output, line by line, as OpenTelemetry's own package for
its protocol decodes it.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from conftest import TEMPLATE
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, SeverityNumber
from opentelemetry.semconv._incubating.attributes import client_attributes
from opentelemetry.semconv.attributes import exception_attributes, http_attributes, url_attributes
from ports import free_port
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
from .test_telemetry import BROKEN, CALLER, LOADED, TRACE, loaded, wait_until

pytestmark = pytest.mark.slow

#: Every option that takes a log; what they do to a service is the same.
STORES = [each for each in TEMPLATE.catalog.axis("logs") if "wire" in each.row]
#: What a line says in the words of the log, and by OpenTelemetry's conventions.
NAMES = {
    ("req", "method"): http_attributes.HTTP_REQUEST_METHOD,
    ("req", "url"): url_attributes.URL_PATH,
    ("req", "remoteAddress"): client_attributes.CLIENT_ADDRESS,
    ("res", "statusCode"): http_attributes.HTTP_RESPONSE_STATUS_CODE,
    ("err", "type"): exception_attributes.EXCEPTION_TYPE,
    ("err", "message"): exception_attributes.EXCEPTION_MESSAGE,
    ("err", "stack"): exception_attributes.EXCEPTION_STACKTRACE,
}
SEVERITIES = {
    "fatal": SeverityNumber.SEVERITY_NUMBER_FATAL,
    "error": SeverityNumber.SEVERITY_NUMBER_ERROR,
    "warn": SeverityNumber.SEVERITY_NUMBER_WARN,
    "info": SeverityNumber.SEVERITY_NUMBER_INFO,
}
OF_THE_SERVICE = {"service", "version", "env"}


@pytest.fixture(scope="module", params=APIS)
def api(request: pytest.FixtureRequest, store: Store, tmp_path_factory: Any) -> Project:
    """A service that sends its log on, with slow and failing routes."""
    project = Project(request.param, store.project(request.param))
    assert f"logs: {STORES[0].id}\n" in (project.folder / ".copier-answers.yml").read_text()
    folder = tmp_path_factory.mktemp("log-wire") / project.stack
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


def sends(url: str, **more: str) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{url}/v1/logs",
        "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "api-key=s3cret%20key",
        **more,
    }


def as_line(record: LogRecord) -> dict[str, Any]:
    """Give a record as the line that it was."""
    names = {name: ".".join(path) for path, name in NAMES.items()}
    line: dict[str, Any] = {
        "level": record.severity_text,
        "time": datetime.fromtimestamp(record.time_unix_nano / 1e9).astimezone(),
        "msg": record.body.string_value,
    }
    if record.trace_id:
        line["trace_id"] = record.trace_id.hex()
    for each in record.attributes:
        line[names.get(each.key, each.key)] = value_of(each.value)
    return line


def value_of(value: AnyValue) -> Any:
    return getattr(value, value.WhichOneof("value") or "string_value")


def flat(line: dict[str, Any]) -> dict[str, Any]:
    """Give a line of standard output, the fields of an object by names of their own."""
    found: dict[str, Any] = {}
    for name, value in line.items():
        if isinstance(value, dict):
            found |= {f"{name}.{member}": scalar(inner) for member, inner in value.items()}
        elif name not in OF_THE_SERVICE:
            found[name] = scalar(value)
    return {**found, "time": datetime.fromisoformat(line["time"])}


def scalar(value: Any) -> Any:
    return value if isinstance(value, (str, int, float)) else compact(value)


def compact(value: Any) -> str:
    return json.dumps(value).replace(" ", "")


def same(found: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Have what is JSON within a field written in one way."""
    return [
        {n: v.replace(" ", "") if isinstance(v, str) else v for n, v in each.items()}
        for each in found
    ]


def test_what_is_sent_is_what_was_written_line_by_line(run: Run, receiver: Receiver) -> None:
    service = run(**sends(receiver.url))
    caller = {"traceparent": f"00-{TRACE}-{CALLER}-01", "x-request-id": "mine"}
    service.client.get(f"/notes/{WELCOME}?token=s3cret", headers=caller)
    service.client.get("/broken", headers=caller)
    service.client.get("/secrets")
    for _ in range(700):  # more than a message has
        service.client.get("/nope")
    assert service.stop() == 0
    records = receiver.logs()
    assert same([as_line(each) for each in records]) == same([flat(each) for each in service.log()])
    assert records[-1].body.string_value == "shut down", "to the last"
    for each in records:
        assert each.severity_number == SEVERITIES[each.severity_text]
    traced = [each for each in records if each.trace_id]
    assert len(traced) == 3, "two requests, and what one of them failed of"
    assert not any(each.span_id for each in records), "a line does not say of which span it is"
    assert "mine" in {plain(each.attributes)["reqId"] for each in traced}
    assert b"s3cret" not in b"".join(body for *_, body in receiver.received)
    assert {(path, key) for path, _, key, _ in receiver.received} == {("/v1/logs", "s3cret key")}
    known = {
        "service.name": "my-service",
        "deployment.environment.name": "local",
        "service.version": service.log()[0]["version"],
    }
    for whose in receiver.logs_of():
        assert known.items() <= whose.items()
        assert whose["service.instance.id"]


def test_the_key_of_whoever_takes_metrics_does_not_go_along(run: Run, receiver: Receiver) -> None:
    others = {"OTEL_EXPORTER_OTLP_HEADERS": "api-key=s3cret-of-others"}
    with receiving() as other:
        others["OTEL_EXPORTER_OTLP_ENDPOINT"] = other.url
        service = run(OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=f"{receiver.url}/v1/logs", **others)
        service.logged("listening")
        assert service.stop() == 0
        assert {key for _, _, key, _ in other.received} == {"s3cret-of-others"}
    assert {path for path, *_ in other.received} <= {"/v1/metrics", "/v1/traces"}
    assert {(path, key) for path, _, key, _ in receiver.received} == {("/v1/logs", "")}


def test_lines_do_not_wait_for_many_more(run: Run, receiver: Receiver) -> None:
    run(**sends(receiver.url))
    wait_until(lambda: receiver.logs()[-1].body.string_value == "listening")


def test_nothing_of_it_is_loaded_where_nothing_is_sent(
    run: Run, receiver: Receiver, api: Project
) -> None:
    quiet = run(**LOADED[api.stack])
    quiet.stop()
    assert loaded(quiet) == set()
    sending = run(**LOADED[api.stack], **sends(receiver.url))
    sending.stop()
    assert {"sdk", "exporter"} <= loaded(sending)


@pytest.mark.parametrize("how", [refuses, is_busy, talks_garbage, hangs, hangs_up, None])
def test_whoever_fails_to_take_it_harms_nothing(
    run: Run, receiver: Receiver, how: Callable[[BaseHTTPRequestHandler], None] | None
) -> None:
    """As before: every request, every line, the time to stop. None: nobody listens there."""
    receiver.how = how
    url = receiver.url if how else f"http://127.0.0.1:{free_port()}"
    service = run(**sends(url, SHUTDOWN_GRACE_SECONDS="5"))
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
    assert time.monotonic() - begun < 5
    assert len(service.logged("request completed", asked)) == asked
    said = [line["msg"] for line in service.log()]
    assert "shut down" in said[-2:], "what comes after it is told of whoever takes no log"
    told = said.count(BROKEN)
    assert told <= 1, "no more than once a minute, and not of the line that says so"
    # Of what hangs, or is tried again, nothing is known yet; and a status of 200 may be taken for
    # the answer it is not.
    assert told or how in (hangs, hangs_up, talks_garbage, None)
    assert "s3cret" not in service.out.read_text()
    assert service.errors() == ""


def test_what_nobody_takes_is_dropped_rather_than_kept(run: Run, receiver: Receiver) -> None:
    """2048 lines wait at most, and 512 are on their way; longer than 16 KiB, none is sent."""
    receiver.how = hangs
    service = run(**sends(receiver.url))
    before = service.memory()
    long = b"x" * 8000
    request = b"GET /nope/" + long + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with service.connect(30) as connection:
        sender = threading.Thread(target=connection.sendall, args=[request * 4000])
        sender.start()
        answered = b""
        while answered.count(b"HTTP/1.1 404 ") < 4000:
            answered += connection.socket.recv(1 << 20)
        sender.join()
    assert service.memory() - before < 150
    receiver.goes_on.set()
    assert service.stop() == 0
    assert len(service.logged("request completed", 4000)) == 4000
    sent = {each.time_unix_nano for each in receiver.logs()}
    assert len(sent) <= 2048 + 2 * 512


def test_what_ends_a_service_is_sent_before_it_does(run: Run, receiver: Receiver) -> None:
    with receiving() as taken, pytest.raises(AssertionError, match="did not start"):
        run(**sends(receiver.url), PORT=str(taken.server_port))
    last = receiver.logs()[-1]
    assert (last.severity_text, last.body.string_value) == ("fatal", "could not start")
    assert exception_attributes.EXCEPTION_STACKTRACE in plain(last.attributes)


def test_a_request_that_takes_the_grace_period_leaves_nothing_of_it_to_vendors(
    run: Run, receiver: Receiver
) -> None:
    receiver.how = hangs
    service = run(**sends(receiver.url, SHUTDOWN_GRACE_SECONDS="2"))
    with service.connect() as connection:
        connection.sendall(b"GET /slow/1400 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.2)
        service.process.send_signal(signal.SIGTERM)
        answer = connection.receive()
    assert answer is not None
    assert answer.status == 200
    assert service.process.wait(5) == 0
