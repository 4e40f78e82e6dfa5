"""What stands between tests and a server holds on to what passes there."""

from __future__ import annotations

import asyncio
import gc
import socket
import time

import bson
import pytest
from mongo import HEADER, OP_MSG, Gate
from ports import free_port

TIMES = 300


class Counting(Gate):
    """Knows how many connections are over."""

    over = 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await super()._serve(reader, writer)
        finally:
            self.over += 1


def test_a_connection_is_served_to_its_end_whatever_is_collected_meanwhile(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whoever asks hangs up, and the server says nothing: only the tasks know of each other."""
    asked = bytes(5) + bson.encode({"ping": 1, "$db": "app"})
    asked = HEADER.pack(HEADER.size + len(asked), 1, 0, OP_MSG) + asked
    with socket.create_server(("127.0.0.1", 0), backlog=TIMES) as silent:
        gate = Counting(free_port(), silent.getsockname()[1])
        for _ in range(TIMES):
            with socket.create_connection(("127.0.0.1", gate.port)) as client:
                client.sendall(asked)
            gc.collect(1)
        end = time.monotonic() + 20
        while gate.over < TIMES and time.monotonic() < end:
            time.sleep(0.01)
        gate.close()
    assert gate.over == TIMES
    assert not [record.message for record in caplog.records if record.name == "asyncio"]
