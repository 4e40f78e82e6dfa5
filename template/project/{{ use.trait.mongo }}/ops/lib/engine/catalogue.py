"""What a database has: its collections with their rules and indexes, and what is in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from . import client, driver
from .connection import Connection

#: Documents as the service writes them, which every migration has to leave readable.
ROWS = Path("db/rows.json")
need = client.need


def schema(database: Connection) -> list[str]:
    """Give a line for each collection, with its rules, and for each index."""
    return list(driver.ask(database, "schema"))


def tables(database: Connection) -> dict[str, list[str]]:
    """Give its collections, whose documents may have any fields."""
    return {name: [] for name, _, _ in driver.ask(database, "contents")}


def contents(database: Connection, among: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Give of each of these collections its name, how many documents it has, and a checksum of them."""
    return [found for found in driver.ask(database, "contents") if found[0] in among]
