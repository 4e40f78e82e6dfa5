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
        # asyncio itself would let go of one that waits for what nothing else refers to.
        self._served: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
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
        server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        opened.put(partial(self._loop.call_soon_threadsafe, over.set))
        await over.wait()
        server.close()
        for back in self._served.values():
            back.transport.abort()
        under_way = asyncio.all_tasks() - {asyncio.current_task()}
        for task in under_way:
            task.cancel()
        await asyncio.wait(under_way | {asyncio.create_task(asyncio.sleep(0.1))})  # and to close

    def _accept(self, asks: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(asks, back))
        self._served[task] = back
        task.add_done_callback(lambda done: self._served.pop(done).close())

    async def _serve(self, asks: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        """Serve a connection of a client."""
        raise NotImplementedError
