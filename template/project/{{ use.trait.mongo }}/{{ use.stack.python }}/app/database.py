"""MongoDB: a pool of connections, made as they are needed, and the driver's own statements."""

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, override
from urllib.parse import parse_qsl, urlencode

from fastapi import FastAPI
from pymongo import AsyncMongoClient
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import ConfigurationError, ConnectionFailure, OperationFailure

from app.address import authority, unreadable
from app.attach import Pool, attach
from app.config import Config
from app.health import ReadinessCheck
from app.service import NAME

CONNECT_SECONDS = 5  # for one of the pool that is free, too
STATEMENT_SECONDS = 10
IDLE_SECONDS = 30

# MongoDB's for a server that cannot be reached by another one, stops, steps down, is not the
# primary or not yet ready, takes too long, or lets nobody in (8000 is Atlas', for a password and
# for a plan that is full).
_OUTAGES = {
    *(6, 7, 18, 50, 89, 91, 133, 134, 189, 202, 262, 462, 8000, 9001, 10107, 11600),
    *(11602, 13435, 13436),
}
_ADDRESS = re.compile(r"(mongodb(?:\+srv)?://[^/?]+/[^/?]+)(?:\?(.*))?")

_SWITCHES = "flag_switches"
# Of each flag the last change.
_NEWEST: list[dict[str, Any]] = [
    {"$sort": {"flag": 1, "at": 1, "_id": 1}},
    {"$group": {"_id": "$flag", "last": {"$last": "$$ROOT"}}},
    {"$replaceRoot": {"newRoot": "$last"}},
]

type Documents = AsyncDatabase[dict[str, Any]]


def database(app: FastAPI, config: Config) -> ReadinessCheck:
    """Give the service its database, and /readyz a question for it."""
    return attach(app, config, Database)


class Database(Pool):
    def __init__(self, config: Config, *, quiet: bool = False) -> None:
        super().__init__(config, quiet=quiet)
        self._client = _connect(
            config,
            appname=NAME,
            tz_aware=True,
            maxPoolSize=config.DATABASE_POOL_MAX,
            minPoolSize=0,
            connectTimeoutMS=CONNECT_SECONDS * 1000,
            serverSelectionTimeoutMS=CONNECT_SECONDS * 1000,
            waitQueueTimeoutMS=CONNECT_SECONDS * 1000,
            maxIdleTimeMS=IDLE_SECONDS * 1000,
            # The server ends what nobody waits for any more.
            socketTimeoutMS=STATEMENT_SECONDS * 1000,
            # Whoever asked is told to. A write is tried once more by the driver, where the server
            # can tell that it is the same one.
            retryReads=False,
        )
        self._db: Documents = self._client.get_default_database()

    @contextmanager
    def use(self) -> Iterator[Documents]:
        """Lend the database; what fails because of it is a problem 503."""
        with self.usage:
            try:
                yield self._db
            # The URL was right at the start: of configuration, it is what DNS says that is wrong.
            except (ConnectionFailure, ConfigurationError) as error:
                raise self.outage(error) from error
            except OperationFailure as error:
                if error.code in _OUTAGES:
                    raise self.outage(error) from error
                raise

    @override
    async def switched(self) -> list[dict[str, Any]]:
        with self.use() as db:
            # One that is not there has no documents: nothing would count as switched.
            if not await db.list_collection_names(filter={"name": _SWITCHES}):
                raise LookupError(f"there is no {_SWITCHES}")
            changes = await (await db[_SWITCHES].aggregate(_NEWEST)).to_list()
        return [{**it, "id": it["_id"]} for it in changes]

    @override
    async def answers(self) -> None:
        with self.use() as db:
            await db.command("ping")

    @override
    async def close(self) -> None:
        await self._client.close()


def _connect(config: Config, **options: Any) -> AsyncMongoClient[dict[str, Any]]:
    """Have the database prove by a certificate who it is, but for one on this machine."""
    found = _ADDRESS.fullmatch(config.DATABASE_URL)
    if not found:
        hosts = "mongodb://HOST/NAME or mongodb+srv://HOST/NAME"
        raise unreadable(f"{hosts}, with the name of a database")
    told = parse_qsl(found[2] or "")
    # The driver reads the file as it is made, and takes it in no other form.
    with tempfile.NamedTemporaryFile("w") as ca:
        if config.APP_ENV != "local":
            told = [it for it in told if not it[0].lower().startswith(("tls", "ssl"))]
            options["tls"] = True
            if written := authority(config):
                ca.write(written)
                ca.flush()
                options["tlsCAFile"] = ca.name
        try:
            return AsyncMongoClient(f"{found[1]}?{urlencode(told)}", **options)
        except (ConfigurationError, ValueError):
            known = "options that MongoDB's drivers know"
            raise unreadable(f"a user and a password with %-escapes, and {known}") from None
