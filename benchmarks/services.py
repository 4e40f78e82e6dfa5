"""Compares generated services with bare applications on the same server, in one run.

A bare application answers the same two requests with the same bodies and does nothing else: it
logs, checks and limits nothing. It is written into the project, so both use one installation.
Absolute rates mean nothing on a shared machine, so what is printed are ratios of medians over
alternating rounds, over the loopback interface, with the bytecode compiled. Needs `wrk`.

    python benchmarks/services.py [ROUNDS]
"""

from __future__ import annotations

import compileall
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

#: A service may answer this part of the requests, and take so much longer to start.
RATE, START = 0.85, 1.3
#: How wrk puts a service under load: few connections, for the processors are few.
LOAD = ["--threads", "1", "--connections", "32", "--duration", "2s"]
NOTE = "/notes/5f0c6f5e-8b1d-4d52-9a3e-2f6f0a1c7b01"

NODE = """\
import Fastify from "fastify";

const app = Fastify({ keepAliveTimeout: 75_000 });
const notes = new Map([
  [
    "5f0c6f5e-8b1d-4d52-9a3e-2f6f0a1c7b01",
    {
      id: "5f0c6f5e-8b1d-4d52-9a3e-2f6f0a1c7b01",
      title: "Welcome",
      body: "This note is mock data.",
      createdAt: "2026-01-01T09:00:00.000Z",
    },
  ],
]);
const text = { type: "string" };
const note = { type: "object", properties: { id: text, title: text, body: text, createdAt: text } };

app.get("/healthz", async () => ({ status: "ok", version: "0.1.0", commit: "unknown" }));
app.get("/notes/:id", { schema: { response: { 200: note } } }, async (request) =>
  notes.get(request.params.id),
);
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
"""

PYTHON = """\
import os

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel


class Note(BaseModel):
    id: str
    title: str
    body: str
    createdAt: str


app = FastAPI()
notes = {
    "5f0c6f5e-8b1d-4d52-9a3e-2f6f0a1c7b01": Note(
        id="5f0c6f5e-8b1d-4d52-9a3e-2f6f0a1c7b01",
        title="Welcome",
        body="This note is mock data.",
        createdAt="2026-01-01T09:00:00.000Z",
    )
}


@app.get("/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok", "version": "0.1.0", "commit": "unknown"}


@app.get("/notes/{id}")
async def note(id: str) -> Note:
    return notes[id]


uvicorn.run(
    app,
    host="127.0.0.1",
    port=int(os.environ["PORT"]),
    access_log=False,
    http="httptools",
    log_config=None,
    loop="uvloop",
    server_header=False,
    timeout_keep_alive=75,
    ws="none",
)
"""


def main(rounds: int) -> int:
    """Print the ratios; exit 1 when one is beyond its limit."""
    if not shutil.which("wrk"):
        sys.exit("this needs wrk: apt-get install wrk")
    ok = True
    with tempfile.TemporaryDirectory() as scratch:
        for stack, file, text in (("node", "bare.mjs", NODE), ("python", "bare.py", PYTHON)):
            project = _project(Path(scratch), stack)
            (project / file).write_text(text)
            ours: list[str | Path]
            bare: list[str | Path]
            if stack == "python":
                compileall.compile_dir(project, quiet=2)
                python = project / ".venv/bin/python"
                ours, bare = [python, "-m", "app"], [python, file]
            else:
                # What PyPI puts on PATH as node is a Python script, whose start would count.
                node = subprocess.check_output(["node", "--print", "process.execPath"], text=True)
                ours, bare = [node.strip(), "dist/server.js"], [node.strip(), file]
            ok &= _compare(stack, project, [ours, bare], rounds)
    return 0 if ok else 1


def _project(folder: Path, stack: str) -> Path:
    project = folder / f"{stack}-service"
    for command, where in (
        ([sys.executable, "-m", "scaffold", "new", project.name, "-d", f"stack={stack}"], folder),
        (["ops/setup"], project),
        (["ops/build"], project),
    ):
        done = subprocess.run(
            command,
            cwd=where,
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return project


def _compare(stack: str, project: Path, commands: list[list[str | Path]], rounds: int) -> bool:
    starts: list[list[float]] = [[], []]
    for number in range(rounds + 1):
        for index, command in enumerate(commands):
            begin = time.perf_counter()
            with _running(command, project):
                if number:  # the first round warms the caches
                    starts[index].append(time.perf_counter() - begin)

    rates: dict[str, list[list[float]]] = {"/healthz": [[], []], NOTE: [[], []]}
    with _running(commands[0], project) as ours, _running(commands[1], project) as bare:
        for path, found in rates.items():
            if _get(ours + path) != _get(bare + path):
                sys.exit(f"{stack}: the two answer {path} differently")
            for number in range(rounds + 1):
                for index, url in enumerate((ours, bare)):
                    rate = _rate(url + path)
                    if number:
                        found[index].append(rate)

    ok = _verdict(f"{stack}: start to the first 200", "s", starts, START, at_most=True)
    for path, found in rates.items():
        ok &= _verdict(
            f"{stack}: GET {'/notes/{id}' if path == NOTE else path}",
            "requests/s",
            found,
            RATE,
            at_most=False,
        )
    return ok


@contextmanager
def _running(command: list[str | Path], project: Path) -> Iterator[str]:
    """Start a service; give its address as soon as it answers."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        command,
        cwd=project,
        env={
            "PATH": os.environ["PATH"],
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "RATE_LIMIT_PER_MINUTE": "1000000",
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        while True:
            try:
                _get(f"{url}/healthz")
                break
            except urllib.error.URLError:
                if process.poll() is not None:
                    sys.exit(f"{command} ended with {process.returncode}")
                time.sleep(0.002)
        yield url
    finally:
        process.kill()
        process.wait()


def _get(url: str) -> object:
    with urllib.request.urlopen(url, timeout=5) as response:  # noqa: S310  # loopback
        return json.load(response)


def _rate(url: str) -> float:
    """Give how many requests a second are answered, each with success."""
    said = subprocess.check_output(["wrk", *LOAD, url], text=True)
    found = re.search(r"Requests/sec: +([\d.]+)", said)
    if not found or "Non-2xx" in said or "Socket errors" in said:
        sys.exit(f"{url} failed under load:\n{said}")
    return float(found[1])


def _verdict(
    what: str, unit: str, found: list[list[float]], limit: float, *, at_most: bool
) -> bool:
    ours, bare = map(statistics.median, found)
    ok = ours / bare <= limit if at_most else ours / bare >= limit
    digits = 2 if unit == "s" else 0
    print(
        f"{what:<34}{ours / bare:.2f} (limit {limit}; medians of {len(found[0])}: "
        f"{ours:.{digits}f}, {bare:.{digits}f} {unit}){'' if ok else '  TOO SLOW'}"
    )
    return ok


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 7))
