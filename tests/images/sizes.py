"""What images add to their base: the table of docs/reference/images.md.

`UPDATE_TABLES=1` writes it anew.
"""

from __future__ import annotations

import os

from conftest import ROOT, TEMPLATE
from engine import Image
from servers import KINDS

STACKS = [
    option.id
    for option in TEMPLATE.catalog.axes["stack"]
    if "image" in option.row.get("traits", ())
]
#: How many megabytes a service may add to its base image, with a database or without.
LIMITS = {"node": 25, "python": 60, "fullstack": 30}

PAGE = ROOT / "docs/reference/images.md"
#: The rows: a stack, or a stack and its database.
ROWS = [*STACKS, *(f"{stack}, {database}" for database, _, stack in KINDS)]


def held(image: Image, row: str) -> None:
    """Hold an image to the limit of its stack, and to its row of the table."""
    added = round(sum(size for size, _ in image.added) / 1_000_000)
    limit = LIMITS[row.partition(",")[0]]
    assert added <= limit
    before, begin, table = PAGE.read_text().partition("| --- | ---: | ---: |\n")
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in table.splitlines()}
    if os.environ.get("UPDATE_TABLES"):
        rows[row] = f"| {row} | {added} | {limit} |"
        PAGE.write_text(before + begin + "".join(f"{rows[r]}\n" for r in ROWS if r in rows))
    else:
        recorded = int(rows[row].split(" | ")[1])
        assert abs(recorded - added) <= 1, "run it with UPDATE_TABLES=1"
