"""What is counted and measured: it is sent, read by Prometheus, or both."""

from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from threading import Thread
from wsgiref.simple_server import WSGIServer

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from prometheus_client import CollectorRegistry, start_http_server
from starlette.types import Scope

from app.config import Config
from app.runtime import Loop, observe_runtime
from app.semantics import TellFailures, attributes_of, method_of, resource, route_of
from app.service import NAME

# In seconds, as OpenTelemetry's conventions have them for HTTP.
_DURATIONS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)


# Requests are recorded so many at a time, which takes a third of the time that it takes one by one
# between other work.
_BATCH = 50


class Metrics:
    def __init__(self, config: Config) -> None:
        self.loop = Loop()
        self._config = config
        # What was there once stays, at 0: a count that ends would look like a service that did.
        self._active = Counter({"GET": 0})
        self._completed: deque[tuple[float, str | None, str, int]] = deque()
        self._server: WSGIServer | None = None

    def start(self, gauges: Iterable[Callable[[Meter], None]]) -> None:
        TellFailures.install()
        config = self._config
        readers: list[MetricReader] = []
        if config.METRICS_PORT:
            registry = CollectorRegistry()
            self._server, _ = start_http_server(config.METRICS_PORT, config.HOST, registry)
            readers.append(PrometheusMetricReader(scope_info_enabled=False, registry=registry))
        if config.OTEL_EXPORTER_OTLP_ENDPOINT:
            # It reads the standard variables itself.
            readers.append(PeriodicExportingMetricReader(OTLPMetricExporter()))
        self._provider = MeterProvider(
            readers, resource(config), AlwaysOffExemplarFilter(), shutdown_on_exit=False
        )
        meter = self._provider.get_meter(NAME)
        self._duration = meter.create_histogram(
            "http.server.request.duration",
            "s",
            "How long requests took until they were answered.",
            explicit_bucket_boundaries_advisory=_DURATIONS,
        )
        meter.create_observable_up_down_counter(
            "http.server.active_requests",
            [self._observe_active],
            "{request}",
            "How many requests are not answered yet.",
        )
        observe_runtime(meter, self.loop)
        for observe in gauges:
            observe(meter)

    def request_begins(self, method: str) -> None:
        self._active[method] += 1

    def request_ends(self, method: str) -> None:
        self._active[method] -= 1

    def request_completed(self, scope: Scope, method: str, status: int, seconds: float) -> None:
        self._completed.append((seconds, route_of(scope), method, status))
        if len(self._completed) >= _BATCH:
            self._record()

    def stop(self) -> None:
        """Send what is left."""
        self._provider.shutdown()
        if self._server:
            # It takes up to half a second, for which nobody has to wait.
            Thread(target=self._close, args=[self._server], daemon=True).start()

    @staticmethod
    def _close(server: WSGIServer) -> None:
        server.shutdown()
        server.server_close()

    def _record(self) -> None:
        with suppress(IndexError):  # whoever reads them does so in a thread of its own
            while True:
                seconds, route, method, status = self._completed.popleft()
                self._duration.record(seconds, attributes_of(route, method, status))

    def _observe_active(self, _options: CallbackOptions) -> Iterable[Observation]:
        self._record()  # asked before anything is read
        counts: Counter[str] = Counter()
        for method, count in self._active.copy().items():
            counts[method_of(method)] += count
        for method, count in counts.items():
            yield Observation(count, {"http.request.method": method, "url.scheme": "http"})
