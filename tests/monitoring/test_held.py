"""All that watches over a service fits together; whatever is taken away or changed is found.

The share of changes that are found is published: docs/reference/alerts-proof.md.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from atpart import files_of
from conftest import ROOT, TEMPLATE, by_night, vendors_file
from emitted import UNWATCHED
from evaluated import Scene, played, rules_of
from held import All, everything, faults
from pages import recorded
from scenes import LOOP, scenes
from watched import board_of

#: The least share of changes that has to be found.
BAR = 0.95
PAGE = ROOT / "docs/reference/alerts-proof.md"
#: One of each kind, as they differ in what they tell: without any, and with one.
DATABASES = (
    "none",
    next(it.id for it in TEMPLATE.catalog.axis("database") if "data" in it.row.get("traits", ())),
)
Change = tuple[str, str, Callable[[All], object]]


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("stack", LOOP)
def test_all_that_is_asked_for_is_told_and_all_that_is_told_is_asked_for(
    stack: str, database: str
) -> None:
    assert list(faults(everything(stack, database))) == []


@pytest.mark.parametrize("database", DATABASES)
@pytest.mark.parametrize("stack", LOOP)
def test_grafanas_dashboard_is_one_by_its_schema(stack: str, database: str) -> None:
    schema = vendors_file("specs/schemastore-grafana-dashboard-5.x.json").read_text()
    board = board_of(files_of(stack=stack, database=database), "grafana")
    jsonschema.validate(board, json.loads(schema))
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    cells = [cell for panel in board["panels"] for cell in covered(panel["gridPos"])]
    assert len(set(cells)) == len(cells), "no panel lies on another"
    assert max(row for row, _ in cells) < 21, "it is one screen"


def covered(at: dict[str, int]) -> Iterator[tuple[int, int]]:
    assert at["x"] + at["w"] <= 24
    for row in range(at["y"], at["y"] + at["h"]):
        yield from ((row, column) for column in range(at["x"], at["x"] + at["w"]))


def changes(it: All) -> Iterator[Change]:
    """Give all of these, each by its kind and what it is done to."""
    for name, metric in it.metrics.items():
        if name in UNWATCHED:
            continue
        yield "a metric is told no more", name, popped(lambda it: it.metrics, name)
        for label in sorted(metric.attributes - set(UNWATCHED)):
            yield (
                "an attribute is told no more",
                label,
                partial(forget, label),
            )
    for name in it.rules:
        yield "Prometheus has a rule less", name, popped(lambda it: it.rules, name)
        yield "New Relic has a condition less", name, popped(lambda it: it.newrelic, name)
        yield "a limit is another at New Relic", name, partial(limited, name)
        yield (
            "a severity is another in Prometheus",
            name,
            partial(milder, name),
        )
    for at, rule in enumerate(it.grafana):
        yield "Grafana has a rule less", rule["title"], popped(lambda it: it.grafana, at)
        yield (
            "a rule of Grafana names nobody",
            rule["title"],
            partial(unnamed, at),
        )
    for at, panel in enumerate(it.boards["grafana"]["panels"]):
        yield (
            "Grafana's dashboard has a panel less",
            panel["title"],
            popped(lambda it: it.boards["grafana"]["panels"], at),
        )
    for at, widget in enumerate(it.boards["newrelic"]["pages"][0]["widgets"]):
        yield (
            "New Relic's dashboard has a widget less",
            widget["title"],
            popped(lambda it: it.boards["newrelic"]["pages"][0]["widgets"], at),
        )
    for at, point in enumerate(it.points):
        yield "a way to people is gone", point["uid"], popped(lambda it: it.points, at)
    for at, flow in enumerate(it.workflows):
        yield "a way to people is gone", flow["name"], popped(lambda it: it.workflows, at)


def popped(of: Callable[[All], Any], key: Any) -> Callable[[All], object]:
    """Give what takes one away."""
    return lambda it: of(it).pop(key)


def forget(label: str, it: All) -> None:
    for metric in it.metrics.values():
        metric.attributes.discard(label)


def milder(name: str, it: All) -> None:
    it.rules[name]["labels"]["severity"] = "info"


def unnamed(at: int, it: All) -> None:
    it.grafana[at].pop("notification_settings")


def limited(name: str, it: All) -> None:
    it.newrelic[name]["terms"][0]["threshold"] *= 10
    it.newrelic[name]["terms"][0]["threshold"] += 1


#: What may be wrong with a question to Prometheus, as a pattern and what is put there.
WRONG: dict[str, tuple[str, str | Callable[[re.Match[str]], str]]] = {
    "other faults are counted": (r"5\.\.", "4.."),
    "of another service, too": (r'job="my-service",', ""),
    "of another environment, too": (r',?deployment_environment_name="live"', ""),
    "below the limit": (" > ", " < "),
    "ten times the limit": (r"> ([\d.e+]+)", lambda found: f"> {float(found[1]) * 10:g}"),
    "a tenth of the limit": (r"> ([\d.e+]+)", lambda found: f"> {float(found[1]) / 10:g}"),
    "how many, not how often": (r"\(instance\) \(rate", "(instance) (increase"),
    "the least, not the most": (r"^max\(", "min("),
    "half of the requests": (r"0\.95", "0.5"),
    "a cause silences nothing": (r" unless on\(\).*", ""),
}


@pytest.mark.slow
@pytest.mark.parametrize("stack", by_night(LOOP, ["python"]))
def test_what_is_broken_is_found(stack: str, tmp_path: Path) -> None:
    """A share of it at least, with a database; what is in the page is what a run gives."""
    counted: dict[str, list[bool]] = {}
    missed = []
    for kind, what, change in changes(everything(stack, DATABASES[1])):
        broken = everything(stack, DATABASES[1])
        change(broken)
        found = any(faults(broken))
        counted.setdefault(kind, []).append(found)
        missed += [] if found else [f"{kind}: {what}"]
    wrong = {
        f"{what}-{number}": {**rule, "alert": f"{what}-{number}"}
        for number, (_, what, rule) in enumerate(questions(stack))
    }
    unnoticed = overlooked(wrong, scenes(stack), tmp_path)
    for number, (kind, what, _) in enumerate(questions(stack)):
        found = f"{what}-{number}" not in unnoticed
        counted.setdefault(f"a question is another: {kind}", []).append(found)
        missed += [] if found else [f"{kind}: {what}"]
    tried = [each for them in counted.values() for each in them]
    assert sum(tried) / len(tried) >= BAR, "; ".join(missed)
    recorded(PAGE, lambda text: put(text, stack, table(counted, missed)))


def overlooked(
    wrong: dict[str, dict[str, Any]], all_of: list[Scene], folder: Path
) -> dict[str, dict[str, Any]]:
    """Give the rules that are as expected in every scene; one that was found sees no more of them.

    The shortest scenes come first, as what they find need not be played for hours.
    """
    left = wrong
    for some in batched(sorted(all_of, key=lambda scene: scene.at), 3):
        said = played(left, some, folder)
        left = {name: rule for name, rule in left.items() if f"alertname: {name}," not in said}
    return left


def batched(scenes: list[Scene], size: int) -> list[list[Scene]]:
    return [scenes[at : at + size] for at in range(0, len(scenes), size)]


def questions(stack: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Give each rule in each way in which it would be another."""
    for name, rule in rules_of(stack, database=DATABASES[1]).items():
        for kind, (pattern, new) in WRONG.items():
            made = re.sub(pattern, new, rule["expr"])
            if made != rule["expr"]:
                yield kind, name, {**rule, "expr": made}
        yield "not held for long", name, {**rule, "for": "6h"}


def table(counted: dict[str, list[bool]], missed: list[str]) -> str:
    """Write it down."""
    rows = [f"| {kind} | {len(them)} | {sum(them)} |" for kind, them in counted.items()]
    tried = [each for them in counted.values() for each in them]
    share = f"{sum(tried)} of {len(tried)} changes are found: {sum(tried) / len(tried):.3f}."
    left = f" Not found: {'; '.join(missed)}." if missed else ""
    head = ["| what is broken | times | found |", "| --- | --- | --- |"]
    return "\n".join([*head, *rows, "", share + left, ""])


def put(text: str, stack: str, made: str) -> str:
    """Put it where it belongs."""
    start, end = (f"<!-- {word} of mutations, {stack} -->\n" for word in ("start", "end"))
    before, _, rest = text.partition(start)
    after = rest.partition(end)[2]
    return f"{before}{start}\n{made}\n{end}{after}"
