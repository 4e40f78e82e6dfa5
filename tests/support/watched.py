"""Who looks at which metrics: what a project asks Prometheus and New Relic."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import promql_parser

SCOPE = 'job="my-service",deployment_environment_name="$environment"'
#: Of NRQL: what is no name of a metric or an attribute.
TEXT = re.compile(r"'[^']*'")
NAMED = re.compile(r"metricName = '([^']*)'")
DOTTED = re.compile(r"[a-z_]+(?:\.[a-z0-9_]+)+")


class Asked(NamedTuple):
    """The names that a question has: of metrics, and of what tells series apart."""

    metrics: set[str]
    labels: set[str]


@cache
def promql(expression: str) -> Asked:
    """Read a question to Prometheus; nobody may change what is given."""
    asked = Asked(set(), set())

    def look(node: Any) -> bool:
        if isinstance(node, promql_parser.VectorSelector) and node.name:
            asked.metrics.add(node.name)
            asked.labels.update(each.name for each in node.matchers.matchers)
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier:
            asked.labels.update(node.modifier.labels)
        return True

    promql_parser.walk(promql_parser.parse(expression), look)
    return asked


def nrql(query: str, known: set[str]) -> Asked:
    """Read a question to New Relic, where metrics look like attributes; `known` are metrics."""
    metrics = set(NAMED.findall(query))
    names = set(DOTTED.findall(TEXT.sub("", query)))
    return Asked(metrics | (names & known), names - known)


def signals(folder: Path) -> dict[str, dict[str, str]]:
    """Give what a project measures, by name."""
    read: dict[str, dict[str, str]] = json.loads((folder / "monitoring/signals.json").read_text())
    return read


def of_signals(folder: Path, language: str) -> Iterator[tuple[str, str]]:
    """Give what alerts ask, by what it is for."""
    for name, signal in signals(folder).items():
        if signal[language]:
            yield f"signal {name}", signal[language].replace("$budget", "0.001")


def of_grafana(board: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give what panels ask."""
    for panel in board["panels"]:
        for target in panel["targets"]:
            yield f"panel {panel['title']} {target['refId']}", target["expr"]


def of_newrelic(board: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Give what widgets ask of metrics."""
    for page in board["pages"]:
        for widget in page["widgets"]:
            for query in widget["rawConfiguration"]["nrqlQueries"]:
                if "FROM Metric" in query["query"]:
                    yield f"widget {widget['title']}", query["query"]


def board_of(folder: Path, vendor: str) -> dict[str, Any]:
    """Give a dashboard."""
    read: dict[str, Any] = json.loads((folder / f"monitoring/{vendor}/dashboard.json").read_text())
    return read


def filled(expression: str, env: str) -> str:
    """Give a question as it is asked in an environment."""
    asked = expression.replace("$scope", SCOPE).replace("$environment", env)
    return asked.replace("$__rate_interval", "1m")
