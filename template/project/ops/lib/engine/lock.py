"""Who deploys to an environment: refs/deployments/locks/ENV, while somebody does."""

from __future__ import annotations

import getpass
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from .errors import Failure
from .git import reason
from .pipeline import run_address
from .platform import Context
from .process import ProgramFailed

#: What a task that has the lock tells those that it calls: which commit it is, or NONE where nobody locks.
HELD = "LOCK_HELD"
NONE = "none"


def machine() -> str:
    """Give who works on which machine."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # a container's user, which has no name
        user = str(os.getuid())
    return f"{user}@{os.uname().nodename}"


def is_dead(other: str, us: str) -> bool:
    """Say whether who holds a lock is gone: this very run, started again, or a process that ended here."""
    mine, _, process = other.rpartition(", process ")
    if mine == machine() and process.isdigit():
        try:
            os.kill(int(process), 0)
        except OSError as error:
            return isinstance(error, ProcessLookupError)
    return other == us


@contextmanager
def handed_on(held: str) -> Iterator[None]:
    """Have the tasks that are called know of it."""
    os.environ[HELD] = held
    try:
        yield
    finally:
        del os.environ[HELD]


class Lock:
    """The lock of one environment."""

    def __init__(self, at: Context) -> None:
        self._at = at
        self._ref = f"locks/{at.env}"
        self._removal = f"git push --no-verify {at.git.remote} --delete {at.git.ref(self._ref)}"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep everybody else from deploying, until the end of the block; who called this task may do so already."""
        theirs = self._at.settings.get(HELD)
        if theirs and self._at.git.read(self._ref) == theirs:
            yield
            return
        ours = self._take()
        try:
            with handed_on(ours):
                yield
        finally:
            try:
                self._at.git.move(self._ref, ours, "")
            except ProgramFailed:
                self._at.console.say(f"could not unlock; do: {self._removal}")

    def _take(self) -> str:
        """Lock it for the run of a pipeline, or a process of a machine."""
        git, settings, console = self._at.git, self._at.settings, self._at.console
        us = settings.get("LOCK_HOLDER") or run_address(settings.environment)
        us = us or f"{machine()}, process {os.getpid()}"
        since = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        ours = git.write(f"{us}\n\nTask: ops/{self._at.task}\nSince: {since}\n")
        deadline = time.monotonic() + settings.seconds("LOCK_TIMEOUT", 0)
        while True:
            theirs = git.read(self._ref)
            by = git("log", "-1", "--format=%s", theirs) if theirs else ""
            if theirs and not is_dead(by, us):
                self._wait(theirs, by, deadline)
                continue
            try:
                git.move(self._ref, theirs, ours)
            except SystemExit:
                # It may be ours already.
                with suppress(ProgramFailed):
                    git.move(self._ref, ours, "")
                raise
            except ProgramFailed as error:
                # Of two pushes of a lock, git takes one. Was it the other, or is none taken?
                if git.read(self._ref) == theirs:
                    where = f"{git.remote}, where {self._at.env} is locked"
                    raise Failure(f"cannot push to {where}: {reason(error)}") from None
                continue
            if theirs:
                console.say(f"took over the lock of {self._at.env}: {by} has ended")
            return ours

    def _wait(self, theirs: str, by: str, deadline: float) -> None:
        if time.monotonic() < deadline:
            self._at.settings.pause()
            return
        since = self._at.git("log", "-1", "--format=%cI", theirs)
        told = Failure(f"{self._at.env} is being deployed to by {by}, since {since}")
        raise Failure(f"wait for it, or if it died: {self._removal}") from told
