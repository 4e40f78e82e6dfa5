"""A platform that is told what it is to want, which the next deploy takes, whoever starts it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .calls import CallFailed
from .errors import DeployFailed, NothingChanged
from .platform import Context


@contextmanager
def put_back(platform: str, do: Callable[[], object], at: Context) -> Iterator[None]:
    """What the platform is told to want goes back to what runs, if what is wanted did not get there."""
    try:
        yield
    except (CallFailed, DeployFailed, NothingChanged) as error:
        try:
            do()
        except CallFailed as second:
            told = f"{platform} could not be told to want what runs, which the next deploy takes"
            at.console.say(f"{told}: {second}")
            if isinstance(error.__cause__, CallFailed):
                raise error.__cause__ from None
        raise
