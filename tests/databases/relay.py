"""A port before a server's that passes everything on, until it falls silent."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from between import Between
from ports import free_port


class Relay(Between):
    """What is between a service and its database."""

    def __init__(self, to: int) -> None:
        self._lets, self._speaks = 0, asyncio.Event()
        self._speaks.set()
        super().__init__(free_port(), to)

    @contextmanager
    def silent(self, lets: int) -> Iterator[None]:
        """Keep back what is asked until the end, but so many messages of each new connection.

        Without any, the server does not hear of new connections either, and greets nobody.
        """
        self._lets = lets
        self._loop.call_soon_threadsafe(self._speaks.clear)
        try:
            yield
        finally:
            self._lets = 0
            self._loop.call_soon_threadsafe(self._speaks.set)

    async def _serve(self, asks: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        lets = self._lets
        with suppress(OSError), closing(back):
            if not lets:
                await self._speaks.wait()
            answers, there = await asyncio.open_connection("127.0.0.1", self._to)
            answering = asyncio.create_task(self._answer(answers, back))
            with closing(there):
                while data := await asks.read(65536):
                    if lets <= 0:
                        await self._speaks.wait()
                    lets -= 1
                    there.write(data)
                    await there.drain()
            await answering

    async def _answer(self, answers: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        with suppress(OSError), closing(back):
            while data := await answers.read(65536):
                back.write(data)
                await back.drain()


@contextmanager
def relay(to: int) -> Iterator[Relay]:
    """Give one that runs until the end."""
    made = Relay(to)
    try:
        yield made
    finally:
        made.close()
