"""What people are to hear of an environment: ops/notify, if there is one, takes it further."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from .errors import Failure, Misuse
from .http import send
from .platform import Context
from .process import status


def tell(at: Context, level: str, text: str) -> None:
    """Have people told, at a level of `contacts.SEVERITIES`; that nobody could be is no reason to stop."""
    if at.env != "local" and os.access("ops/notify", os.X_OK) and status("ops/notify", at.env, level, text):
        at.console.say("ops/notify failed")


@contextmanager
def telling(at: Context) -> Iterator[None]:
    """Have people told of what fails, but for a call that was wrong."""
    try:
        yield
    except Misuse:
        raise
    except Failure as error:
        tell(at, error.severity, f"ops/{at.task} {at.env}: {'; '.join(_words(error))}")
        raise


def beat(at: Context, what: str) -> None:
    """Say that something passed to who waits for it, and tells people when it was missed: a URL of any service."""
    setting = f"{what.upper()}_HEARTBEAT_URL"
    url = at.settings.get(setting)
    if not url:
        return
    if not url.startswith(("https://", "http://")):
        at.console.say(f"{setting} is no address that begins with https://")
        return
    answer = send("GET", url, {"User-Agent": "ops"}, timeout=10)
    if not answer.good:
        at.console.say(f"who {setting} belongs to does not know that it passed: {answer.error or answer.status}")


def _words(error: Failure) -> Iterator[str]:
    if isinstance(error.__cause__, Failure):
        yield from _words(error.__cause__)
    if str(error):
        yield str(error)
