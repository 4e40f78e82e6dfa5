"""What it takes a generated service to tell of itself: processor time, start, memory, room.

A service with nothing set runs beside one of the same project with metrics that are sent, with
spans of one request in ten beside them, with metrics that Prometheus reads, with a log that is
sent on, or with Sentry told of errors, of which there are none. The two are under load by turns:
what else the machine does meets both. A turn is long enough for the processor's caches to be those
of the one, and all is warm before it counts: compilers, and what is sent. What counts is all the
processor time of a process for each of its requests: the median over the turns, each compared with
the other's beside it, as others on the machine slow single turns down to a third; and over so many
pairs, for what a process has in its caches and where is luck. Takes ten minutes for each.

    python benchmarks/telemetry.py [PAIRS]

Exits 1 when a share is below its limit, or reading takes longer.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Which part of the processor time may be the service's own, and how many ms reading may take.
LIMITS = {
    "metrics sent": {"node": 0.95, "python": 0.87},
    "metrics read": {"node": 0.95, "python": 0.87},
    "traces too": {"node": 0.85, "python": 0.75},
    "log sent": {"node": 0.7, "python": 0.7},
    "errors sent": {"node": 0.95, "python": 0.95},
}
SCRAPE = 20.0
#: How many requests are sent at once, and how many times a turn, which takes a tenth of a second.
CONNECTIONS, REQUESTS = 16, {"node": 100, "python": 25}
#: How many turns go before, and how many count.
WARM, TURNS = 100, 100
PATH = "/nothing"

#: A route that does nothing.
NODE = """\
import type { FastifyInstance } from "fastify";

export async function nothing(app: FastifyInstance): Promise<void> {
  app.get("/nothing", async () => ({ status: "ok" }));
}
"""
PYTHON = """\
from fastapi import FastAPI


def nothing(app: FastAPI) -> None:
    @app.get("/nothing")
    async def nothing() -> dict[str, str]:
        return {"status": "ok"}
"""
#: The module of that route, and where the service gets it from, by which line after what.
ADDED = {
    "node": (
        "src/nothing.ts",
        NODE,
        "src/mounts.ts",
        'import { nothing } from "./nothing.ts";\n',
        r"(= \[)",
    ),
    "python": (
        "app/nothing.py",
        PYTHON,
        "app/mounts.py",
        "from app.nothing import nothing\n",
        r"(= \()",
    ),
}


@dataclass(frozen=True)
class Running:
    """A service, its process, and how long it took to answer."""

    port: int
    process: subprocess.Popen[bytes]
    seconds: float

    def spent(self) -> float:
        """Give the processor time of the process up to now, in seconds."""
        # The clock of another process, as clock_getcpuclockid(3) makes it.
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def memory(self) -> int:
        """Give its resident memory in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) // 1024


def main(pairs: int) -> int:
    """Measure both stacks."""
    ok = True
    with tempfile.TemporaryDirectory() as folder, _taking() as endpoint:
        for stack in ("node", "python"):
            ok &= _measure(stack, _project(Path(folder), stack), endpoint, pairs)
    return int(not ok)


