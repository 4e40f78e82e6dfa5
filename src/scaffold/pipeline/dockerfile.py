"""A Dockerfile: what building its image runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_STAGE = re.compile(r"FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?", re.IGNORECASE)


def commands(content: bytes) -> Iterator[str]:
    """Give what a build of the image runs: the RUN lines of the last stage and those it needs."""
    text = content.decode("utf-8", "replace")
    joined = re.sub(r"\\[ \t]*\r?\n(?:[ \t]*#[^\n]*\n)*", " ", text)
    stages: list[tuple[str, set[str], list[str]]] = []
    for line in map(str.strip, joined.splitlines()):
        if match := _STAGE.match(line):
            stages.append(((match[2] or "").lower(), {match[1].lower()}, []))
        elif stages and re.match(r"(?:COPY|RUN|ADD)\s", line, re.IGNORECASE):
            stages[-1][1].update(
                name.lower() for name in re.findall(r"(?:--from=|[,=]from=)([^\s,]+)", line)
            )
            if line[:3].upper() == "RUN":
                stages[-1][2].append(re.sub(r"^RUN\s+(?:--\S+\s+)*", "", line, flags=re.IGNORECASE))
    wanted = {len(stages) - 1} if stages else set()
    for place in range(len(stages) - 1, -1, -1):
        if place in wanted:
            before = range(place)
            wanted |= {
                p
                for p in before
                if stages[p][0] in stages[place][1] - {""} or str(p) in stages[place][1]
            }
    for place in sorted(wanted):
        yield from stages[place][2]
