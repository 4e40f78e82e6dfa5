"""What OSV-Scanner found in an image: what matters of it, those of 7.0 (high) and above."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .errors import Failure
from .tasks import Call, Usage

USAGE = Usage(1, 1, "name a report of osv-scanner")
HIGH = 7.0


def score(group: dict[str, Any]) -> float:
    """Give how bad it is, 0 to 10; what has no score yet counts as the worst."""
    try:
        return float(group["max_severity"])
    except (KeyError, TypeError, ValueError):
        return 10


def found(report: dict[str, Any]) -> Iterator[str]:
    """Give a line for each that matters."""
    for result in report.get("results") or []:
        for each in result.get("packages") or []:
            package = each["package"]
            for group in each.get("groups") or []:
                if score(group) >= HIGH:
                    yield f"{package['name']} {package['version']}: {', '.join(group['ids'])} ({score(group):g})"


def task(call: Call) -> None:
    """Print them, and fail if there are any."""
    try:
        lines = sorted(set(found(json.loads(Path(call.names[0]).read_text("utf-8")))))
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        told = f"could not look: OSV-Scanner's report is not as described ({error!r}), which proves nothing"
        raise Failure(told) from error
    sys.stdout.writelines(f"{line}\n" for line in lines)
    if lines:
        raise Failure
