"""Sends a generated service unfinished requests until it refuses them, and says what it takes.

Every client opens so many connections, sends on each the head of a POST and all of its body but the
last byte, and waits. The service has a memory of its own size: a control group (v1, so this needs
to be root) that a process which goes beyond it is killed in. It is asked for /healthz meanwhile.

    python benchmarks/memory.py PROJECT [MEGABYTES [CLIENTS [CONNECTIONS [BYTES]]]]

PROJECT is a generated project that is built.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

GROUPS = Path("/sys/fs/cgroup/memory")
HEAD = "POST /notes HTTP/1.1\r\nHost: a\r\nX-Client: %s\r\nContent-Type: application/json\r\n"


def main(project: Path, megabytes: int, clients: int, connections: int, size: int) -> int:
    """Print a line; exit 1 when the service did not survive, or its health was not to be seen."""
    with running(project, megabytes) as (process, url, group):
        time.sleep(1)
        before = peak(process)
        answers, health = asyncio.run(attack(url, clients, connections, size))
        killed = process.poll() is not None
        print(
            f"{project.name}, {megabytes} MiB, {clients} x {connections} x {size} bytes: "
            + ("KILLED" if killed else f"{before} MiB, then {peak(process)} MiB at most")
            + f"; answers {dict(sorted(answers.items()))}, /healthz {health}"
            + f"; charged {int((group / 'memory.max_usage_in_bytes').read_text()) >> 20} MiB"
        )
    return 1 if killed or health != "ok" else 0


async def attack(url: str, clients: int, connections: int, size: int) -> tuple[Counter[str], str]:
    """Open the connections and wait; give what was answered, and how the service is meanwhile."""
    port = int(url.rpartition(":")[2])
    body = b'{"title": "' + b"x" * size
    waiting = []

    async def send(client: int) -> str:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            waiting.append(writer)
            head = HEAD % f"203.0.113.{client}" + f"Content-Length: {size}\r\n\r\n"
            writer.write(head.encode() + body[: size - 1])
            with suppress(TimeoutError):
                async with asyncio.timeout(10):
                    await writer.drain()
                    return (await reader.read(12)).decode()[9:] or "closed"
        except OSError:
            return "closed"
        return "none"

    asked = [asyncio.create_task(send(n % clients)) for n in range(clients * connections)]
    await asyncio.sleep(6)
    health = await asyncio.to_thread(healthz, url)
    answers = Counter(await asyncio.gather(*asked))
    for writer in waiting:
        writer.transport.abort()
    return answers, health


def healthz(url: str) -> str:
    """Ask for the health as a platform does, over a connection of its own."""
    try:
        with urllib.request.urlopen(f"{url}/healthz", timeout=5) as response:  # noqa: S310  # loopback
            return "ok" if response.status == 200 else str(response.status)  # noqa: PLR2004
    except OSError as error:
        return type(error).__name__


@contextmanager
def running(project: Path, megabytes: int) -> Iterator[tuple[subprocess.Popen[bytes], str, Path]]:
    """Run a service in a control group; give its process, address and group."""
    group = GROUPS / f"scaffold-{os.getpid()}"
    group.mkdir()
    (group / "memory.limit_in_bytes").write_text(str(megabytes << 20))
    command = (
        [".venv/bin/python", "-m", "app"]
        if (project / "app").exists()
        else ["node", *sized(megabytes), "dist/server.js"]
    )
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen(
        ["sh", "-c", f'echo $$ > {group}/cgroup.procs; exec "$@"', "sh", *real(command)],
        cwd=project,
        env={
            "PATH": os.environ["PATH"],
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "RATE_LIMIT_PER_MINUTE": "0",
            "CLIENT_IP_HEADER": "x-client",
            **{name: value for name, value in os.environ.items() if name.startswith("MAX_")},
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        while healthz(url) != "ok":
            if process.poll() is not None:
                sys.exit(f"{command} ended with {process.returncode}")
            time.sleep(0.1)
        yield process, url, group
    finally:
        process.kill()
        process.wait()
        time.sleep(0.2)
        group.rmdir()


def real(command: list[str]) -> list[str]:
    """Name Node.js itself: what PyPI puts on PATH is a Python script, whose memory would count."""
    if command[0] != "node":
        return command
    node = subprocess.check_output(["node", "--print", "process.execPath"], text=True)
    return [node.strip(), *command[1:]]


def sized(megabytes: int) -> list[str]:
    """Give what V8 chooses in a container of that size: it looks at the machine's memory here."""
    return [f"--max-old-space-size={megabytes // 2}", "--max-semi-space-size=1"]


def peak(process: subprocess.Popen[bytes]) -> int:
    """Give the most that was resident so far, in MiB; 0 for a process that has ended."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) >> 10
    except (OSError, IndexError):
        return 0


if __name__ == "__main__":
    folder, *numbers = sys.argv[1:]
    given = [int(number) for number in numbers]
    sys.exit(main(Path(folder).resolve(), *given, *[256, 1, 400, 1_040_000][len(given) :]))
