"""What a rollback does beside bringing code back: nothing, unless an option that keeps data has ways for that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import Any, ClassVar

from .hosting import Hosting
from .platform import Target
from .tasks import Call

#: The module of such options; its class is a Way as well.
MODULE = ".ways"


class Way:
    """The way of the code alone.

    Args:
        OPTIONS, VALUED: What others are chosen by, see Usage.
        left: What is said at the end, of what was not rolled back.
    """

    OPTIONS: ClassVar[tuple[str, ...]] = ()
    VALUED: ClassVar[tuple[str, ...]] = ()

    def __init__(self, at: Hosting, call: Call) -> None:
        self.at, self.call = at, call
        self.left = f"not rolled back: {at.project.keeps}"

    def check(self) -> None:
        """Note what is missing."""

    def told(self, target: Target, runs: Target) -> bool:
        """Say what is lost before anything is done; give whether that was all that was asked for."""
        del target, runs
        return False

    @contextmanager
    def around(self, target: Target) -> Iterator[None]:
        """Do what comes before and after; the code is brought back, proved and recorded in between."""
        del target
        yield


def way() -> type[Way]:
    """Give the one that this project has."""
    found: Any = import_module(MODULE, __package__).Ways if find_spec(MODULE, __package__) else Way
    return found  # type: ignore[no-any-return]
