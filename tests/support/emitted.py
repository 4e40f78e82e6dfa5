"""What services tell of themselves, by OpenTelemetry's names: docs/reference/service.md.

tests/services/test_watched.py holds it to services that run; what looks at metrics is held to it.
"""

from __future__ import annotations

from typing import NamedTuple

METHOD, ROUTE, SCHEME = "http.request.method", "http.route", "url.scheme"
STATUS, ERROR, MODE = "http.response.status_code", "error.type", "cpu.mode"
POOL, STATE = "db.client.connection.pool.name", "db.client.connection.state"
#: Of whom all is told.
RESOURCE = {
    "service.name", "service.version", "service.instance.id", "deployment.environment.name",
}  # fmt: skip
#: What is on each series in Prometheus, and what whoever keeps metrics makes of the resource there.
SERIES = {"job", "instance", "deployment_environment_name"}


class Metric(NamedTuple):
    """One of them, with what tells its series apart."""

    unit: str
    kind: str
    attributes: set[str]


_COMMON = {
    "http.server.request.duration": Metric(
        "s", "histogram", {METHOD, STATUS, ROUTE, SCHEME, ERROR}
    ),
    "http.server.active_requests": Metric("{request}", "gauge", {METHOD, SCHEME}),
    "process.cpu.time": Metric("s", "counter", {MODE}),
    "process.memory.usage": Metric("By", "gauge", set()),
    "process.uptime": Metric("s", "gauge", set()),
}
#: By stack.
METRICS = {
    "node": _COMMON
    | {
        "nodejs.eventloop.delay.p99": Metric("s", "gauge", set()),
        "nodejs.eventloop.utilization": Metric("1", "gauge", set()),
    },
    "python": _COMMON | {"asyncio.eventloop.delay.p99": Metric("s", "gauge", set())},
}
#: What those with a database tell as well.
DATABASE = {
    "db.client.connection.count": Metric("{connection}", "gauge", {POOL, STATE}),
    "db.client.connection.max": Metric("{connection}", "gauge", {POOL}),
    "db.client.connection.pending_requests": Metric("{request}", "gauge", {POOL}),
}
#: What nobody looks at, and why it is told all the same.
UNWATCHED = {
    "nodejs.eventloop.utilization": "its delay says what a request feels; this, how far that is",
    SCHEME: "the conventions require it",
    ERROR: "the conventions require it; it says of a 5xx what its status does",
    POOL: "the conventions require it; a service has one",
    MODE: "both are added up; which of them it is matters to who looks for the reason",
}  # fmt: skip

SUFFIXES = {"s": "_seconds", "By": "_bytes", "1": "_ratio", "{request}": "", "{connection}": ""}


def in_prometheus(name: str, metric: Metric) -> set[str]:
    """Give what a metric is called there, as the specification has it."""
    base = name.replace(".", "_") + SUFFIXES[metric.unit]
    if metric.kind == "histogram":
        return {f"{base}_{part}" for part in ("bucket", "count", "sum")}
    return {f"{base}_total"} if metric.kind == "counter" else {base}


def labels(names: set[str]) -> set[str]:
    """Give attributes as labels."""
    return {name.replace(".", "_") for name in names}
