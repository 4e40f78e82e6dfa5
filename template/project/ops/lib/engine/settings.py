"""What an environment's service is told: checked, compared with another's, brought to its host."""

from __future__ import annotations

import sys

from . import reading, store
from .deploy import release
from .errors import Failure, Misuse, otherwise
from .hosting import Hosting
from .pipeline import SETTINGS
from .platform import ENVIRONMENTS
from .push import push
from .tasks import Call, Usage

WRONG = "name an environment, and check, push, names or diff OTHER"
USAGE = Usage(1, 3, WRONG, ("--no-record",))


def task(call: Call) -> None:
    """Do what is asked for: to check them, if nothing is."""
    at = Hosting(call)
    what, *others = call.names[1:] or ["check"]
    if what not in ("check", "push", "names", "diff") or len(others) != (what == "diff"):
        raise Misuse(WRONG)
    if what == "push":
        at.check()
        with at.opened():
            _push(at)
        return
    reading.check(at)
    at.settings.met(SETTINGS)
    if what == "diff":
        _diff(at, others[0])
        return
    found = _read(at, at.env)
    if what == "names":
        sys.stdout.writelines(f"{name}\n" for name in sorted(found.values))
        return
    reading.hold(at, found, everywhere=True)
    at.console.say(f"{at.env} has all the settings that it needs, {len(found.values)}")


def _read(at: Hosting, env: str) -> reading.Settings:
    found = reading.read(at, env)
    if found is None:
        raise Failure(f"this machine does not have the settings of {env}: there is no {store.where(at, env)}")
    return found


def _push(at: Hosting) -> None:
    """Have them on the host, and what runs there started with them."""
    again = f"ops/settings {at.env} push"
    at.find_url(again)
    runs = at.current(again)
    with otherwise(f"nothing was changed in {at.env}; then try again: {again}"):
        wanted = _read(at, at.env)
        reading.hold(at, wanted)
    row = at.record.match(runs) if runs else None
    change = push(at, wanted, again)
    if change is None:
        commit = f" {row.commit}" if row else ""
        at.console.say(f"a site has the settings that it is built with: ops/deploy {at.env}{commit}")
    elif not change:
        at.console.say(f"nothing differs in {at.env}")
    elif row:
        release(at, row.commit, row.image, runs, again)
    else:
        at.console.say(f"they count from the next release on: ops/deploy {at.env}")


def _diff(at: Hosting, other: str) -> None:
    """Say what differs, by names."""
    if other not in ENVIRONMENTS or other == at.env:
        raise Misuse(f"name another environment than {at.env}, not '{other}'")
    ours, theirs = _read(at, at.env).values, _read(at, other).values
    for name in sorted({**ours, **theirs}):
        how = "the same" if ours.get(name) == theirs.get(name) else "different"
        if name not in ours or name not in theirs:
            how = f"only in {at.env if name in ours else other}"
        sys.stdout.write(f"{name}: {how}\n")
