"""Tell people of an environment: the dev channel, and whoever is on call, each in a module of its own."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Protocol, cast

from . import chat
from .contacts import CHAT, PAGER, SEVERITIES, contacts, paged
from .errors import Failure, Misuse
from .links import runbook
from .platform import Context
from .tasks import Call, Usage

USAGE = Usage(3, 3, f"name an environment, a level ({', '.join(SEVERITIES)}) and a text")
#: The module of an option that pages somebody.
PAGES = ".pager"


class Way(Protocol):
    """How some of them are told, a module."""

    def tell(self, at: Context, to: str, level: str, text: str, runbook: str) -> None:
        """Tell them, `to` whom being a secret, and of the runbook's address, where there is one.

        A Failure says why that cannot be, or that nobody knows.
        """


def task(call: Call) -> None:
    """Tell all who are to hear of it; one who cannot be told keeps nobody else from it."""
    at = Context(call)
    level, text = call.names[1:]
    if level not in SEVERITIES:
        raise Misuse(f"no level '{level}': {', '.join(SEVERITIES[:-1])} or {SEVERITIES[-1]}")
    to = contacts(at.settings, at.env, level)
    ways = [(cast("Way", chat), to.chat, CHAT)]
    if find_spec(PAGES, __package__) and paged(at.env, level):
        ways.append((cast("Way", import_module(PAGES, __package__)), to.pager, PAGER))
    where = runbook(at) if level in ("critical", "warning") else ""
    left = 0
    for way, whom, setting in ways:
        if not whom:
            at.console.say(f"nobody is told there, {setting} is not set")
            continue
        try:
            way.tell(at, whom, level, text, where)
        except Failure as error:
            at.console.confess(error)
            left += 1
    if left:
        raise Failure("not everybody was told")
