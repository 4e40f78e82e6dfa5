"""Have the database's vendor bring a backup back, beside the database in use."""

from __future__ import annotations

from . import offered
from .errors import Misuse
from .pipeline import SETTINGS
from .platform import Context
from .tasks import Call, Usage

WRONG = "name an environment, a snapshot, and --into NAME"
USAGE = Usage(3, 3, WRONG, ("--into",))


def task(call: Call) -> None:
    """Restore it."""
    at, (name, into) = Context(call), call.names[1:]
    if "--into" not in call.options:
        raise Misuse(WRONG)
    if not name.startswith(offered.PREFIX):
        raise Misuse(f"'{name}' is no snapshot: ops/snapshots {at.env} lists them")
    offered.check(at)
    at.settings.met(SETTINGS)
    offered.restore(at, name, into)
