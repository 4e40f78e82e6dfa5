"""Ten thousand clients at once: a service stays alive, small and polite."""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from collections.abc import Iterator

import pytest

from .conftest import Start
from .service import Service

pytestmark = pytest.mark.slow

MANY = 10_000
#: What the container of a service has in MiB.
MEMORY = 256
#: What V8 chooses by itself in such a container; here it sees the memory of the whole machine.
IN_A_CONTAINER = {"NODE_OPTIONS": f"--max-old-space-size={MEMORY} --max-semi-space-size=1"}
EVERYWHERE = {"HOST": "0.0.0.0", "RATE_LIMIT_PER_MINUTE": "0", **IN_A_CONTAINER}  # noqa: S104
GET = b"GET /notes HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(autouse=True)
def descriptors() -> Iterator[None]:
    """Allow this process and those it starts as many descriptors as it takes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < MANY + 1000:
        pytest.skip(f"a process may open {hard} files here; this needs {MANY + 1000}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (MANY + 1000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


class Client:
    """One connection that is kept alive."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def ask(self) -> int:
        """Ask for the notes; give the status, 0 when the connection is closed."""
        try:
            self.writer.write(GET)
            head = await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), 30)
            length = head.lower().split(b"content-length:")[1].split(b"\r\n")[0]
            await asyncio.wait_for(self.reader.readexactly(int(length)), 30)
        except (ConnectionError, asyncio.IncompleteReadError):
            return 0
        return int(head.split(b" ")[1])


async def crowd(service: Service, size: int) -> tuple[Counter[int], Counter[int], int]:
    """Open connections and keep them; count the statuses of two requests over each.

    Returns:
        The statuses of the first, of the second, and the memory with all of them open.
    """
    gate = asyncio.Semaphore(100)

    async def arrive(number: int) -> tuple[Client | None, int]:
        # A few addresses, for a pair of them has only so many ports.
        address = f"127.0.0.{1 + number % 4}"
        async with gate:
            try:
                client = Client(*await asyncio.open_connection(address, service.port))
            except ConnectionError:
                return None, 0
            return client, await client.ask()

    async def again(client: Client) -> int:
        async with gate:
            return await client.ask()

    arrived = await asyncio.gather(*(arrive(number) for number in range(size)))
    clients = [client for client, status in arrived if client and status]
    second = await asyncio.gather(*(again(client) for client in clients))
    memory = service.memory()
    leaving = [client.writer for client, _ in arrived if client]
    for writer in leaving:
        writer.transport.abort()
    await asyncio.gather(*(writer.wait_closed() for writer in leaving), return_exceptions=True)
    return Counter(status for _, status in arrived), Counter(second), memory


def test_ten_thousand_connections_are_kept_and_served(run: Start) -> None:
    service = run(MAX_CONNECTIONS="20000", **EVERYWHERE)
    first, second, memory = asyncio.run(crowd(service, MANY))
    assert first == {200: MANY}
    assert second == {200: MANY}
    assert memory < MEMORY, f"{memory} MiB"
    assert service.client.get("/healthz").status_code == 200
    assert service.process.poll() is None
    assert service.errors() == ""


def test_of_ten_thousand_connections_the_last_are_kept_as_many_as_allowed(run: Start) -> None:
    service = run(**EVERYWHERE)
    first, second, memory = asyncio.run(crowd(service, MANY))
    assert first == {200: MANY}
    assert second == {200: 1000, 0: MANY - 1000}
    assert memory < MEMORY, f"{memory} MiB"
    assert service.client.get("/healthz").status_code == 200
    assert {line["level"] for line in service.log()} <= {"info", "warn"}
    assert len(service.logged("too many connections, closing idle ones")) == 1
    assert service.errors() == ""
