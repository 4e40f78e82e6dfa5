"""What is known of a backup: a file of JSON beside the dump, written last. A dump without one is unfinished."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from .errors import Failure

#: What is written. Checksums of format 1 were made another way, which nobody does any more.
FORMAT = 2
#: A table with fewer rows may have half of them tomorrow, and nothing is lost.
SMALL = 100


class Refused(Failure):
    """A backup that is not to be trusted, by what is wrong with it."""


class Table(NamedTuple):
    """What is in a table: how many rows, and a checksum of them in any order; the empty string is of any."""

    rows: int
    checksum: str


class Manifest(NamedTuple):
    """One backup.

    Args:
        name: When it was taken, and by chance something more: 20261130T041500Z-3f9a.
        server, tool: Versions.
        migration: The newest that the schema has, or the empty string.
        recipients: Who can read it.
        before: The backup that it was compared with.
        losses: What is much less than it was then; until somebody accepts that, nothing older goes.
        moment: Whether all of it is of one moment.
    """

    name: str
    service: str
    environment: str
    database: str
    engine: str
    server: str
    tool: str
    taken: str
    size: int
    sha256: str
    migration: str
    recipients: tuple[str, ...]
    tables: dict[str, Table]
    before: str = ""
    losses: tuple[str, ...] = ()
    moment: bool = True

    @property
    def rows(self) -> int:
        """How many rows it has in all."""
        return sum(table.rows for table in self.tables.values())

    @property
    def counted(self) -> bool:
        """Whether rows are all that can be compared."""
        return not any(table.checksum for table in self.tables.values())

    def text(self) -> str:
        """Write it."""
        tables = {name: table._asdict() for name, table in self.tables.items()}
        return json.dumps({"format": FORMAT, **self._asdict(), "tables": tables}, indent=2) + "\n"


def read(content: bytes, name: str) -> Manifest:
    """Read one."""
    try:
        told: dict[str, Any] = json.loads(content)
        written = told.pop("format")
        if written not in (1, FORMAT):
            raise Refused(f"{name} is of a newer template: update the project")
        sums = {key: str(it["checksum"]) if written == FORMAT else "" for key, it in told["tables"].items()}
        tables = {key: Table(int(it["rows"]), sums[key]) for key, it in told.pop("tables").items()}
        recipients, lost = (tuple(map(str, told.pop(key))) for key in ("recipients", "losses"))
        found = Manifest(tables=tables, recipients=recipients, losses=lost, **told)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise Refused(f"tampered: the manifest of {name} is not one ({error!r})") from None
    if found.name != name:
        raise Refused(f"tampered: the manifest of {name} is that of {found.name}")
    return found


def belongs(found: Manifest, service: str, environment: str, database: str) -> None:
    """Stop if it is of something else."""
    for what, ours, theirs in (
        ("service", service, found.service),
        ("environment", environment, found.environment),
        ("database", database, found.database),
    ):
        if ours != theirs:
            raise Refused(f"wrong {what}: {found.name} is of {theirs}, not of {ours}")


def whole(found: Manifest, size: int, sha256: str) -> None:
    """Stop if the dump is not the one that was written."""
    if not size:
        raise Refused(f"empty: the dump of {found.name} has no bytes, {found.size} were written")
    if size < found.size:
        raise Refused(f"truncated: {found.name} has {size} bytes, {found.size} were written")
    if (size, sha256) != (found.size, found.sha256):
        raise Refused(f"tampered: the dump of {found.name} is not the one that was written")


def same(found: Manifest, tables: Mapping[str, Table]) -> None:
    """Stop if a database does not have what was in the one that was backed up."""
    got = sum(table.rows for table in tables.values())
    if found.rows and tables and not got:
        raise Refused(f"schema only: {found.name} has tables without rows, {found.rows} were written")
    for name, table in found.tables.items():
        if name not in tables:
            raise Refused(f"incomplete: {found.name} has no table {name}")
        if tables[name].rows != table.rows:
            raise Refused(f"incomplete: {name} of {found.name} has {tables[name].rows} rows, {table.rows} were written")
        if table.checksum not in ("", tables[name].checksum):
            raise Refused(f"altered: {name} of {found.name} has other rows than were written")
    more = sorted(set(tables) - set(found.tables))
    if more:
        raise Refused(f"altered: {found.name} has a table {more[0]} that was not written")


def losses(before: Mapping[str, Table], now: Mapping[str, Table]) -> tuple[str, ...]:
    """Say what has lost half its rows or more: a table that is gone, empty or was no small one, or all together."""
    found = []
    for name, table in before.items():
        rows = now[name].rows if name in now else 0
        if rows * 2 <= table.rows and table.rows and (not rows or table.rows >= SMALL):
            found.append(f"{name} {f'has {rows} rows' if name in now else 'is gone'}, {table.rows} before")
    all_before, all_now = (sum(table.rows for table in each.values()) for each in (before, now))
    if not found and all_before >= SMALL and all_now * 2 <= all_before:
        found.append(f"all tables have {all_now} rows, {all_before} before")
    return tuple(found)
