"""Where services send metrics and spans: what comes is decoded, or something fails."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

Attributes = dict[str, str | int]


class Receiver(ThreadingHTTPServer):
    """Takes what comes, unless `how` answers in place of it."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiving)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.how: Callable[[BaseHTTPRequestHandler], None] | None = None
        self.goes_on = threading.Event()
        #: The path, the type and the key of each request, and its body.
        self.received: list[tuple[str, str, str, bytes]] = []

    def metrics(self) -> dict[str, Metric]:
        """Give the metrics that came last, by their names."""
        resources = self._last_metrics().resource_metrics
        scopes = [scope for each in resources for scope in each.scope_metrics]
        return {metric.name: metric for scope in scopes for metric in scope.metrics}

    def resource(self) -> Attributes:
        """Give who the metrics that came last are of."""
        [found] = self._last_metrics().resource_metrics
        return plain(found.resource.attributes)

    def spans(self) -> list[Span]:
        """Give all spans that came."""
        bodies = [body for path, *_, body in self.received if path == "/v1/traces"]
        found = [ExportTraceServiceRequest.FromString(body) for body in bodies]
        resources = [each for request in found for each in request.resource_spans]
        return [span for each in resources for scope in each.scope_spans for span in scope.spans]

    def logs(self) -> list[LogRecord]:
        """Give all lines of a log that came, in that order."""
        scopes = [scope for each in self._logs() for scope in each.scope_logs]
        return [record for scope in scopes for record in scope.log_records]

    def logs_of(self) -> list[Attributes]:
        """Give who these are of, message by message."""
        return [plain(each.resource.attributes) for each in self._logs()]

    def _logs(self) -> list[ResourceLogs]:
        bodies = [body for path, *_, body in self.received if path == "/v1/logs"]
        found = [ExportLogsServiceRequest.FromString(body) for body in bodies]
        return [each for request in found for each in request.resource_logs]

    def _last_metrics(self) -> ExportMetricsServiceRequest:
        bodies = [body for path, *_, body in self.received if path == "/v1/metrics"]
        last: ExportMetricsServiceRequest = ExportMetricsServiceRequest.FromString(bodies[-1])
        return last

    def handle_error(self, *_: object) -> None:
        """Say nothing of a service that gave up."""


class Receiving(BaseHTTPRequestHandler):
    """One answer of it."""

    protocol_version = "HTTP/1.1"
    server: Receiver

    def do_POST(self) -> None:
        """Take a message, whichever way it comes."""
        body = b"".join(self._chunks())
        kind, key = self.headers["content-type"], self.headers.get("api-key", "")
        self.server.received.append((self.path, kind, key, body))
        (self.server.how or takes)(self)

    def _chunks(self) -> Iterator[bytes]:
        if length := self.headers["content-length"]:
            yield self.rfile.read(int(length))
            return
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Send an answer."""
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


def takes(handler: BaseHTTPRequestHandler) -> None:
    """Answer that all is well."""
    assert isinstance(handler, Receiving)
    handler.answer(200, content_type="application/x-protobuf")


def refuses(handler: BaseHTTPRequestHandler) -> None:
    """Answer as to a wrong key."""
    assert isinstance(handler, Receiving)
    handler.answer(401, b"no such key")


def is_busy(handler: BaseHTTPRequestHandler) -> None:
    """Answer to come back later."""
    assert isinstance(handler, Receiving)
    handler.answer(503, retry_after="30")


def talks_garbage(handler: BaseHTTPRequestHandler) -> None:
    """Answer with what is no message of the protocol."""
    assert isinstance(handler, Receiving)
    handler.answer(200, b"<html>Welcome!\xff\x00</html>" * 1000, content_type="text/html")


def hangs(handler: BaseHTTPRequestHandler) -> None:
    """Answer after 30 s, or once the test goes on."""
    assert isinstance(handler, Receiving)
    handler.server.goes_on.wait(30)
    takes(handler)


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    """Break off halfway."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{")
    handler.close_connection = True


def plain(attributes: object) -> Attributes:
    """Give attributes as names and values."""
    found: list[KeyValue] = list(attributes)  # type: ignore[call-overload]
    return {each.key: each.value.string_value or each.value.int_value for each in found}


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Be there while the block runs."""
    with Receiver() as receiver:
        thread = threading.Thread(target=receiver.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield receiver
        finally:
            receiver.goes_on.set()
            receiver.shutdown()
            thread.join()
