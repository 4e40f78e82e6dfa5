"""What the tasks know of copies of a database: the interface that dumping.py of its engine implements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import NamedTuple, Protocol

from .manifest import Table
from .pipes import Step
from .variables import Settings


class Contents(NamedTuple):
    """What is in a dump.

    Args:
        server, tool: Versions of the server, and of what dumped.
        migration: The newest that the schema has, or the empty string.
        moment: Whether all of it is of one moment.
    """

    server: str
    tool: str
    migration: str
    tables: dict[str, Table]
    moment: bool = True


class Frozen(NamedTuple):
    """A database that is dumped: by which programs, and what it had. The latter is asked for once they have ended."""

    dump: Sequence[Step]
    told: Callable[[], Contents]


class Between(NamedTuple):
    """What is done between the beginning and the end of replacing what a database has; each raises what is wrong.

    Args:
        keep: Backs up what is there.
        check: Looks at what is to be there.
        turn: Is told that from here on, nobody knows without looking whether it is there.
    """

    keep: Callable[[], object]
    check: Callable[[dict[str, Table]], object]
    turn: Callable[[], object]


class Copies(Protocol):
    """Copies of databases of one engine; an address is what `Connection.opened` gives."""

    #: What manifests call it.
    ENGINE: str
    #: What is lost while a database is replaced, where others are not kept from writing.
    LOSES: str
    #: What else a database may have if it breaks off at the `turn`.
    HALFWAY: str

    def need(self, settings: Settings) -> None:
        """Note what is missing."""

    def name(self, url: str) -> str:
        """Give the name of the database."""

    def frozen(self, url: str) -> AbstractContextManager[Frozen]:
        """Have it dumped as it is at one moment, while others write."""

    def create(self, url: str, new: str) -> None:
        """Make another database on its server, which must not be there yet."""

    def drop(self, url: str, other: str) -> None:
        """Take away one that was made."""

    def fill(self, url: str, opened: Step, dump: Iterable[bytes]) -> dict[str, Table]:
        """Bring a dump into a database that is new, and give what is there; `opened` reads it from how it is kept."""

    def replace(self, url: str, opened: Step, dump: Iterable[bytes], between: Between) -> None:
        """Have it be what a dump has; what fails before the `turn` leaves it as it was."""
