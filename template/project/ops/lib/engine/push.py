"""What a service is told on its host becomes what was read."""

from __future__ import annotations

from .errors import Failure, NothingChanged, otherwise
from .hosting import Hosting
from .platform import Change
from .reading import Settings

NOTHING = Change({}, ())


def difference(at: Hosting, wanted: Settings) -> Change | None:
    """Say what is to change; what was never set from here stays. None if they are a part of the build.

    Of a value that its host does not show, the fingerprint on record is all that is known.
    """
    known, values, marks = at.record.told, wanted.values, wanted.marks()
    if known and not values:
        some = ", ".join(sorted(known))
        raise Failure(f"{at.env} has no settings any more, which would take away {some}: that is hardly meant")
    has = at.platform.told() if values else {}
    if has is None:
        return None

    def same(name: str) -> bool:
        if has[name] is not None:
            return has[name] == values[name]
        return bool(marks[name]) and known.get(name) == marks[name]

    sets = {name: value for name, value in values.items() if name not in has or not same(name)}
    return Change(sets, tuple(name for name in known if name in has and name not in values))


def push(at: Hosting, wanted: Settings | None, again: str) -> Change | None:
    """Tell the host what differs, for the releases to come, and give that; None if they are a part of the build."""
    if wanted is None:
        if at.record.told:
            at.console.say(f"the settings of {at.env} stay as they are: this machine does not have them")
        return NOTHING
    at.values = wanted.values
    nothing = f"nothing was changed in {at.env}; try again: {again}"
    with otherwise(nothing):
        change = difference(at, wanted)
    if change is None:
        return None
    if change:
        at.console.say(f"settings of {at.env}: {change}")
        try:
            at.platform.tell(change)
        except NothingChanged as error:
            raise Failure(nothing) from error
        except Failure as error:
            some = f"the settings of {at.env} may be changed in part, what runs goes on"
            raise Failure(f"{some}; do it again: {again}") from error
        at.changed = True
    if at.kept and (change or wanted.marks() != at.record.told):
        with otherwise(f"what {at.env} is told now could not be recorded; do it again: {again}"):
            at.record.tell(wanted.marks(), str(change))
    return change
