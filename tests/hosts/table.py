"""The table of what was tried on each host: docs/reference/hosts-proof.md.

Its cells are written by the tests that filled them, with UPDATE_TABLES=1, and held to it without.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from conftest import ROOT
from pages import recorded
from vendors import VENDORS

if TYPE_CHECKING:
    from process import Inside
    from vendors.base import Machine

PAGE = ROOT / "docs/reference/hosts-proof.md"
COLUMNS = [vendor.title for vendor in VENDORS]


def calls(at: Inside) -> list[str]:
    """Give what the newest task asked of its host."""
    named = (*at.vendor.commands, "GET", "POST", "PUT", "PATCH", "DELETE")
    asked = [step for step in at.steps if step.split()[0] in named]
    return [step for step in asked if not re.search("/(healthz|readyz)$", step)]


def cells(line: str) -> list[str]:
    """Give the cells of a row."""
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def table(text: str) -> dict[str, dict[str, str]]:
    """Give what each row says of each host."""
    head, _, *rows = re.findall(r"^\|.*$", text, re.MULTILINE)
    hosts = cells(head)[1:]
    return {row[0]: dict(zip(hosts, row[1:], strict=True)) for row in map(cells, rows)}


def written(rows: dict[str, dict[str, str]]) -> str:
    """Write the table."""
    lines = [["what happens", *COLUMNS], ["---"] * (len(COLUMNS) + 1)]
    lines += [[row, *(known.get(host, "") for host in COLUMNS)] for row, known in rows.items()]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def shown(at: Machine, row: str, cell: str = "yes") -> None:
    """Hold a cell to what was just tried, or write it there."""
    host = at.vendor.title

    def filled(text: str) -> str:
        rows = table(text)
        rows.setdefault(row, {})[host] = cell
        return re.sub(r"(^\|.*$\n?)+", written(rows) + "\n", text, flags=re.MULTILINE)

    recorded(PAGE, filled)
