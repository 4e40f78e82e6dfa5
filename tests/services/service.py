"""Generated services as processes of their own, spoken to over real sockets."""

from __future__ import annotations

import http.client
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from pathlib import Path
from typing import Any, Self, cast

import httpx
from conftest import TEMPLATE
from ports import free_port
from store import Store

from .extras import Extras

STACKS = [o.id for o in TEMPLATE.catalog.axis("stack") if "image" in o.row.get("traits", ())]
#: What is below holds for each of these; the full stack has the API of node beside its page.
APIS = ("node", "python")
UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
#: A note that services have where APP_ENV is local.
WELCOME = "5f0c6f5e-8b1d-4d52-9a3e-2f6f0a1c7b01"
#: A well-formed id that no note has.
NOBODY = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Project:
    """A generated project that is installed and built."""

    stack: str
    folder: Path

    @property
    def command(self) -> list[str]:
        """What starts the service."""
        if self.stack == "python":
            return [".venv/bin/python", "-m", "app"]
        # What PyPI puts on PATH as node is a Python script that passes no signal on.
        node = subprocess.check_output(["node", "--print", "process.execPath"], text=True)
        return [node.strip(), "dist/server.js"]


def extend(project: Project, folder: Path, extras: Extras, store: Store) -> Project:
    """Copy a project, add to it, and build it."""
    installed = "node_modules", ".venv"
    shutil.copytree(
        project.folder, folder, symlinks=True, ignore=shutil.ignore_patterns(".git", *installed)
    )
    for name in installed:
        if (project.folder / name).exists():
            (folder / name).symlink_to(project.folder / name)
    extras.add_to(folder)
    store.run("ops/build", cwd=folder)
    return Project(project.stack, folder)


@dataclass(frozen=True)
class Answer:
    """The first response to bytes that were sent as they are."""

    status: int
    headers: httpx.Headers
    body: bytes


class Service:
    """A running service."""

    def __init__(
        self, project: Project, process: subprocess.Popen[bytes], port: int, out: Path
    ) -> None:
        self.project, self.process, self.port, self.out = project, process, port, out
        self.url = f"http://127.0.0.1:{port}"

    @cached_property
    def client(self) -> httpx.Client:
        """A client that keeps its connections and follows no redirect."""
        return httpx.Client(base_url=self.url, trust_env=False, timeout=20)

    def connect(self, seconds: float = 10) -> Connection:
        """Open a connection whose reads give up after so many seconds."""
        return Connection(self.port, seconds)

    def send(self, data: bytes, seconds: float = 10) -> Answer | None:
        """Send bytes on a new connection; give the first response, None for a closed one.

        Raises:
            TimeoutError: When there is neither within so many seconds.
        """
        with self.connect(seconds) as connection:
            # It may be refused before all is sent, with a response all the same.
            with suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(data)
            return connection.receive(data.split(b" ", 1)[0].decode("latin-1"))

    def log(self) -> list[dict[str, Any]]:
        """Give what was logged up to now; every line has to be a JSON object."""
        lines = [json.loads(line) for line in self.out.read_text().splitlines()]
        assert all(isinstance(line, dict) for line in lines)
        return lines

    def logged(self, msg: str, times: int = 1) -> list[dict[str, Any]]:
        """Wait for so many lines with this message; give all of them."""
        end = time.monotonic() + 5
        while len(found := [line for line in self.log() if line["msg"] == msg]) < times:
            assert time.monotonic() < end, f"{msg!r} was not logged:\n{self.out.read_text()}"
            time.sleep(0.02)
        return found

    def errors(self) -> str:
        """Give what the process wrote to standard error."""
        return self.out.with_suffix(".err").read_text()

    def memory(self) -> int:
        """Give the resident memory of the process in MiB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) // 1024

    def stop(self, how: signal.Signals = signal.SIGTERM, seconds: float = 15) -> int:
        """Send a signal; give the exit code."""
        self.process.send_signal(how)
        return self.process.wait(seconds)


class Connection:
    """A connection for what no HTTP client would send."""

    def __init__(self, port: int, seconds: float) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=seconds)
        self.reader = _Reader(self.socket.makefile("rb", buffering=0))

    def __enter__(self) -> Self:
        """Give the connection."""
        return self

    def __exit__(self, *_: object) -> None:
        """Hang up."""
        self.close()

    def close(self) -> None:
        """Hang up."""
        self.socket.close()
        self.reader.raw.close()

    def sendall(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def receive(self, method: str = "GET") -> Answer | None:
        """Read the next response; None when the connection is closed without one."""
        response = http.client.HTTPResponse(cast("socket.socket", self), method=method)
        try:
            response.begin()
            body = response.read()
        except (ConnectionResetError, http.client.BadStatusLine, http.client.IncompleteRead):
            return None
        return Answer(response.status, httpx.Headers(response.getheaders()), body)

    def makefile(self, _mode: str) -> _Reader:
        """Give what a response is read from."""
        return self.reader

    def closed(self) -> bool:
        """Tell whether the other side closes the connection before the time is up."""
        try:
            while self.socket.recv(65536):
                pass
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False
        return True


class _Reader(io.BufferedReader):
    def close(self) -> None:
        """Stay open: a response is at its end, which is not that of the connection."""


def problem(response: httpx.Response | Answer) -> dict[str, Any]:
    """Give the members of a problem, which has to be one by RFC 9457."""
    status, body = (
        (response.status, response.body)
        if isinstance(response, Answer)
        else (response.status_code, response.content)
    )
    kind = response.headers.get("content-type", "").split(";")[0]
    assert kind == "application/problem+json", (status, response.headers, body)
    members: dict[str, Any] = json.loads(body)
    assert members["status"] == status
    assert members["title"] == HTTPStatus(status).phrase or status in {413, 422}
    assert "type" not in members
    return members


def operations(schema: dict[str, Any]) -> set[tuple[str, str]]:
    """Give the operations of a description, each as its method and path."""
    return {(method, path) for path, item in schema["paths"].items() for method in item}


@contextmanager
def start(project: Project, out: Path, **env: str) -> Iterator[Service]:
    """Run a service with these variables and no others until the block ends."""
    port = free_port()
    variables = {"PATH": os.environ["PATH"], "HOST": "127.0.0.1", "PORT": str(port), **env}
    with out.open("wb") as stdout, out.with_suffix(".err").open("wb") as stderr:
        process = subprocess.Popen(
            project.command,
            cwd=project.folder,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=stderr,
        )
    service = Service(project, process, port, out)
    try:
        _wait_until_it_listens(service)
        yield service
    finally:
        service.client.close()
        process.kill()
        process.wait()


def _wait_until_it_listens(service: Service) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        said = service.out.read_text() + service.errors()
        assert service.process.poll() is None, f"the service did not start:\n{said}"
        try:
            service.connect().close()
        except ConnectionRefusedError:
            time.sleep(0.02)
        else:
            return
    raise AssertionError("the service did not listen within 30 seconds")
