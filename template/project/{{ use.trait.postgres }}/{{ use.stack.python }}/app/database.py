"""PostgreSQL: a pool of connections, made as they are needed, and plain statements."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, override

import asyncpg
from fastapi import FastAPI, HTTPException

from app.address import address, verifying
from app.attach import CLOSE_SECONDS, Pool, attach
from app.config import Config
from app.health import ReadinessCheck
from app.service import NAME

CONNECT_SECONDS = 5  # for one of the pool that is free, too
STATEMENT_SECONDS = 10
CANCEL_SECONDS = 1  # for a statement that nobody waits for to end, before its connection does
IDLE_SECONDS = 30

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
    return attach(app, config, Database)


class Database(Pool):
    def __init__(self, config: Config, *, quiet: bool = False) -> None:
        super().__init__(config, quiet=quiet)
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
        with self.usage:
            try:
                connection = await self._pool.acquire(timeout=CONNECT_SECONDS)
            except _FAILURES as error:
                raise self.outage(error) from error
            try:
                yield connection
            except _FAILURES as error:
                code = getattr(error, "sqlstate", None) or ""
                if _lost(connection, error) or code.startswith(_OUTAGES):
                    raise self.outage(error) from error
                if code == _UNSTORABLE:
                    detail = "The text has a character that cannot be stored"
                    raise HTTPException(422, detail) from error
                raise
            finally:
                # If it cannot be given back, the pool has ended it.
                with suppress(*_FAILURES):
                    await self._pool.release(connection, timeout=CANCEL_SECONDS)

    @override
    async def answers(self) -> None:
        await self.query("select 1")

    @override
    async def switched(self) -> Sequence[Any]:
        return await self.query(_SWITCHED)

    @override
    async def close(self) -> None:
        if self._pool:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._pool.close(), CLOSE_SECONDS)


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
