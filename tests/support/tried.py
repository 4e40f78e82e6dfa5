"""The tables of what was tried with each database: docs/reference/databases-proof.md."""

from __future__ import annotations

import re

from conftest import ROOT, TEMPLATE
from pages import recorded

PAGE = ROOT / "docs/reference/databases-proof.md"
LABELS = {o.id: o.label for axis in ("database", "stack") for o in TEMPLATE.catalog.axis(axis)}
LEDGER = "## Ten thousand writes"


def filled(text: str, row: str, column: str, cell: str = "yes") -> str:
    """Say in a cell of the first table what was tried; rows and columns are as they come."""
    table = re.search(r"(^\|.*$\n?)+", text, re.MULTILINE)
    assert table
    head, _, *lines = [line.strip("| ").split(" | ") for line in table[0].splitlines()]
    known = {name: dict(zip(head, [name, *cells], strict=False)) for name, *cells in lines}
    head = head if column in head else [*head, column]
    known.setdefault(row, {head[0]: row})[column] = cell
    made = [head, ["---"] * len(head)]
    made += [[cells.get(name) or "not tried" for name in head] for cells in known.values()]
    written = "".join(f"| {' | '.join(cells)} |\n" for cells in made)
    return text[: table.start()] + written + text[table.end() :]


def column_of(database: str, stack: str) -> str:
    """Give the title of a column."""
    return f"{LABELS[database]}, {LABELS[stack]}"


def tried(test: str, database: str, stack: str) -> None:
    """Hold the cell of a scenario to its test, which has passed, or write it there."""
    row = test.removeprefix("test_").replace("_", " ")
    recorded(PAGE, lambda text: filled(text, row, column_of(database, stack)))


def booked(database: str, stack: str, cells: dict[str, str]) -> None:
    """Hold a column of the ledger to what was counted, or write it there."""

    def change(text: str) -> str:
        before, heading, ledger = text.partition(LEDGER)
        for row, cell in cells.items():
            ledger = filled(ledger, row, column_of(database, stack), cell)
        return before + heading + ledger

    recorded(PAGE, change)
