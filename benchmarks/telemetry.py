"""What it takes a generated service to tell of itself: processor time, start, memory, room.

Services of one project are under load by turns, with nothing set, with metrics that are sent, with
spans of one request in ten beside them, with metrics that Prometheus reads, with a log that is sent
on, and with Sentry told of errors, of which there are none. What counts is the
processor time for each request, the least of so many processes, for what else the machine does only
adds to it. Needs `wrk`.

    python benchmarks/telemetry.py [PROCESSES]

Exits 1 when a share is below its limit, or reading takes longer.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
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
METRICS = {"node": 0.95, "python": 0.87}
TRACES = {"node": 0.85, "python": 0.75}
LOG = {"node": 0.7, "python": 0.7}
ERRORS = {"node": 0.95, "python": 0.95}
SCRAPE = 20.0
LOAD = ["--threads", "1", "--connections", "16", "--duration", "1s"]
PATHS = ("/nothing", "/notes/5f0c6f5e-8b1d-4d52-9a3e-2f6f0a1c7b01")

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

    url: str
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


def main(rounds: int) -> int:
    """Measure both stacks."""
    if not shutil.which("wrk"):
        sys.exit("this needs wrk: apt-get install wrk")
    ok = True
    with tempfile.TemporaryDirectory() as folder, _taking() as endpoint:
        for stack in ("node", "python"):
            ok &= _measure(stack, _project(Path(folder), stack), endpoint, rounds)
    return int(not ok)


def _measure(stack: str, project: Path, endpoint: str, rounds: int) -> bool:
    sent = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    port = _free_port()
    variants = {
        "nothing": {},
        "metrics sent": sent | {"TRACES_PERCENT": "0"},
        "traces too": sent,
        "metrics read": {"METRICS_PORT": str(port)},
        "log sent": {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": f"{endpoint}/v1/logs"},
        "errors sent": {"SENTRY_DSN": f"{endpoint.replace('//', '//key@')}/1"},
    }
    least = {path: dict.fromkeys(variants, float("inf")) for path in PATHS}
    started: dict[str, list[tuple[float, int]]] = {name: [] for name in variants}
    reading = []
    for _ in range(rounds):
        for name, env in variants.items():
            # Each time another process: what one has in its caches and where is luck.
            with _running(_command(stack), project, **env) as service:
                started[name].append((service.seconds, service.memory()))
                for path in PATHS:
                    _load(service, path)  # for compilers and caches
                    least[path][name] = min(least[path][name], _load(service, path))
                if name == "metrics read":
                    reading.append(_seconds(f"http://127.0.0.1:{port}/metrics") * 1000)

    ok = True
    for path, found in least.items():
        shares = {name: found["nothing"] / took for name, took in found.items()}
        route = path if path == PATHS[0] else "/notes/{id}"
        print(f"{stack}: GET {route}: {found['nothing'] * 1e6:.0f} µs of a processor")
        for name, limit in (
            ("metrics sent", METRICS),
            ("metrics read", METRICS),
            ("traces too", TRACES),
            ("log sent", LOG),
            ("errors sent", ERRORS),
        ):
            good = shares[name] >= limit[stack]
            more = (found[name] - found["nothing"]) * 1e6
            print(
                f"  {name:<14}{shares[name]:.2f} (limit {limit[stack]}; {more:+.1f} µs)"
                f"{'' if good else '  TOO SLOW'}"
            )
            ok &= good
    scrape = statistics.median(reading)
    ok &= scrape <= SCRAPE
    print(f"{stack}: reading takes {scrape:.1f} ms (limit {SCRAPE:.0f})")
    for name, each in started.items():
        seconds, memory = (min(of) for of in zip(*each, strict=True))
        print(f"{stack}: {name:<14}start {seconds:.2f} s, memory {memory} MiB")
    print(f"{stack}: OpenTelemetry takes {_room(stack, project):.1f} MB of the image")
    return ok


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
        yield Running(url, process, time.perf_counter() - begin)
    finally:
        process.kill()
        process.wait()


def _load(service: Running, path: str) -> float:
    """Give the processor time for each request, in seconds."""
    before = service.spent()
    said = subprocess.check_output(["wrk", *LOAD, service.url + path], text=True)
    spent = service.spent() - before
    found = re.search(r"(\d+) requests in", said)
    if not found or "Socket errors" in said:
        sys.exit(f"{path} failed under load:\n{said}")
    return spent / int(found[1])


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
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3))
