"""Where flags are switched from here while the service runs: nowhere, without a database."""

from __future__ import annotations

from collections.abc import Mapping

from . import reading, store
from .errors import Failure
from .flags import FILE, Switch
from .platform import ENVIRONMENTS, Context

__all__ = ("ENVIRONMENTS", "WORDS", "Switches")

#: What can be said of a flag.
WORDS = ("on", "off")


class Switches:
    """Those of an environment."""

    def __init__(self, at: Context) -> None:
        self._at = at
        #: What the service is told there, as far as it is known here.
        self.settings: Mapping[str, str] = {}

    def check(self) -> None:
        """Note what is missing to reach them."""
        reading.check(self._at)

    def open(self) -> None:
        """Read the settings."""
        at = self._at
        found = reading.read(at)
        if found is None:
            where = store.where(at, at.env)
            at.console.say(f"whether {at.env} has a FLAGS_URL is not known on this machine: there is no {where}")
        self.settings = found.values if found else {}

    def read(self) -> dict[str, Switch]:
        """Give what is switched, by names of flags."""
        return {}

    def history(self, name: str) -> list[Switch]:
        """Give how a flag was switched, newest first."""
        raise Failure(f"{name} is not switched from here: {self.how()}")

    def change(self, name: str, state: str, who: str) -> Switch:
        """Switch a flag, and give what counts from now on."""
        del who
        raise Failure(f"{name} is not switched {state} from here: {self.how()}")

    def how(self) -> str:
        """Say how a flag is switched."""
        env = self._at.env
        if self.settings.get("FLAGS_URL"):
            return f"flags of {env} are switched where its FLAGS_URL is served"
        return f"a switch is a change of {FILE}, then ops/deploy {env}"
