"""Have the database's vendor take a backup."""

from __future__ import annotations

import sys

from . import offered
from .pipeline import SETTINGS
from .platform import Context
from .tasks import Call, Usage

USAGE = Usage(1, 1, "name an environment")


def task(call: Call) -> None:
    """Take it, and print its name."""
    at = Context(call)
    offered.check(at)
    at.settings.met(SETTINGS)
    made = offered.keeper(at).take("by ops/backup")
    sys.stdout.write(f"{offered.PREFIX}{made.id}\n")
