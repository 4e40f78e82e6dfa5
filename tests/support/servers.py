"""The servers of databases, and the databases that are tried on them, from the catalogue."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from conftest import TEMPLATE
from mariadb import MariaDB, mariadb
from mongo import Mongo, mongo
from postgres import Postgres, postgres
from services.service import APIS

Server = Postgres | MariaDB | Mongo
#: Engines, and how a server is started: what it acknowledged is kept, whatever ends it.
SERVERS: dict[str, Callable[[], AbstractContextManager[Server]]] = {
    "postgres": partial(postgres, synchronous_commit="on"),
    # In place of MySQL.
    "mysql": partial(mariadb, "--innodb-flush-log-at-trx-commit=2"),
    # In place of MongoDB.
    "mongo": partial(mongo, "--sync-on-commit"),
}
KINDS = [
    (option.id, engine, stack)
    for option in TEMPLATE.catalog.axis("database")
    for engine in SERVERS
    for stack in APIS
    if engine in option.row.get("traits", ())
]
#: Each database with one stack, the next with the next.
IN_TURNS = [
    KINDS[first + turn % len(APIS)] for turn, first in enumerate(range(0, len(KINDS), len(APIS)))
]
