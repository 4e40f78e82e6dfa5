"""Calls of a platform: what is known of one that failed, and how what one has started comes to its end."""

from __future__ import annotations

import time
from collections.abc import Callable

from .errors import DeployFailed, Failure, Unseen
from .http import Answer
from .platform import Context

DENIED = (401, 403)
TURNED_AWAY = (400, *DENIED, 404, 422, 425, 429)


class CallFailed(Failure):
    """A call of an API that did not do what it should."""

    def __init__(self, call: str, answer: Answer, why: str) -> None:
        super().__init__(f"{call} failed: {why}")
        self.answer = answer
        self.status = answer.status
        self.denied = answer.status in DENIED
        self.certainly_not_run = certainly_not_run(answer)


def certainly_not_run(answer: Answer) -> bool:
    """Say whether nobody can have carried a call out."""
    return not answer.arrived or answer.status in TURNED_AWAY


def follow(what: str, ready: Callable[[], bool], cancel: Callable[[], object], at: Context) -> None:
    """Look at what is under way until it is ready, or long enough to have it cancelled.

    A look that fails says nothing about it; but who may not look any more need not try again.
    """
    limit = at.settings.seconds("DEPLOY_TIMEOUT", 900)
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        try:
            if ready():
                return
        except CallFailed as error:
            if error.denied:
                raise Unseen(f"{what} was started, and goes on unseen") from error
            at.console.confess(error)
        at.settings.pause()
    at.console.say(f"{what} is not ready after {limit:g} s; cancelling it")
    cancel()
    raise DeployFailed(f"{what} was cancelled")
