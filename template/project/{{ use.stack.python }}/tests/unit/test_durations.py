from collections.abc import Iterable

import pytest
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    HistogramDataPoint,
    InMemoryMetricReader,
)

from app.durations import BOUNDARIES, Durations

CUMULATIVE, DELTA = AggregationTemporality.CUMULATIVE, AggregationTemporality.DELTA
either = pytest.mark.parametrize("temporality", [CUMULATIVE, DELTA])


def told(
    temporality: AggregationTemporality, rounds: Iterable[Iterable[float]]
) -> list[list[HistogramDataPoint]]:
    """Give what OpenTelemetry's own histogram tells, and ours, once after each round."""
    reader = InMemoryMetricReader(preferred_temporality={Histogram: temporality})
    provider = MeterProvider([reader], shutdown_on_exit=False)
    theirs = provider.get_meter("SDK").create_histogram(
        "same", explicit_bucket_boundaries_advisory=BOUNDARIES
    )
    durations = Durations(temporality)
    found = []
    for seconds in rounds:
        for each in seconds:
            durations.record("/orders/{id}", "GET", 200, each)
            theirs.record(each)
        data = reader.get_metrics_data()
        assert data
        [of_resource] = durations.beside(data).resource_metrics
        points = [
            point
            for scope in of_resource.scope_metrics
            for metric in scope.metrics
            for point in metric.data.data_points
        ]
        found.append([point for point in points if isinstance(point, HistogramDataPoint)])
    return found


def values(point: HistogramDataPoint) -> list[object]:
    bounds, counts = list(point.explicit_bounds), list(point.bucket_counts)
    return [bounds, counts, point.count, point.sum, point.min, point.max]


@either
def test_they_are_those_of_opentelemetrys_own_histogram(
    temporality: AggregationTemporality,
) -> None:
    for theirs, ours in told(temporality, [[0, 0.003, 12, *BOUNDARIES], [0.0075, 0.0075], [0.08]]):
        assert values(ours) == values(theirs)


@either
def test_they_begin_where_the_ones_before_end_or_stay(temporality: AggregationTemporality) -> None:
    (_, before), (_, after) = told(temporality, [[0.001], [0.002]])
    ended = temporality is DELTA
    start = before.time_unix_nano if ended else before.start_time_unix_nano
    assert after.start_time_unix_nano == start
    assert after.attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/orders/{id}",
        "url.scheme": "http",
    }
