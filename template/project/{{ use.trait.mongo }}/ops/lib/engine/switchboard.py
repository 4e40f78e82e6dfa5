"""The collection of switches: its documents, by the driver that the service has anyway."""

from __future__ import annotations

from . import client, driver
from .connection import Connection
from .flags import Switch
from .variables import Settings

COLLECTION = "flag_switches"
LIMIT = 30


def need(settings: Settings) -> None:
    """Note what is missing."""
    client.need(settings)


def newest(database: Connection) -> dict[str, Switch]:
    """Give the last change of each flag."""
    found = driver.ask(database, "switched", limit=LIMIT)
    return {flag: Switch(*change) for flag, *change in reversed(found)}


def history(database: Connection, name: str) -> list[Switch]:
    """Give the last changes of a flag, newest first."""
    found = driver.ask(database, "switched", limit=LIMIT, flag=name)
    return [Switch(*change) for _, *change in found]


def add(database: Connection, name: str, state: str, who: str) -> None:
    """Write a change. There is nothing to overwrite: of two at once both are kept, and the later one counts."""
    driver.ask(database, "change", limit=LIMIT, flag=name, state=state, who=who)


def lacking(database: Connection) -> str:
    """Say what it lacks to have any."""
    if any(line.startswith(f"collection {COLLECTION} ") for line in driver.ask(database, "schema", limit=LIMIT)):
        return ""
    return f"its database has no collection {COLLECTION}; ops/migrate {database.env} makes it, if db/migrations has it"
