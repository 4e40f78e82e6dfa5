"""Have the database's vendor bring a backup back: beside the database in use, or in place of what that has."""

from __future__ import annotations

from . import offered
from .errors import Misuse
from .platform import Context
from .tasks import Call, Usage

WRONG = "name an environment, a snapshot, and --into NAME or --overwrite ENV once more"
USAGE = Usage(3, 3, WRONG, ("--into", "--overwrite", "--no-record"))


def task(call: Call) -> None:
    """Restore it."""
    at, how = Context(call), call.options - {"--no-record"}
    name, place = call.names[1:]
    if len(how) != 1:
        raise Misuse(WRONG)
    if not name.startswith(offered.PREFIX):
        raise Misuse(f"'{name}' is no snapshot: ops/snapshots {at.env} lists them")
    offered.restore(at, how, name, place)
