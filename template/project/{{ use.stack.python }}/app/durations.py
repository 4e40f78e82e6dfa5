"""How long requests took: a histogram for one reader of metrics.

The SDK's own copies, checks and hashes the attributes of every request, which takes a tenth of what
a request takes in all. Here they are made once for all requests of a kind, when they are read.
"""

import math
import time
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from threading import Lock

from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Histogram,
    HistogramDataPoint,
    Metric,
    MetricsData,
    ScopeMetrics,
)
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from app.semantics import attributes_of, method_of
from app.service import NAME

# In seconds, as OpenTelemetry's conventions have them for HTTP.
BOUNDARIES = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)


@dataclass(slots=True)
class _Series:
    """The requests of one kind."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDARIES) + 1))
    sum: float = 0.0
    min: float = math.inf
    max: float = 0.0


class Durations:
    def __init__(self, temporality: AggregationTemporality) -> None:
        self._temporality = temporality
        self._since = time.time_ns()
        self._series: dict[tuple[str | None, str, int], _Series] = {}
        # Whoever reads them does so in a thread of its own.
        self._lock = Lock()

    def record(self, route: str | None, method: str, status: int, seconds: float) -> None:
        kind = route, method_of(method), status
        with self._lock:
            series = self._series.get(kind)
            if series is None:
                series = self._series[kind] = _Series()
            series.counts[bisect_left(BOUNDARIES, seconds)] += 1
            series.sum += seconds
            series.min = min(series.min, seconds)
            series.max = max(series.max, seconds)

    def beside(self, found: MetricsData) -> MetricsData:
        """Give what there is to read with these, which begin anew if only changes are wanted."""
        with self._lock:
            now = time.time_ns()
            points = [
                HistogramDataPoint(
                    attributes_of(*kind),
                    self._since,
                    now,
                    sum(series.counts),
                    series.sum,
                    tuple(series.counts),
                    BOUNDARIES,
                    series.min,
                    series.max,
                )
                for kind, series in self._series.items()
            ]
            if self._temporality is AggregationTemporality.DELTA:
                self._series.clear()
                self._since = now
        if not points:
            return found
        metric = Metric(
            "http.server.request.duration",
            "How long requests took until they were answered.",
            "s",
            Histogram(points, self._temporality),
        )
        # Of two scopes with one name the exporter sends one.
        own = ScopeMetrics(InstrumentationScope(f"{NAME}.durations"), [metric], "")
        [of_resource] = found.resource_metrics
        return MetricsData([replace(of_resource, scope_metrics=[*of_resource.scope_metrics, own])])
