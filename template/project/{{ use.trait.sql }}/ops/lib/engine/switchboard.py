"""The table of switches: its rows, by the driver that the service has anyway."""

from __future__ import annotations

from . import client
from .connection import Connection
from .dialect import COLUMNS, moment, place
from .errors import Failure
from .flags import Switch
from .process import ProgramFailed
from .variables import Settings

TABLE = "flag_switches"
ROWS = f"select flag, state, who, {moment('at')} from {TABLE}"  # noqa: S608 (names of ours)
NEWEST = f"{ROWS} where id in (select max(id) from {TABLE} group by flag)"  # noqa: S608 (names of ours)
HISTORY = f"{ROWS} where flag = {place(1)} order by id desc limit 20"
ADD = f"insert into {TABLE} (flag, state, who) values ({place(1)}, {place(2)}, {place(3)})"  # noqa: S608 (names of ours)


def need(settings: Settings) -> None:
    """Note what is missing."""
    client.need(settings)


def newest(database: Connection) -> dict[str, Switch]:
    """Give the last change of each flag."""
    return {flag: Switch(*change) for flag, *change in _ask(database, NEWEST)}


def history(database: Connection, name: str) -> list[Switch]:
    """Give the last changes of a flag, newest first."""
    return [Switch(*change) for _, *change in _ask(database, HISTORY, name)]


def add(database: Connection, name: str, state: str, who: str) -> None:
    """Write a change. There is nothing to overwrite: of two at once both are kept, and the later one counts."""
    _ask(database, ADD, name, state, who)


def lacking(database: Connection) -> str:
    """Say what it lacks to have any."""
    tables = {table.rpartition(".")[2].strip("`") for table, _ in _ask(database, COLUMNS)}
    if TABLE in tables:
        return ""
    return f"its database has no table {TABLE}; ops/migrate {database.env} makes it, if db/migrations has it"


def _ask(database: Connection, question: str, *values: str) -> list[list[str]]:
    try:
        with database.opened() as url:
            return client.rows(question, url, *values)
    except ProgramFailed as error:
        raise Failure(database.scrubbed(str(error))) from None
