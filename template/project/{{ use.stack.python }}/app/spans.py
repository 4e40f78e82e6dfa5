"""A span for each request that is looked at, as its caller or chance decides.

It is made when the request is done: of most there is none, and those pay for two ids.
"""

import time
from random import getrandbits
from typing import NamedTuple, override

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, TraceIdRatioBased
from opentelemetry.trace import (
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    set_span_in_context,
)
from starlette.types import Scope

from app.config import Config
from app.semantics import SERVER_ERROR, attributes_of, resource, route_of
from app.service import NAME
from app.trace_context import traceparent


class Begun(NamedTuple):
    """What is known of a span before it is made."""

    trace_id: int
    span_id: int
    #: The span of the caller, or 0.
    caller: int
    #: In nanoseconds since 1970.
    time: int


class Spans:
    def __init__(self, config: Config) -> None:
        self._config = config
        self._bound = TraceIdRatioBased.get_bound_for_rate(config.TRACES_PERCENT / 100)
        self._ids = _Ids()

    def start(self) -> None:
        self._provider = TracerProvider(
            ALWAYS_ON, resource(self._config), shutdown_on_exit=False, id_generator=self._ids
        )
        # It reads the standard variables itself.
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer(NAME)

    def request_begins(self) -> Begun | None:
        """Have the request be part of a trace from here on, as if its caller had said so."""
        span_id = getrandbits(64) or 1
        if header := traceparent.get():
            trace_id, caller, flags = (int(part, 16) for part in header.split("-")[1:4])
            sampled = flags & TraceFlags.SAMPLED
        else:
            trace_id, caller = getrandbits(128) or 1, 0
            sampled = int(trace_id & TraceIdRatioBased.TRACE_ID_LIMIT < self._bound)
        traceparent.set(f"00-{trace_id:032x}-{span_id:016x}-{sampled:02x}")
        return Begun(trace_id, span_id, caller, time.time_ns()) if sampled else None

    def request_completed(self, begun: Begun, scope: Scope, method: str, status: int) -> None:
        self._ids.begun = begun
        attributes = attributes_of(route_of(scope), method, status)
        known = str(attributes["http.request.method"])
        name = "HTTP" if known == "_OTHER" else known
        span = self._tracer.start_span(
            f"{name} {route}" if (route := attributes.get("http.route")) else name,
            _of_caller(begun),
            SpanKind.SERVER,
            {**attributes, "url.path": scope["raw_path"].decode()},
            start_time=begun.time,
        )
        if status >= SERVER_ERROR:
            span.set_status(StatusCode.ERROR)
        span.end()

    def stop(self) -> None:
        """Send what is left."""
        self._provider.shutdown()


class _Ids(IdGenerator):
    """Those of the request whose span is being made."""

    begun: Begun

    @override
    def generate_trace_id(self) -> int:
        return self.begun.trace_id

    @override
    def generate_span_id(self) -> int:
        return self.begun.span_id


def _of_caller(begun: Begun) -> Context:
    if not begun.caller:
        return Context()
    flags = TraceFlags(TraceFlags.SAMPLED)
    caller = SpanContext(begun.trace_id, begun.caller, is_remote=True, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(caller), Context())
