"""PostgreSQL: a pool of connections, made as they are needed, and plain statements."""

import asyncio
import math
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
from fastapi import FastAPI, HTTPException

from app.address import address, verifying
from app.config import Config
from app.errors import TooMuch
from app.health import ReadinessCheck
from app.lifespan import around
from app.logs import SELDOM_SECONDS, log
from app.service import NAME
from app.switches import switches

CONNECT_SECONDS = 5  # for one of the pool that is free, too
STATEMENT_SECONDS = 10
IDLE_SECONDS = 30
CLOSE_SECONDS = 1

_SWITCHED = """
select id, flag, state, who, at from flag_switches
where id in (select max(id) from flag_switches group by flag)
"""

# What PostgreSQL calls a failed connection, too few resources, and a stop by its operator.
_OUTAGES = ("08", "53", "57")
_UNSTORABLE = "22021"
_FAILURES = (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError, asyncpg.PostgresError)


def database(app: FastAPI, config: Config) -> ReadinessCheck:
    """Give the service its database, and /readyz a question for it."""
    database = app.state.database = Database(config)
    around(app, database.running)
    # By a connection of its own: what takes all of the pool may be what is to be switched off.
    apart = Database(config.model_copy(update={"DATABASE_POOL_MAX": 1}), quiet=True)
    app.state.flags.switches = switches(lambda: apart.query(_SWITCHED))
    around(app, apart.closed)
    return database.answers


class Database:
    """A pool of connections. One that is `quiet` leaves it to others to log that it fails."""

    def __init__(self, config: Config, *, quiet: bool = False) -> None:
        at = address(config)
        self._options: dict[str, Any] = {
            "host": at.host,
            "port": at.port or 5432,
            "user": at.user,
            "password": at.password,
            "database": at.name,
            "ssl": _tls(config),
            "server_settings": {"application_name": NAME},
            "min_size": 0,
            "max_size": config.DATABASE_POOL_MAX,
            "max_inactive_connection_lifetime": IDLE_SECONDS,
            "timeout": CONNECT_SECONDS,
            # For a database that has gone without a word.
            "command_timeout": STATEMENT_SECONDS + 1,
            # A pooler may give each statement another connection.
            "statement_cache_size": 0,
            "init": _begin,
            "reset": _keep,
        }
        self._pool: Any = None
        self._silent_until = math.inf if quiet else 0.0

    async def query(self, statement: str, *values: object) -> list[asyncpg.Record]:
        """Give the rows of one statement, whose values are $1, $2 and so on."""
        async with self.connection() as connection:
            rows: list[asyncpg.Record] = await connection.fetch(statement, *values)
            return rows

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """Lend one of asyncpg's, for more than a statement: with its `transaction()`, say."""
        if self._pool is None:
            # In the loop of the requests; nothing is connected yet.
            self._pool = await asyncpg.create_pool(**self._options)
        try:
            connection = await self._pool.acquire(timeout=CONNECT_SECONDS)
        except _FAILURES as error:
            raise self._outage(error) from error
        try:
            yield connection
        except _FAILURES as error:
            code = getattr(error, "sqlstate", None) or ""
            if _lost(connection, error) or code.startswith(_OUTAGES):
                raise self._outage(error) from error
            if code == _UNSTORABLE:
                detail = "The text has a character that cannot be stored"
                raise HTTPException(422, detail) from error
            raise
        finally:
            # If it cannot be given back, the pool has ended it.
            with suppress(*_FAILURES):
                await self._pool.release(connection)

    async def answers(self) -> None:
        await self.query("select 1")

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Say so if it is not there, without waiting for it; close it in the end."""
        greeting = asyncio.create_task(self._greet())
        async with self.closed():
            yield
            greeting.cancel()

    @asynccontextmanager
    async def closed(self) -> AsyncIterator[None]:
        """Close it in the end."""
        yield
        await self.close()

    async def close(self) -> None:
        if self._pool:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._pool.close(), CLOSE_SECONDS)

    async def _greet(self) -> None:
        try:
            await self.answers()
        except HTTPException:
            log.error("started without the database: not ready until it is there")

    def _outage(self, error: Exception) -> TooMuch:
        now = time.monotonic()
        if now >= self._silent_until:
            self._silent_until = now + SELDOM_SECONDS
            log.error("the database does not answer", exc_info=error)
        return TooMuch(503, "The database does not answer", close=False)


def _lost(connection: Any, error: Exception) -> bool:
    """Whether it was the connection that failed, not the statement."""
    if isinstance(error, (OSError, asyncpg.InternalClientError)):
        return True
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:  # the pool has taken it back
        return True


async def _begin(connection: Any) -> None:
    # Said here, as poolers refuse it while a connection is made.
    await connection.execute(f"set statement_timeout to {STATEMENT_SECONDS * 1000}")


async def _keep(_connection: Any) -> None:
    """Leave a connection as it is: nobody sets anything for more than a transaction."""


def _tls(config: Config) -> ssl.SSLContext | str:
    """Have the database prove by a certificate who it is, but for one on this machine."""
    return "prefer" if config.APP_ENV == "local" else verifying(config)
