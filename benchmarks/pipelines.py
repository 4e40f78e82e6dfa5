"""What pipelines cost: renders a project with each valid combination of stack, CI and hosting.

All in one process, as the tests and `scaffold update` do it. A figure is the best of some runs, in
seconds of processor time, so that it says little about what else the machine does.

    python benchmarks/pipelines.py [RUNS]
"""

from __future__ import annotations

import statistics
import sys
import time
from itertools import product
from pathlib import Path

from scaffold.template.answers import resolve
from scaffold.template.definition import Template
from scaffold.template.renderer import render

ROOT = Path(__file__).parents[1]
AXES = ("stack", "ci", "hosting")
#: Seconds that a project may take to render.
LIMIT = 0.1


def main(runs: int) -> int:
    """Print the times; exit 1 when one is over the limit."""
    template = Template(ROOT, "the-template")
    catalog = template.catalog
    combinations = [
        chosen
        for ids in product(*([option.id for option in catalog.axis(axis)] for axis in AXES))
        for chosen in [dict(zip(AXES, ids, strict=True))]
        if all(id_ in [o.id for o in catalog.fitting(axis, chosen)] for axis, id_ in chosen.items())
    ]
    times = {}
    for chosen in combinations:
        times[" ".join(chosen.values())] = min(_time(template, chosen) for _ in range(runs))
    slowest = max(times, key=lambda name: times[name])
    print(
        f"{len(times)} combinations: median {statistics.median(times.values()):.3f} s, "
        f"slowest {times[slowest]:.3f} s ({slowest}), limit {LIMIT} s"
    )
    return int(times[slowest] > LIMIT)


def _time(template: Template, chosen: dict[str, str]) -> float:
    begin = time.process_time()
    render(template, resolve(template, dict(chosen)))
    return time.process_time() - begin


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
