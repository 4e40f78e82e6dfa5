"""How a service has a database, whichever that is."""

import asyncio
import math
import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, HTTPException

from app.config import Config
from app.errors import TooMuch
from app.health import ReadinessCheck
from app.lifespan import around
from app.logs import SELDOM_SECONDS, log
from app.pool_usage import PoolUsage
from app.switches import switches

CLOSE_SECONDS = 1


class Pool(ABC):
    """A pool of connections. One that is `quiet` leaves it to others to log that it fails."""

    def __init__(self, config: Config, *, quiet: bool = False) -> None:
        self.usage = PoolUsage(config.DATABASE_POOL_MAX)
        self._silent_until = math.inf if quiet else 0.0

    @abstractmethod
    async def answers(self) -> None:
        """Ask something that takes no time; raise if there is no answer."""

    @abstractmethod
    async def switched(self) -> Sequence[Any]:
        """Give the last change of each flag."""

    @abstractmethod
    async def close(self) -> None: ...

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Say so if it is not there, without waiting for it; close it in the end."""
        greeting = asyncio.create_task(self._greet())
        async with self.closed():
            yield
            # Closed while it connects, a driver would leave a socket behind.
            await asyncio.wait([greeting], timeout=CLOSE_SECONDS)
            greeting.cancel()

    @asynccontextmanager
    async def closed(self) -> AsyncIterator[None]:
        """Close it in the end."""
        yield
        await self.close()

    def outage(self, error: Exception) -> TooMuch:
        """Give the problem 503, and now and again a line in the log."""
        now = time.monotonic()
        if now >= self._silent_until:
            self._silent_until = now + SELDOM_SECONDS
            log.error("the database does not answer", exc_info=error)
        return TooMuch(503, "The database does not answer", close=False)

    async def _greet(self) -> None:
        try:
            await self.answers()
        except HTTPException:
            log.error("started without the database: not ready until it is there")


def attach(app: FastAPI, config: Config, pool: type[Pool]) -> ReadinessCheck:
    """Give the service its database, and /readyz a question for it."""
    database = app.state.database = pool(config)
    app.state.telemetry.gauges.append(database.usage.observe)
    around(app, database.running)
    # By a connection of its own: what takes all of the pool may be what is to be switched off.
    apart = pool(config.model_copy(update={"DATABASE_POOL_MAX": 1}), quiet=True)
    app.state.flags.switches = switches(apart.switched)
    around(app, apart.closed)
    return database.answers
