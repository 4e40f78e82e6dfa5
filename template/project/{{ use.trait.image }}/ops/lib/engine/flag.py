"""The feature flags of an environment: listed, and held to what is expected of them; and how one is switched."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from difflib import get_close_matches
from itertools import zip_longest
from typing import Any

from . import flags, http
from .errors import Failure, Misuse
from .lock import machine
from .pipeline import SETTINGS, run_address
from .platform import Context
from .switches import ENVIRONMENTS, WORDS, Switches
from .tasks import Call, Usage

WRONG = f"name an environment, and list, or a flag and {', '.join(WORDS[:-1])} or {WORDS[-1]}"
USAGE = Usage(0, 3, WRONG, ("--check",))
HEAD = ("FLAG", "IS", "OWNER", "EXPIRES", "FROM")
#: What there is beside that where something is switched, and of one flag.
SWITCHED = ("SWITCHED", "BY", "AT")


def task(call: Call) -> None:
    """Do what is asked for: to list them, if nothing is."""
    if call.options:
        if call.names:
            raise Misuse("--check takes no environment: there is one flags.json")
        _check(call)
        return
    name, *to = call.names[1:] or ["list"]
    if not call.names or (to not in ([word] for word in WORDS) if name != "list" else to):
        raise Misuse(WRONG)
    at = Context(call, ENVIRONMENTS)
    switches = Switches(at)
    switches.check()
    at.settings.met(SETTINGS)
    switches.open()
    if to:
        _switch(at, switches, name, to[0])
    else:
        sources = {str(flags.FILE): flags.read(), "FLAGS_URL": _served(switches.settings)}
        _list(sources, switches.read())
        at.console.say(switches.how())


def _check(call: Call) -> None:
    found = flags.read()
    wrong = flags.problems(found, datetime.now(timezone.utc).date())
    for line in wrong:
        call.console.say(line)
    if wrong:
        raise Failure(f"{flags.FILE} is not in order")
    call.console.say(f"{flags.FILE} is in order, {len(found)} flag{'s' if len(found) != 1 else ''}")


def _served(settings: Mapping[str, str]) -> dict[str, Any]:
    """Give the flags that the service reads elsewhere."""
    url = settings.get("FLAGS_URL")
    if not url:
        return {}
    answer = http.send("GET", url, {}, timeout=10)
    if not answer.good:
        raise Failure(f"FLAGS_URL cannot be read: {answer.error or f'it answered {answer.status}'}")
    return flags.parse(answer.body.decode("utf-8", "replace"), "what FLAGS_URL serves")


def _list(sources: Mapping[str, Mapping[str, Any]], switched: Mapping[str, flags.Switch]) -> None:
    rows: dict[str, tuple[str, ...]] = {}
    for source, found in sources.items():
        for name, flag in found.items():
            told = (str(flags.about(flag).get(key, "")) for key in ("owner", "expires"))
            rows[name] = (name, _is(flag), *told, source, *switched.get(name, ()))
    _show([HEAD + (SWITCHED if any(name in rows for name in switched) else ()), *(rows[name] for name in sorted(rows))])


def _show(lines: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip_longest(*lines, fillvalue="")]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def _is(flag: Mapping[str, Any]) -> str:
    """Say what a flag is for those whom its targeting leaves out."""
    if flag.get("state") == "DISABLED":
        return "disabled"
    return f"{flag.get('defaultVariant') or 'as in code'}{', targeted' if flag.get('targeting') else ''}"


def _switch(at: Context, switches: Switches, name: str, to: str) -> None:
    flag = _known(at, switches.settings, name)
    if to == "list":
        _show([SWITCHED, *switches.history(name)])
        return
    variants = flag.get("variants")
    if to == "on" and (not isinstance(variants, dict) or not any(each is True for each in variants.values())):
        raise Failure(f"{name} has no variant that is true, so it cannot be switched on")
    state, by, time = switches.change(name, to, _who(at))
    said = "as files say" if state == "reset" else state
    at.console.say(f"{time} {at.env}: {name} is {said}, by {by}")


def _known(at: Context, settings: Mapping[str, str], name: str) -> Mapping[str, Any]:
    """Give a flag that somebody wants to switch, also while FLAGS_URL is down: that may be why."""
    found = flags.read()
    try:
        found.update(_served(settings))
    except Failure as error:
        if name not in found:
            raise
        at.console.confess(error)
    if name not in found:
        near = get_close_matches(name, found) or sorted(found)
        raise Misuse(f"no flag '{name}': {', '.join(near) or 'there is none'}")
    flag: Mapping[str, Any] = found[name]
    return flag


def _who(at: Context) -> str:
    """Give who is at it: the run of a pipeline, or the author of what would be committed here."""
    author = at.git.found("var", "GIT_AUTHOR_IDENT").rpartition(">")[0].replace(" <", ", ")
    return run_address(at.settings.environment) or author or machine()
