"""Set an environment up on the platform, or bring it to what the files say."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from .errors import Failure, otherwise
from .hosting import Hosting
from .platform import Plan
from .reading import read_well
from .tasks import Call, Usage

USAGE = Usage(1, 1, "name an environment; the only option is --dry-run", ("--dry-run",))
#: Modules of options that set something up beside the platform.
PARTS = (".offered",)


def task(call: Call) -> None:
    """Do it; what is as it should be stays as it is."""
    at, dry = Hosting(call), "--dry-run" in call.options
    parts = [import_module(each, __package__) for each in PARTS if find_spec(each, __package__)]
    for part in parts:
        part.check(at)
    at.check()
    _read(at)
    plan = Plan(at, dry=dry)
    with otherwise(f"{at.env} is not set up yet; once the cause is gone, do it again: ops/bootstrap {at.env}"):
        at.platform.bootstrap(plan)
        for part in parts:
            part.bootstrap(at, plan)
    if not plan.any:
        at.console.say(f"{at.env} is as it should be")
    elif not dry:
        at.console.say(f"{at.env} is set up; deploy to it: ops/deploy {at.env}")


def _read(at: Hosting) -> None:
    """Have the settings for what starts at once; everything else gets them from the first deploy."""
    try:
        found = read_well(at)
        at.values = found.values if found else {}
    except Failure as error:
        at.console.confess(error)
        at.console.say(f"going on without them; then: ops/settings {at.env}")
