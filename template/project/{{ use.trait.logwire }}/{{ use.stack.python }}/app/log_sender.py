"""The lines of the log, sent on as they were written: what is redacted in one is so in the other.

Nobody waits for it; what is not taken in time is on standard output. Lines become records in the
thread that sends them, many at a time: the SDK's own processor would make each while its request
waits.
"""

import json
import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from threading import Event, Thread
from typing import Any

from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LogRecordLimits, ReadableLogRecord
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, set_span_in_context

from app.config import Config
from app.semantics import TellFailures, resource
from app.service import NAME

# As OpenTelemetry's SDK has them where nobody says otherwise: how many wait at most, how many are
# sent at once, and after how many seconds the few are.
MAX_WAITING = 2048
BATCH = 512
WAIT_SECONDS = 1.0

# Of an integer, beside its sign.
_MAX_BITS = 63

# A line that is longer stays on standard output alone: what waits is to have a limit in bytes, too.
MAX_LINE = 16 * 1024

_HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"
_LIMITS = LogRecordLimits()
_SEVERITIES = {
    "fatal": SeverityNumber.FATAL,
    "error": SeverityNumber.ERROR,
    "warn": SeverityNumber.WARN,
    "info": SeverityNumber.INFO,
    "debug": SeverityNumber.DEBUG,
    "trace": SeverityNumber.TRACE,
}
# What has a place of its own in a record, or is said of the whole service.
_PLACED = frozenset({"level", "time", "msg", "trace_id", "service", "version", "env"})
# What OpenTelemetry's conventions have a name for.
_NAMES = {
    "req.method": "http.request.method",
    "req.url": "url.path",
    "req.remoteAddress": "client.address",
    "res.statusCode": "http.response.status_code",
    "err.type": "exception.type",
    "err.message": "exception.message",
    "err.stack": "exception.stacktrace",
}


class LogSender:
    def __init__(self, config: Config) -> None:
        TellFailures.install()
        self._resource = resource(config)
        self._scope = InstrumentationScope(NAME)
        with _no_headers_of_others():
            # It reads the standard variables itself.
            self._exporter = OTLPLogExporter()
        # Of more, the oldest go.
        self._waiting: deque[bytes] = deque(maxlen=MAX_WAITING)
        self._due = Event()
        self._stopped = False
        self._thread = Thread(target=self._send, name="log-sender", daemon=True)
        self._thread.start()

    def add(self, line: bytes) -> None:
        if len(line) <= MAX_LINE:
            self._waiting.append(line)
            if len(self._waiting) == BATCH:
                self._due.set()

    def stop(self) -> None:
        """Send what is left."""
        self._stopped = True
        self._due.set()
        self._thread.join()
        self._exporter.shutdown()  # type: ignore[no-untyped-call]

    def _send(self) -> None:
        while not self._stopped:
            self._due.wait(WAIT_SECONDS)
            self._due.clear()
            while self._waiting:
                lines = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                self._exporter.export([self._record(line) for line in lines])

    def _record(self, text: bytes) -> ReadableLogRecord:
        line = json.loads(text)
        level = line["level"]
        message = line.get("msg")
        record = LogRecord(
            timestamp=int(datetime.fromisoformat(line["time"]).timestamp() * 1000) * 1_000_000,
            context=_in_trace(line.get("trace_id")),
            severity_text=level,
            severity_number=_SEVERITIES.get(level, SeverityNumber.UNSPECIFIED),
            body=str(_plain(message)),
            attributes=_attributes_of(line),
        )
        return ReadableLogRecord(record, self._resource, self._scope, _LIMITS)


def _in_trace(trace_id: str | None) -> Context:
    """Give the context of a trace; of which span it is, the line does not say."""
    if not trace_id:
        return Context()
    span = NonRecordingSpan(SpanContext(int(trace_id, 16), 0, is_remote=False))
    return set_span_in_context(span, Context())


@contextmanager
def _no_headers_of_others() -> Iterator[None]:
    """Take away the headers of whoever takes metrics: the SDK would send their key along."""
    others = os.environ.pop(_HEADERS, None)
    try:
        yield
    finally:
        if others is not None:
            os.environ[_HEADERS] = others


def _attributes_of(line: dict[str, Any]) -> dict[str, str | int | float | bool]:
    """Give the fields of a line: those of an object by names of their own."""
    attributes = {}
    for name, value in line.items():
        if name in _PLACED:
            continue
        if isinstance(value, dict):
            for member, inner in value.items():
                path = f"{name}.{member}"
                attributes[_NAMES.get(path, _text(path))] = _plain(inner)
        else:
            attributes[name] = _plain(value)
    return attributes


def _plain(value: Any) -> str | int | float | bool:
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int) and value.bit_length() > _MAX_BITS:
        return str(value)
    return value if isinstance(value, (int, float)) else json.dumps(value)


def _text(value: str) -> str:
    """Give what can be sent: for half a character, a whole batch would be refused."""
    return value.encode(errors="replace").decode()
