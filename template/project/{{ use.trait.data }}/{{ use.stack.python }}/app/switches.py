"""What is switched by ops/flag: in a database, the last change of each flag."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from app.flag_file import Switches
from app.flag_sources import Source
from app.logs import log

#: Gives rows, each with an id, flag, state, who and at.
type Newest = Callable[[], Awaitable[Sequence[Any]]]


def switches(newest: Newest) -> Source[Switches]:
    """Give the switches of a database, with a line in the log for each change."""
    seen: dict[str, Any] = {}

    async def switched() -> Switches:
        found = await newest()
        for change in found:
            flag = change["flag"]
            if seen.get(flag) != change["id"]:
                told = {name: change[name] for name in ("flag", "state", "who", "at")}
                log.info("flag switched", **told)
            seen[flag] = change["id"]
        return {it["flag"]: it["state"] == "on" for it in found if it["state"] != "reset"}

    return switched
