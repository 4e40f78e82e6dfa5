"""The table of what was tried with each database: docs/reference/databases-proof.md."""

from __future__ import annotations

import re

from conftest import ROOT, TEMPLATE
from pages import recorded

PAGE = ROOT / "docs/reference/databases-proof.md"
LABELS = {o.id: o.label for axis in ("database", "stack") for o in TEMPLATE.catalog.axis(axis)}


def filled(text: str, row: str, column: str) -> str:
    """Say in a cell of the table that it was tried; rows and columns are as they come."""
    lines = [line.strip("| ").split(" | ") for line in re.findall(r"^\|.*$", text, re.MULTILINE)]
    head, rows = lines[0], {line[0]: line for line in lines[2:]}
    known = {name: dict(zip(head, [*line, *head], strict=False)) for name, line in rows.items()}
    head = head if column in head else [*head, column]
    known.setdefault(row, {head[0]: row})[column] = "yes"
    table = [head, ["---"] * len(head)]
    table += [[cells.get(name, " ") for name in head] for cells in known.values()]
    written = "".join(f"| {' | '.join(cells)} |\n" for cells in table)
    return re.sub(r"(^\|.*$\n?)+", lambda _: written, text, flags=re.MULTILINE)


def tried(test: str, database: str, stack: str) -> None:
    """Hold the cell of a scenario to its test, which has passed, or write it there."""
    row = test.removeprefix("test_").replace("_", " ")
    column = f"{LABELS[database]}, {LABELS[stack]}"
    recorded(PAGE, lambda text: filled(text, row, column))
