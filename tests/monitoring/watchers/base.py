"""A vendor that watches over a service, or tells people of it, in memory."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from standin import StandIn

#: What the tasks read of the people who are told.
CHAT = "https://hooks.slack.test/services/T0/B0/s3cr3t-hook"
PAGER = "s3cr3t0123456789abcdef0123456789"


@dataclass
class Watcher(StandIn):
    """One that ops/bootstrap keeps as the files say."""

    #: The axis of its option; the module of the engine has the name of what it does.
    axis: ClassVar[str]
    module: ClassVar[str]
    #: The setting without which nothing is set up there.
    token: ClassVar[str]
    #: A call of the first apply that creates something.
    creates: ClassVar[str]

    #: Files of the project as the team has them, where the example is not enough.
    files: ClassVar[Mapping[str, str]] = {}

    @abstractmethod
    def has(self) -> dict[str, Any]:
        """Give all that is there, by name: ours, and what others made before."""

    @abstractmethod
    def spoil(self) -> None:
        """Have somebody change something of ours by hand."""
