import math
import signal
from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from app.logs import log
from app.observers import observers
from tests.conftest import Logged, StartApp
from tests.fixtures.receiver import Receiver, receiving
from tests.integration.server import Server, read

TRACE = "0af7651916cd43dd8448eb211c80319c"
NOPE = b"GET /nope HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


def sends(receiver: Receiver) -> dict[str, str]:
    return {
        "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{receiver.url}/v1/logs",
        "OTEL_EXPORTER_OTLP_LOGS_HEADERS": "api-key=s3cret",
    }


def records(receiver: Receiver) -> list[LogRecord]:
    return [
        record
        for _, _, body in receiver.received
        for of_resource in ExportLogsServiceRequest.FromString(body).resource_logs
        for scope in of_resource.scope_logs
        for record in scope.log_records
    ]


def test_the_log_is_sent_on_as_it_was_written_to_the_last_line(
    start: StartApp, receiver: Receiver, logged: Logged
) -> None:
    def extend(app: FastAPI) -> None:
        @app.get("/_broken")
        async def broken() -> None:
            raise RuntimeError("broken")

    client = start(extend, **sends(receiver))
    headers = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    client.get("/_test?token=s3cret", headers=headers)
    client.get("/_broken")
    log.info("half \ud800", many=2**70, list=[1, None], db={"password": "s3cret"})
    observers.flush(math.inf)
    found = records(receiver)
    assert [each.body.string_value for each in found] == [
        "request completed",
        "request failed",
        "request completed",
        "half ?",
    ]
    assert len(logged()) == len(found)
    assert found[0].trace_id.hex() == TRACE
    names = {each.key for each in found[1].attributes}
    assert {"exception.type", "exception.message", "exception.stacktrace"} <= names
    assert b"s3cret" not in b"".join(body for *_, body in receiver.received)
    assert {key for _, key, _ in receiver.received} == {"s3cret"}


def test_whoever_does_not_take_it_holds_up_neither_the_log_nor_the_end(receiver: Receiver) -> None:
    receiver.goes_on.clear()
    env = sends(receiver) | {"SHUTDOWN_GRACE_SECONDS": "1"}
    with Server(wait=True, **env) as server:
        assert read(server.connect(NOPE)).startswith(b"HTTP/1.1 404 ")
        server.send(signal.SIGTERM)
        assert server.exit() == (0, "")
        assert "request completed" in server.stdout
        assert "shut down" in server.stdout


def test_what_cannot_be_sent_is_told_of_once(
    start: StartApp, receiver: Receiver, logged: Logged
) -> None:
    receiver.status = 401
    start(**sends(receiver)).get("/_test")
    observers.flush(math.inf)
    told = [line for line in logged() if line["msg"] == "telemetry cannot be sent"]
    assert len(told) == 1
