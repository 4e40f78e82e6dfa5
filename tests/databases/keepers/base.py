"""A database's vendor in memory: its API for backups."""

from __future__ import annotations

import time
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from standin import StandIn

DAY = 24 * 3600
#: What tests take for now; they are over before it matters.
NOW = time.time()


def ago(seconds: float, form: str = "%Y-%m-%dT%H:%M:%SZ") -> str:
    """Give a time before now, as vendors write it."""
    return time.strftime(form, time.gmtime(NOW - seconds))


@dataclass
class Keeping(StandIn):
    """A vendor that keeps backups.

    Args:
        slow: Looks that something under way takes; a lot of them is for ever.
        doomed: Whether what is begun fails.
    """

    #: Where it lets a backup go to, and in words; empty is the environment's own database.
    into: ClassVar[str]
    place: ClassVar[str]
    #: Where it does not, the failure, and in words.
    elsewhere: ClassVar[tuple[str, str, str]]
    #: The calls that begin a restore and a backup, if it takes any on demand.
    restores: ClassVar[str]
    takes: ClassVar[str] = ""
    #: How a restore that fails is told.
    fails: ClassVar[str] = "failed"
    #: For what reason there are no daily backups after `bare`.
    why: ClassVar[str]
    slow: int = 2
    doomed: bool = False

    @abstractmethod
    def bare(self) -> None:
        """Have no daily backups."""

    @abstractmethod
    def told(self) -> Any:
        """Give what a bootstrap has told it."""

    @abstractmethod
    def begun(self) -> int:
        """Give how many restores were begun."""
