"""How long a rollback takes beside the vendor: `ops/rollback` with stand-ins that answer at once.

    python benchmarks/hosts.py [RUNS] [--write]

Prints the median of RUNS (5) rollbacks on each host, in seconds, without the pauses between looks
(POLL_INTERVAL). `--write` puts them into docs/reference/hosts-proof.md. Exits 1 above 2 seconds.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/support"), str(ROOT / "tests/hosts")]

from conftest import TEMPLATE  # noqa: E402
from table import shown  # noqa: E402
from vendors import VENDORS  # noqa: E402
from vendors.base import Machine  # noqa: E402

from scaffold import project  # noqa: E402
from scaffold.template.answers import resolve  # noqa: E402
from scaffold.template.renderer import render  # noqa: E402

LIMIT = 2.0
ROW = "seconds of ours in a rollback, median"


def main() -> int:
    """Measure every host."""
    numbers = [each for each in sys.argv[1:] if each.isdigit()]
    runs = int(numbers[0]) if numbers else 5
    worst = 0.0
    for kind in VENDORS:
        vendor = kind()
        with tempfile.TemporaryDirectory() as name, vendor.serving():
            folder = Path(name)

            def rendered(at: Path = folder, **answers: Any) -> Path:
                project.write(render(TEMPLATE, resolve(TEMPLATE, answers)), at / "service")
                return at / "service"

            at = Machine.new(vendor, rendered, folder)
            for number in range(runs + 1):
                at.deploy(f"v1.{number}.0")
            took = []
            for _ in range(runs):
                began = time.perf_counter()
                done = at.run("ops/rollback", "live")
                took.append(time.perf_counter() - began)
                if done.returncode:
                    sys.exit(done.stderr)
            median = statistics.median(took)
            worst = max(worst, median)
            print(
                f"{vendor.title:16} {median:.2f} s  (of {runs}: {min(took):.2f} to {max(took):.2f})"
            )
            if "--write" in sys.argv:
                os.environ["UPDATE_TABLES"] = "1"
                shown(at, ROW, f"{median:.2f}")
    print(f"limit            {LIMIT:.2f} s")
    return int(worst > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
