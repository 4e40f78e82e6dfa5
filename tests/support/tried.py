"""The table of what was tried with each database: docs/reference/databases-proof.md."""

from __future__ import annotations

import re

from conftest import ROOT, TEMPLATE
from pages import recorded

PAGE = ROOT / "docs/reference/databases-proof.md"
LABELS = {o.id: o.label for axis in ("database", "stack") for o in TEMPLATE.catalog.axis(axis)}


def filled(text: str, row: str, column: str) -> str:
    """Say in a cell of the first table that it was tried; rows and columns are as they come."""
    table = re.search(r"(^\|.*$\n?)+", text, re.MULTILINE)
    assert table
    head, _, *lines = [line.strip("| ").split(" | ") for line in table[0].splitlines()]
    known = {name: dict(zip(head, [name, *cells], strict=False)) for name, *cells in lines}
    head = head if column in head else [*head, column]
    known.setdefault(row, {head[0]: row})[column] = "yes"
    made = [head, ["---"] * len(head)]
    made += [[cells.get(name) or "not tried" for name in head] for cells in known.values()]
    written = "".join(f"| {' | '.join(cells)} |\n" for cells in made)
    return text[: table.start()] + written + text[table.end() :]


def tried(test: str, database: str, stack: str) -> None:
    """Hold the cell of a scenario to its test, which has passed, or write it there."""
    row = test.removeprefix("test_").replace("_", " ")
    column = f"{LABELS[database]}, {LABELS[stack]}"
    recorded(PAGE, lambda text: filled(text, row, column))
