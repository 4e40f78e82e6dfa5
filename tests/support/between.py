"""A port before a server's, with a thread of its own: what passes there is for others to say."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from functools import partial
from queue import Queue


class Between:
    """Stands between clients and a server, both on loopback.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, port: int, to: int) -> None:
        self.port, self._to = port, to
        opened: Queue[Callable[[], object]] = Queue()
        self._thread = threading.Thread(target=asyncio.run, args=(self._run(opened),), daemon=True)
        self._thread.start()
        self._end = opened.get(timeout=10)

    def close(self) -> None:
        """End it, with all connections."""
        self._end()
        self._thread.join()

    async def _run(self, opened: Queue[Callable[[], object]]) -> None:
        self._loop, over = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        opened.put(partial(self._loop.call_soon_threadsafe, over.set))
        await over.wait()
        server.close()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0.1)  # for connections to close

    async def _serve(self, asks: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """Serve a connection of a client."""
        raise NotImplementedError
