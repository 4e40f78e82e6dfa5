"""The feature flags of an environment: listed, and held to what is expected of them; and how one is switched."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from . import flags, http, reading, store, switches
from .errors import Failure, Misuse
from .pipeline import SETTINGS
from .platform import Context
from .tasks import Call, Usage

WRONG = "name an environment, and list, or a flag and on or off"
USAGE = Usage(0, 3, WRONG, ("--check",))
HEAD = ("FLAG", "IS", "OWNER", "EXPIRES", "FROM")


def task(call: Call) -> None:
    """Do what is asked for: to list them, if nothing is."""
    if call.options:
        if call.names:
            raise Misuse("--check takes no environment: there is one flags.json")
        _check(call)
        return
    name, *to = call.names[1:] or ["list"]
    if not call.names or (to not in (["on"], ["off"]) if name != "list" else to):
        raise Misuse(WRONG)
    at = Context(call)
    reading.check(at)
    switches.check(at)
    at.settings.met(SETTINGS)
    found = reading.read(at)
    if found is None:
        where = store.where(at, at.env)
        at.console.say(f"whether {at.env} has a FLAGS_URL is not known on this machine: there is no {where}")
    settings = found.values if found else {}
    sources = {str(flags.FILE): flags.read(), "FLAGS_URL": _served(settings)}
    if to:
        _switch(at, settings, {**sources["flags.json"], **sources["FLAGS_URL"]}, name, on=to == ["on"])
    else:
        _list(sources, switches.read(at, settings))
        at.console.say(switches.how(at, settings))


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
            rows[name] = (name, _is(flag), *told, source)
    for name, switch in switched.items():
        if name in rows:
            to = "on" if switch.on else "off"
            rows[name] = (name, to, *rows[name][2:4], f"{switch.by}, {switch.time}")
    lines = [HEAD, *(rows[name] for name in sorted(rows))]
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths))
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def _is(flag: Mapping[str, Any]) -> str:
    """Say what a flag is for those whom its targeting leaves out."""
    if flag.get("state") == "DISABLED":
        return "disabled"
    return f"{flag.get('defaultVariant') or 'as in code'}{', targeted' if flag.get('targeting') else ''}"


def _switch(at: Context, settings: Mapping[str, str], known: Mapping[str, Any], name: str, *, on: bool) -> None:
    if name not in known:
        raise Misuse(f"no flag '{name}': {', '.join(sorted(known)) or 'there is none'}")
    to, variants = "on" if on else "off", known[name].get("variants")
    if not isinstance(variants, dict) or not any(each is on for each in variants.values()):
        raise Failure(f"{name} has no variant that is {str(on).lower()}, so it cannot be switched {to}")
    time = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    who = at.git.found("var", "GIT_AUTHOR_IDENT").rpartition(">")[0].replace(" <", ", ") or getpass.getuser()
    switches.change(at, settings, name, flags.Switch(on, who, time))
    at.console.say(f"{time} {at.env}: {name} is {to}, by {who}")
