"""What is counted and measured: it is sent, read by Prometheus, or both."""

from collections import Counter
from collections.abc import Callable, Iterable
from threading import Thread
from typing import Any, override
from wsgiref.simple_server import WSGIServer

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import CallbackOptions, Meter, Observation
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricReader,
    MetricsData,
    PeriodicExportingMetricReader,
)
from prometheus_client import CollectorRegistry, start_http_server
from starlette.types import Scope

from app.config import Config
from app.durations import Durations
from app.runtime import Loop, observe_runtime
from app.semantics import TellFailures, method_of, resource, route_of
from app.service import NAME


class Metrics:
    def __init__(self, config: Config) -> None:
        self.loop = Loop()
        self._config = config
        # What was there once stays, at 0: a count that ends would look like a service that did.
        self._active = Counter({"GET": 0})
        self._durations: list[Durations] = []
        self._server: WSGIServer | None = None

    def start(self, gauges: Iterable[Callable[[Meter], None]]) -> None:
        TellFailures.install()
        config = self._config
        readers: list[MetricReader] = []
        if config.METRICS_PORT:
            read = Durations(AggregationTemporality.CUMULATIVE)
            registry = CollectorRegistry()
            self._server, _ = start_http_server(config.METRICS_PORT, config.HOST, registry)
            readers.append(_Read(read, registry))
            self._durations.append(read)
        if config.OTEL_EXPORTER_OTLP_ENDPOINT:
            sent = Durations(_temporality(config))
            # It reads the standard variables itself.
            readers.append(_Sent(sent, OTLPMetricExporter()))
            self._durations.append(sent)
        self._provider = MeterProvider(readers, resource(config), shutdown_on_exit=False)
        meter = self._provider.get_meter(NAME)
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
        route = route_of(scope)
        for durations in self._durations:
            durations.record(route, method, status, seconds)

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

    def _observe_active(self, _options: CallbackOptions) -> Iterable[Observation]:
        counts: Counter[str] = Counter()
        for method, count in self._active.copy().items():
            counts[method_of(method)] += count
        for method, count in counts.items():
            yield Observation(count, {"http.request.method": method, "url.scheme": "http"})


class _Read(PrometheusMetricReader):
    def __init__(self, durations: Durations, registry: CollectorRegistry) -> None:
        self._durations = durations
        super().__init__(scope_info_enabled=False, registry=registry)

    @override
    def _receive_metrics(self, metrics_data: MetricsData, *args: Any, **kwargs: Any) -> None:
        super()._receive_metrics(self._durations.beside(metrics_data), *args, **kwargs)


class _Sent(PeriodicExportingMetricReader):
    def __init__(self, durations: Durations, exporter: OTLPMetricExporter) -> None:
        self._durations = durations
        super().__init__(exporter)

    @override
    def _receive_metrics(self, metrics_data: MetricsData, *args: Any, **kwargs: Any) -> None:
        super()._receive_metrics(self._durations.beside(metrics_data), *args, **kwargs)


def _temporality(config: Config) -> AggregationTemporality:
    if config.OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE == "cumulative":
        return AggregationTemporality.CUMULATIVE
    return AggregationTemporality.DELTA
