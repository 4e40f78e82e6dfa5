"""What has to be so of all that watches over a service, as faults: none, if all is well."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import chdir
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from atpart import at_part, files_of
from emitted import DATABASE, METRICS, RESOURCE, SERIES, UNWATCHED, Metric, in_prometheus, labels
from evaluated import rules_of
from watched import board_of, filled, nrql, of_grafana, of_newrelic, of_signals, promql
from watchers.grafana import Grafana
from watchers.newrelic import NewRelic

#: What one screen answers, in the order in which one asks.
SCREEN = (
    "Instances", "Release", "Youngest instance", "Requests", "Faults", "95 of 100 within",
    "Requests by status", "Response time", "Faults by route", "Processors", "Memory", "Event loop",
    "Requests under way", "Instances by release", "Slowest routes",
)  # fmt: skip
#: By which ways people are told of what, in `live`.
ROUTES = {"warning": {"slack"}, "critical": {"slack", "pagerduty"}}


@dataclass
class All:
    """Everything of a stack: what is told, what is asked, and what the vendors have of it."""

    metrics: dict[str, Metric]
    table: list[dict[str, Any]]
    rules: dict[str, dict[str, Any]]
    signals: dict[str, list[tuple[str, str]]]
    boards: dict[str, dict[str, Any]]
    grafana: list[dict[str, Any]]
    points: list[dict[str, Any]]
    newrelic: dict[str, dict[str, Any]]
    workflows: list[dict[str, Any]]


@cache
def _folders(stack: str, database: str) -> dict[str, Path]:
    both = "grafana", "newrelic"
    return {it: files_of(stack=stack, database=database, performance=it) for it in both}


@cache
def _read(stack: str, database: str) -> str:
    """Read all of it, and have both vendors be as it says."""
    folders, at = _folders(stack, database), {"grafana": Grafana(), "newrelic": NewRelic()}
    for name, vendor in at.items():
        with chdir(folders[name]):
            at_part(vendor).bootstrap()
    grafana, newrelic = at["grafana"], at["newrelic"]
    assert isinstance(grafana, Grafana)
    assert isinstance(newrelic, NewRelic)
    table = json.loads((folders["grafana"] / "monitoring/alerts.json").read_text())["alerts"]
    return json.dumps(
        {
            "table": [row for row in table if "live" in row.get("environments", ["live"])],
            "rules": rules_of(stack, database=database),
            "signals": {
                language: list(of_signals(folders["grafana"], language))
                for language in ("promql", "nrql")
            },
            "boards": {name: board_of(folders[name], name) for name in folders},
            "grafana": grafana.rules(),
            "points": [it for it in grafana.points.values() if not it["name"].endswith("-eu")],
            "newrelic": {
                it["name"].removeprefix("my-service-live-"): it
                for it in newrelic.things["condition"].values()
                if not it["name"].endswith("-eu")
            },
            "workflows": [
                it for it in newrelic.things["workflow"].values() if not it["name"].endswith("-eu")
            ],
        }
    )


def everything(stack: str, database: str) -> All:
    """Give a copy of it, which may be broken."""
    told = METRICS[stack] | ({} if database == "none" else DATABASE)
    metrics = {name: it._replace(attributes={*it.attributes}) for name, it in told.items()}
    return All(metrics=metrics, **json.loads(_read(stack, database)))


def faults(it: All) -> Iterator[str]:
    """Find what is wrong."""
    yield from _asked_in_vain(it)
    yield from _told_in_vain(it)
    yield from _unlike(it)
    yield from _untold(it)
    for vendor, titles in _titles(it).items():
        if titles[: len(SCREEN)] != list(SCREEN):
            yield f"{vendor}'s dashboard does not answer what one asks: {titles}"
    deploys = [each["target"]["tags"] for each in it.boards["grafana"]["annotations"]["list"]]
    if (
        deploys != [["deploy", "my-service-$environment"]]
        or "Deploys" not in _titles(it)["newrelic"]
    ):
        yield "no dashboard has deploys"


def _titles(it: All) -> dict[str, list[str]]:
    pages = it.boards["newrelic"]["pages"]
    widgets = [widget["title"] for page in pages for widget in page["widgets"]]
    return {
        "grafana": [panel["title"] for panel in it.boards["grafana"]["panels"]],
        "newrelic": widgets,
    }


def _questions(it: All) -> Iterator[tuple[str, str, set[str], set[str]]]:
    """Give what is asked: where, of which language, which metrics and which labels."""
    known = {*METRICS["node"], *METRICS["python"], *DATABASE}
    rules = [(f"rule {name}", rule["expr"]) for name, rule in it.rules.items()]
    for where, text in [*it.signals["promql"], *rules, *of_grafana(it.boards["grafana"])]:
        yield where, "promql", *promql(filled(text, "live"))
    for where, text in [*it.signals["nrql"], *of_newrelic(it.boards["newrelic"])]:
        yield where, "nrql", *nrql(text.replace("$scope", "service.name = 'x'"), known)


def _asked_in_vain(it: All) -> Iterator[str]:
    """Find questions for what nobody tells."""
    metrics = {each for name, metric in it.metrics.items() for each in in_prometheus(name, metric)}
    attributes = set[str]().union(*(metric.attributes for metric in it.metrics.values()))
    told = {
        "promql": (metrics | {"target_info"}, labels(attributes | RESOURCE) | SERIES | {"le"}),
        "nrql": (set(it.metrics), attributes | RESOURCE),
    }
    for where, language, names, further in _questions(it):
        for name in [*sorted(names - told[language][0]), *sorted(further - told[language][1])]:
            yield f"{where} asks for {name}, which nobody tells"


def _told_in_vain(it: All) -> Iterator[str]:
    """Find what is told and nobody asks for."""
    asked = list(_questions(it))
    for language in ("promql", "nrql"):
        names = set[str]().union(*(found for _, of, found, _ in asked if of == language))
        further = set[str]().union(*(found for _, of, _, found in asked if of == language))
        for name, metric in it.metrics.items():
            called = in_prometheus(name, metric) if language == "promql" else {name}
            if not called & names and name not in UNWATCHED:
                yield f"nobody asks for {name} in {language}"
            for attribute in metric.attributes - set(UNWATCHED):
                label = attribute.replace(".", "_") if language == "promql" else attribute
                if label not in further:
                    yield f"nobody asks for {attribute} in {language}"


def _unlike(it: All) -> Iterator[str]:
    """Find what differs from the table, at any of those that evaluate it."""
    outside = {"unreachable", "certificate"}
    table = {row["id"]: row for row in it.table if row["id"] not in outside}
    grafana = {rule["title"]: rule for rule in it.grafana}
    for where, them in (
        ("Prometheus", it.rules), ("Grafana", grafana), ("New Relic", it.newrelic),
    ):  # fmt: skip
        if list(them) != list(table):
            yield f"{where} has other alerts than the table"
    for name, row in table.items():
        rule, there, condition = it.rules.get(name), grafana.get(name), it.newrelic.get(name)
        if not (rule and there and condition):
            continue
        [term] = condition["terms"]
        limit = there["data"][1]["model"]["conditions"][0]["evaluator"]["params"]
        lost = {"above": 1.0, "operator": "BELOW", "opens": True}
        wanted = {"above": float(row["above"]), "operator": "ABOVE", "opens": False}
        found = {
            "above": term["threshold"],
            "operator": term["operator"],
            "opens": condition["expiration"]["openViolationOnExpiration"],
        }
        same = {
            "severity": {rule["labels"]["severity"], there["labels"]["severity"], row["severity"],
                         term["priority"].lower()},
            "summary": {rule["annotations"]["summary"], there["annotations"]["summary"],
                        condition["description"], row["summary"]},
            "time": {rule["for"], there["for"], row["for"], f"{term['thresholdDuration'] // 60}m"},
            "question": {rule["expr"], there["data"][0]["model"]["expr"]},
            "limit": {*limit, float(row["above"])},
        }  # fmt: skip
        yield from (
            f"{name}: the {what} differs" for what, values in same.items() if len(values) > 1
        )
        if found != (lost if name == "silence" else wanted):
            yield f"{name}: New Relic has another limit"
        if f"> {row['above']:g}" not in rule["expr"]:
            yield f"{name}: Prometheus has another limit"


def _untold(it: All) -> Iterator[str]:
    """Find alerts that reach other people than they should."""
    ways = {severity: set[str]() for severity in ROUTES}
    for point in it.points:
        severity = point["name"].rpartition("-")[2]
        ways.setdefault(severity, set()).add(point["type"])
    if ways != ROUTES:
        yield f"Grafana tells {ways}"
    for rule in it.grafana:
        receiver = rule.get("notification_settings", {}).get("receiver")
        if receiver != f"my-service-live-{rule['labels']['severity']}":
            yield f"Grafana: {rule['title']} reaches {receiver}"
    told = {}
    for flow in it.workflows:
        predicates = flow["issuesFilter"]["predicates"]
        told[flow["name"]] = [value for each in predicates[1:] for value in each["values"]]
    if told != {"my-service-live-chat": [], "my-service-live-pager": ["CRITICAL"]}:
        yield f"New Relic tells {told}"
