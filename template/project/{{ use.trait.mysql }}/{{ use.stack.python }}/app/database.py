"""MySQL: a pool of connections, made as they are needed, and plain statements."""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, override

import aiomysql  # type: ignore[import-untyped]
from fastapi import FastAPI, HTTPException
from pymysql.constants import CLIENT

from app.address import address, verifying
from app.attach import CLOSE_SECONDS, Pool, attach
from app.config import Config
from app.health import ReadinessCheck
from app.service import NAME

CONNECT_SECONDS = 5  # for one of the pool that is free, too
STATEMENT_SECONDS = 10
IDLE_SECONDS = 30

_SWITCHED = """
select id, flag, state, who, at from flag_switches
where id in (select max(id) from flag_switches group by flag)
"""

# Nothing is cut to fit. MySQL ends what takes too long by itself; for MariaDB that is a comment.
_SESSION = f"""
set sql_mode = 'traditional' /*!80000 , max_execution_time = {STATEMENT_SECONDS * 1000} */
"""
# MySQL's for a server that stops, has too little of something, is read-only after a failover, or
# ended what took too long. Vitess has one for all.
_OUTAGES = {1021, 1040, 1053, 1105, 1114, 1205, 1290, 1317, 1836, 1927, 3024}
_DUPLICATE = 1062
_UNSTORABLE = {1300, 1366}


def database(app: FastAPI, config: Config) -> ReadinessCheck:
    """Give the service its database, and /readyz a question for it."""
    return attach(app, config, Database)


class DuplicateError(Exception):
    """There is a row with that already."""


class Database(Pool):
    def __init__(self, config: Config, *, quiet: bool = False) -> None:
        super().__init__(config, quiet=quiet)
        at = address(config)
        self._options = {
            "host": at.host,
            "port": at.port or 3306,
            "user": at.user,
            "password": at.password,
            "db": at.name,
            "ssl": _tls(config),
            "program_name": NAME,
            "charset": "utf8mb4",
            "autocommit": True,
            "init_command": _SESSION,
            "cursorclass": aiomysql.DictCursor,
        }
        self._room = asyncio.Semaphore(config.DATABASE_POOL_MAX)
        self._idle: deque[_Connection] = deque()
        self._tidying: asyncio.TimerHandle | None = None

    async def query(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """Give the rows of one statement, whose values are each a %s."""
        async with self.connection() as connection, connection.cursor() as cursor:
            await cursor.execute(statement, values)
            rows: list[dict[str, Any]] = await cursor.fetchall()
            return rows

    async def change(self, statement: str, *values: object) -> int:
        """Change something by one statement, and say how many rows."""
        async with self.connection() as connection, connection.cursor() as cursor:
            changed: int = await cursor.execute(statement, values)
            return changed

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """Lend one of aiomysql's, for more than a statement: with its `begin()`, say."""
        with self.usage:
            try:
                connection = await self._take()
            except (OSError, aiomysql.MySQLError) as error:
                raise self.outage(error) from error
            try:
                yield connection
            except (OSError, aiomysql.MySQLError) as error:
                code = error.args[0] if error.args else 0
                if isinstance(error, OSError) or not connection.usable or code in _OUTAGES:
                    connection.close()
                    raise self.outage(error) from error
                if code == _DUPLICATE:
                    raise DuplicateError from error
                if code in _UNSTORABLE:
                    detail = "The text has a character that cannot be stored"
                    raise HTTPException(422, detail) from error
                raise
            finally:
                self._give_back(connection)

    @override
    async def answers(self) -> None:
        await self.query("select 1")

    @override
    async def switched(self) -> Sequence[Any]:
        return await self.query(_SWITCHED)

    @override
    async def close(self) -> None:
        if self._tidying:
            self._tidying.cancel()
        leaving = (connection.ensure_closed() for connection in self._idle)
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await asyncio.gather(*leaving, return_exceptions=True)
        for connection in self._idle:
            connection.close()

    async def _take(self) -> "_Connection":
        """Give the one that was used last, or a new one."""
        if not self._room.locked() and (connection := self._last()):
            await self._room.acquire()  # without a wait: a time limit would take longer
            return connection
        async with asyncio.timeout(CONNECT_SECONDS):
            await self._room.acquire()
            try:
                return self._last() or await self._new()
            except BaseException:
                self._room.release()
                raise

    def _last(self) -> "_Connection | None":
        """Give the one that was used last, of those that are idle."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
            connection.close()
        return None

    async def _new(self) -> "_Connection":
        connection = _Connection(**self._options)
        try:
            await connection.ping()  # which connects
        except BaseException:
            connection.close()
            raise
        return connection

    def _give_back(self, connection: "_Connection") -> None:
        if connection.usable and not connection.get_transaction_status():
            connection.idle_since = time.monotonic()
            self._idle.append(connection)
            if not self._tidying:
                self._tidying = connection.loop.call_later(IDLE_SECONDS, self._tidy)
        else:
            connection.close()
        self._room.release()

    def _tidy(self) -> None:
        """Close those that were idle for long."""
        self._tidying = None
        since = time.monotonic() - IDLE_SECONDS
        while self._idle and self._idle[0].idle_since <= since:
            self._idle.popleft().close()
        if self._idle:
            after = self._idle[0].idle_since - since
            self._tidying = self._idle[0].loop.call_later(after, self._tidy)


class _Connection(aiomysql.Connection):  # type: ignore[misc]
    """One of aiomysql's, with what that lacks."""

    idle_since = 0.0

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.client_flag &= ~CLIENT.MULTI_STATEMENTS

    @property
    def usable(self) -> bool:
        """Say whether neither side has closed it."""
        return not (self.closed or self._reader.at_eof() or self._reader.eof_received)

    def close(self) -> None:
        """Close it at once, whether or not the server says good-bye."""
        if self._writer:
            self._writer.transport.abort()
        super().close()

    async def ensure_closed(self) -> None:
        """Say good-bye, and wait for the end of it."""
        writer = self._writer
        await super().ensure_closed()
        if writer:
            await writer.wait_closed()

    async def query(self, sql: str | bytes, unbuffered: bool = False) -> int:
        async with asyncio.timeout(STATEMENT_SECONDS + 1):
            changed: int = await super().query(sql, unbuffered)
            return changed

    async def _get_server_information(self) -> None:
        """Say nothing to a server without TLS, where that is required: not even the password."""
        await super()._get_server_information()
        if self._ssl_context.verify_mode and not self.server_capabilities & CLIENT.SSL:
            raise OSError("the server has no TLS")


def _tls(config: Config) -> ssl.SSLContext:
    """Have the database prove by a certificate who it is, but for one on this machine."""
    context = verifying(config)
    if config.APP_ENV == "local":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context