def _measure(stack: str, project: Path, endpoint: str, pairs: int) -> bool:
    sent = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    port = _free_port()
    variants = {
        "metrics sent": sent | {"TRACES_PERCENT": "0"},
        "metrics read": {"METRICS_PORT": str(port)},
        "traces too": sent,
        "log sent": {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{endpoint}/v1/logs"},
        "errors sent": {"SENTRY_DSN": f"{endpoint.replace('//', '//key@')}/1"},
    }
    ok, scrapes = True, []
    print(f"{stack}: of the processor time for each request, the service's own", flush=True)
    for name, env in variants.items():
        shares, more, started = [], [], []
        for _ in range(pairs):
            with _running(_command(stack), project) as plain:
                start, memory = plain.seconds, plain.memory()
                with _running(_command(stack), project, **env) as other:
                    started.append((other.seconds - start, other.memory() - memory))
                    turns = _spent(plain, other, REQUESTS[stack])
                    own = statistics.median(one for one, _ in turns)
                    shares.append(statistics.median(one / both for one, both in turns))
                    more.append(statistics.median(both - one for one, both in turns))
                    if name == "metrics read":
                        scrapes.append(_seconds(f"http://127.0.0.1:{port}/metrics") * 1000)
        share = statistics.median(shares)
        good = share >= LIMITS[name][stack]
        ok &= good
        longer, larger = (statistics.median(of) for of in zip(*started, strict=True))
        print(
            f"  {name:<14}{share:.2f} (limit {LIMITS[name][stack]}; {min(shares):.2f} to "
            f"{max(shares):.2f}; {statistics.median(more) * 1e6:+.1f} µs); start {longer:+.2f} s, "
            f"memory {larger:+.0f} MiB{'' if good else '  TOO SLOW'}",
            flush=True,
        )
    scrape = statistics.median(scrapes)
    ok &= scrape <= SCRAPE
    print(f"{stack}: nothing: {own * 1e6:.0f} µs, start {start:.2f} s, memory {memory} MiB")
    print(f"{stack}: reading takes {scrape:.1f} ms (limit {SCRAPE:.0f})")
    print(f"{stack}: OpenTelemetry takes {_room(stack, project):.1f} MB of the image", flush=True)
    return ok


def _spent(plain: Running, other: Running, times: int) -> list[tuple[float, float]]:
    """Give, of each turn, the processor time of each for each request, in seconds."""
    both = [(service, _Load(service.port, PATH, times)) for service in (plain, other)]
    turns = []
    for number in range(WARM + TURNS):
        took = []
        # What goes second finds the caches as often as the first as the other left them.
        for service, load in both[:: 1 if number % 2 else -1]:
            before = service.spent()
            load.turn()
            took.append((service.spent() - before) / (times * CONNECTIONS))
        own, all_of_it = took[:: 1 if number % 2 else -1]
        turns.append((own, all_of_it))
    for _, load in both:
        load.close()
    return turns[WARM:]


class _Load:
    """Connections to one service, over which it is asked for one thing, all of them at once."""

    def __init__(self, port: int, path: str, times: int) -> None:
        self._times = times
        self._asked = f"GET {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".encode()
        at = ("127.0.0.1", port)
        self._connections = [socket.create_connection(at) for _ in range(CONNECTIONS)]
        # Every answer is as long as the first: ids and dates are.
        self._first = b""
        for connection in self._connections:
            # With a limit of Python's own it would not wait for all of an answer.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 5, 0))
            connection.sendall(self._asked)
            self._first = _answer(connection)
        self._length = len(self._first)

    def turn(self) -> None:
        for _ in range(self._times):
            for connection in self._connections:
                connection.sendall(self._asked)
            for connection in self._connections:
                answer = connection.recv(self._length, socket.MSG_WAITALL)
                if answer[:12] != self._first[:12]:
                    sys.exit(f"under load, an answer was {answer!r} after {self._first!r}")

    def close(self) -> None:
        for connection in self._connections:
            connection.close()


def _command(stack: str) -> list[str]:
    if stack == "python":
        return [".venv/bin/python", "-m", "app"]
    # What PyPI puts on PATH as node is a Python script, whose start would count.
    node = subprocess.check_output(["node", "--print", "process.execPath"], text=True)
    return [node.strip(), "dist/server.js"]


def _project(folder: Path, stack: str) -> Path:
    project = folder / f"{stack}-service"
    new = [sys.executable, "-m", "scaffold", "new", project.name, "--defaults"]
    _run(folder, *new, "--no-git", "-d", f"stack={stack}", "-d", "errors=sentry")
    file, text, mounts, imported, first = ADDED[stack]
    (project / file).write_text(text)
    known = (project / mounts).read_text()
    (project / mounts).write_text(imported + re.sub(first, r"\1nothing, ", known))
    _run(project, "ops/setup")
    _run(project, "ops/build")
    return project


def _run(folder: Path, *command: str) -> None:
    done = subprocess.run(
        command, cwd=folder, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")


@contextmanager
def _running(command: list[str], project: Path, **env: str) -> Iterator[Running]:
    """Start a service; give it as soon as it answers."""
    port = _free_port()
    variables = {"PATH": os.environ["PATH"], "HOST": "127.0.0.1", "PORT": str(port), **env}
    begin = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=project,
        env=variables | {"RATE_LIMIT_PER_MINUTE": "0"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            try:
                _seconds(f"{url}/healthz")
                break
            except urllib.error.URLError:
                if process.poll() is not None:
                    sys.exit(f"{command} ended with {process.returncode}")
                time.sleep(0.002)
        yield Running(port, process, time.perf_counter() - begin)
    finally:
        process.kill()
        process.wait()


def _answer(connection: socket.socket) -> bytes:
    """Read one answer, whose head may come before its body."""
    said = b""
    while not (found := re.search(rb"content-length: (\d+)\r\n(?s:.*?)\r\n\r\n", said)) or (
        len(said) < found.end() + int(found[1])
    ):
        said += connection.recv(65536)
    return said


def _seconds(url: str) -> float:
    begin = time.perf_counter()
    with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310  # loopback
        response.read()
    return time.perf_counter() - begin


def _room(stack: str, project: Path) -> float:
    """Give what the packages take that would not be there otherwise, in MB."""
    if stack == "node":
        folders = [project / "node_modules/@opentelemetry"]
    else:
        [packages] = (project / ".venv/lib").glob("*/site-packages")
        names = "google", "prometheus_client", "requests", "urllib3", "charset_normalizer"
        folders = [packages / "opentelemetry", *(packages / name for name in names)]
    files = [file for folder in folders for file in folder.rglob("*") if file.is_file()]
    kept = [file for file in files if not re.search(r"\.(map|[cm]?ts|pyc)$", file.name)]
    return sum(file.stat().st_size for file in kept) / 1e6


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class _Taking(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        if length := self.headers["content-length"]:
            self.rfile.read(int(length))
        else:
            while size := int(self.rfile.readline(), 16):
                self.rfile.read(size + 2)
            self.rfile.readline()
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _taking() -> Iterator[str]:
    """Take what services send, and forget it."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Taking) as server:
        server.daemon_threads = True
        # In a process of its own: here it would keep the load from going out.
        taking = multiprocessing.get_context("fork").Process(target=server.serve_forever)
        taking.start()
        yield f"http://127.0.0.1:{server.server_port}"
        taking.kill()
        taking.join()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
