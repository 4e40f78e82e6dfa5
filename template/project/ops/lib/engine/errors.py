"""What can go wrong, as far as people have to know, and how a task tells them: on standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


class Failure(Exception):
    """It did not work; the message says what to do. What it was `raise`d from is told before it."""

    code = 1
    #: Whether the platform does not let us in.
    denied = False
    #: How bad it is for those who are told, see `contacts.SEVERITIES`.
    severity = "warning"


class Misuse(Failure):
    """The task was called wrongly, or for something that is not there."""

    code = 2


class Missing(Failure):
    """A tool (3) or a setting (2) is missing."""

    def __init__(self, what: str, code: int) -> None:
        super().__init__(what)
        self.code = code


class DeployFailed(Failure):
    """The platform says that it gave up on a deploy."""


class NothingChanged(Failure):
    """The platform certainly is as it was before the call."""


class Unseen(Failure):
    """Something is under way, and the platform no longer tells us about it."""

    denied = True


class Down(Failure):
    """The service may not answer: somebody has to look at once."""

    severity = "critical"


@contextmanager
def otherwise(what: str, kind: type[Failure] = Failure) -> Iterator[None]:
    """Say what it means if the block fails; why it did comes before that."""
    try:
        yield
    except Failure as error:
        raise kind(what) from error


@contextmanager
def asking() -> Iterator[None]:
    """Say of whatever fails before the first change that nothing was changed."""
    try:
        yield
    except NothingChanged:
        raise
    except Failure as error:
        raise NothingChanged from error


class Console:
    """Speaks as a task."""

    def __init__(self, task: str) -> None:
        self.task = task

    def say(self, text: str) -> None:
        """Say one thing. That nobody listens any more is no reason to stop halfway."""
        try:
            sys.stderr.write(f"{self.task}: {text}\n")
            sys.stderr.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)

    def confess(self, error: Failure) -> None:
        """Say what went wrong, its causes first."""
        if isinstance(error.__cause__, Failure):
            self.confess(error.__cause__)
        if str(error):
            self.say(str(error))
