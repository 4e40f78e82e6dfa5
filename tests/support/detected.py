"""The table of faults that were planted, in docs/reference/detection-proof.md."""

from __future__ import annotations

import os

from conftest import ROOT
from pages import recorded
from table import cells

PAGE = ROOT / "docs/reference/detection-proof.md"
TITLES = {"node": "Node", "python": "Python"}
HEAD = ["fault", *TITLES.values()]


def shown(fault: str, stack: str, what: str, times: str) -> None:
    """Write what was just seen, in a team's time; or hold the page to it, but for the times."""

    def filled(text: str) -> str:
        said, _, lines = text.partition("\n| ")
        head, _, *rows = map(cells, f"| {lines}".splitlines())
        known = {row[0]: dict(zip(head, row, strict=True)) for row in rows}
        before = known.setdefault(fault, {"fault": fault}).get(TITLES[stack], "")
        if os.environ.get("UPDATE_TABLES") or before.partition(":")[0] != what:
            before = f"{what}: {times}"
        known[fault][TITLES[stack]] = before
        table = [HEAD, ["---"] * len(HEAD)]
        table += [[row.get(each, "") for each in HEAD] for row in known.values()]
        return said + "\n" + "".join(f"| {' | '.join(row)} |\n" for row in table)

    recorded(PAGE, filled)


def everywhere(fault: str, what: str, times: str) -> None:
    """Write what is the same whatever the service is made of."""
    for stack in TITLES:
        shown(fault, stack, what, times)
