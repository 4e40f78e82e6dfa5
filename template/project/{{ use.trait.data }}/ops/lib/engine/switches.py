"""Flags switched in the service's own database while it runs: a row for each change, of which the newest counts."""

from __future__ import annotations

from collections.abc import Mapping

from . import connection, switchboard
from .connection import Connection, Unreachable
from .errors import Failure
from .flags import Switch
from .platform import ENVIRONMENTS as DEPLOYED
from .platform import Context

ENVIRONMENTS = ("local", *DEPLOYED)
#: What can be said of a flag: `reset` leaves it to the files again, `list` shows its changes.
WORDS = ("on", "off", "reset", "list")


class Switches:
    """Those of an environment."""

    def __init__(self, at: Context) -> None:
        self._at = at
        self._database = Connection(at.env, "")
        #: What the service is told there.
        self.settings: Mapping[str, str] = {}

    def check(self) -> None:
        """Note what is missing to reach them."""
        connection.check(self._at)
        switchboard.need(self._at.settings)

    def open(self) -> None:
        """Read the settings, and find the database by them."""
        self.settings, where = connection.settings(self._at)
        self._database = connection.of(self._at, self.settings, where)

    def read(self) -> dict[str, Switch]:
        """Give what is switched, by names of flags."""
        try:
            newest = switchboard.newest(self._database)
        except Failure as error:
            raise self._fault(f"what is switched in {self._at.env} is not known", error) from error
        return {name: each for name, each in newest.items() if each.state != "reset"}

    def history(self, name: str) -> list[Switch]:
        """Give how a flag was switched, newest first."""
        try:
            return switchboard.history(self._database, name)
        except Failure as error:
            raise self._fault(f"how {name} was switched in {self._at.env} is not known", error) from error

    def change(self, name: str, state: str, who: str) -> Switch:
        """Switch a flag, and give what counts from now on: somebody else may have been later.

        Raises:
            Failure: It was not switched, or nobody knows; once more does no harm.
        """
        what = f"{name} was not switched {state} in {self._at.env}"
        try:
            switchboard.add(self._database, name, state, who)
        except Failure as error:
            # The answer may be all that was lost.
            try:
                if isinstance(error, Unreachable):
                    raise
                newest = switchboard.history(self._database, name)[:1]
            except Failure as again:
                raise self._fault(f"{what}, as far as is known here", again) from error
            if [(each.state, each.by) for each in newest] != [(state, who)]:
                raise Failure(what) from error
        return self.history(name)[0]

    def how(self) -> str:
        """Say how a flag is switched."""
        env = self._at.env
        return f"a flag is switched by ops/flag {env} NAME on|off, everywhere within ten seconds; reset takes that back"

    def _fault(self, what: str, error: Failure) -> Failure:
        """Say what it means that the database was asked in vain; one that cannot be reached is not asked again."""
        try:
            if isinstance(error, Unreachable):
                raise error
            why = switchboard.lacking(self._database)
        except Failure:
            why = "its database does not answer"
        return Failure(f"{what}: {why}" if why else what)
