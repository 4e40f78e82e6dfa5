"""What a database has, asked in SQL by the driver that the service has anyway."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from . import client, dialect
from .connection import Connection
from .errors import Failure
from .process import ProgramFailed

#: Rows as the service writes them, which every migration has to leave readable.
ROWS = Path("db/rows.sql")
need = client.need


def schema(database: Connection) -> list[str]:
    """Give what is in its schema, a line for each."""
    return [line for (line,) in _ask(database, dialect.SCHEMA)]


def tables(database: Connection) -> dict[str, list[str]]:
    """Give its tables, and their columns."""
    found: dict[str, list[str]] = {}
    for table, column in _ask(database, dialect.COLUMNS):
        found.setdefault(table, []).append(column)
    return found


def contents(database: Connection, among: Mapping[str, Sequence[str]]) -> list[list[str]]:
    """Give of each of these tables its name, how many rows it has, and a checksum of these columns."""
    return sorted(_ask(database, dialect.contents(among))) if among else []


def _ask(database: Connection, question: str) -> list[list[str]]:
    try:
        with database.opened() as url:
            return client.rows(question, url)
    except ProgramFailed as error:
        raise Failure(database.scrubbed(str(error))) from None
