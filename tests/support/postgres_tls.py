"""TLS before a PostgreSQL that has none, as PyPI's: clients verify a certificate for localhost."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from queue import Queue


def certificate(folder: Path) -> tuple[Path, Path]:
    """Make a key, and a certificate for localhost that it signs itself."""
    key, crt = folder / "key.pem", folder / "crt.pem"
    new = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*new, *names, "-keyout", key, "-out", crt], check=True, capture_output=True)
    return key, crt


@contextmanager
def with_tls(port: int, key: Path, crt: Path) -> Iterator[int]:
    """Give a port that speaks TLS, and refuses to speak without, before one that does not."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(crt, key)

    async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        writer.close()
        with suppress(OSError, asyncio.CancelledError):
            await writer.wait_closed()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            asked = await reader.readexactly(8)
            if asked != b"\0\0\0\x08\x04\xd2\x16\x2f":  # an SSLRequest
                return
            writer.write(b"S")
            await writer.start_tls(context)
            there = await asyncio.open_connection("127.0.0.1", port)
            await asyncio.gather(pipe(reader, there[1]), pipe(there[0], writer))
        writer.close()

    opened: Queue[tuple[int, Callable[[], object]]] = Queue()

    async def run() -> None:
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        end = partial(loop.call_soon_threadsafe, over.set)
        opened.put((int(server.sockets[0].getsockname()[1]), end))
        await over.wait()
        server.close()

    thread = threading.Thread(target=asyncio.run, args=(run(),))
    thread.start()
    try:
        ours, end = opened.get(timeout=10)
        yield ours
    finally:
        end()
        thread.join()
