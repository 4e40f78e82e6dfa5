"""A server in a process of its own."""

import json
import re
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import suppress
from typing import Any, Self

from tests.fixtures.environment import REQUIRED

SERVICE = "app"
SLOW_SERVICE = "tests.fixtures.slow_server"
TIMEOUT = 15.0  # some start slowly on a busy machine


class Server:
    def __init__(self, module: str = SERVICE, *, wait: bool = True, **env: str) -> None:
        self.port = int(env.setdefault("PORT", str(_free_port())))
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        # Only the given variables: the tests must not depend on the caller's.
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-m", module],
            env=REQUIRED | {"HOST": "127.0.0.1"} | env,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            text=True,
        )
        self.stdout = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        if wait:
            self.wait_for("listening")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self.exit()
        self._stderr.close()

    def _read(self) -> None:
        assert self._process.stdout
        with self._process.stdout as lines:
            for line in lines:
                self.stdout += line

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + TIMEOUT
        while text not in self.stdout:
            assert time.monotonic() < deadline, f"{text!r} was not logged:\n{self.stdout}"
            time.sleep(0.02)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stdout.splitlines()]

    def send(self, signal: int) -> None:
        self._process.send_signal(signal)

    def exit(self) -> tuple[int, str]:
        """Give the exit code and what is on stderr, once it is over."""
        code = self._process.wait(TIMEOUT)
        self._reader.join(TIMEOUT)
        self._stderr.seek(0)
        return code, self._stderr.read().decode()

    def connect(self, request: bytes = b"") -> socket.socket:
        client = socket.create_connection(("127.0.0.1", self.port), TIMEOUT)
        client.sendall(request)
        return client


def receive(client: socket.socket) -> bytes:
    """Read one response."""
    received = client.recv(65536)
    while not re.search(rb"\r\n\r\n.", received, re.DOTALL):
        received += client.recv(65536)
    return received


def read(client: socket.socket) -> bytes:
    """Read until the server closes."""
    received = b""
    try:
        while chunk := client.recv(65536):
            received += chunk
    except ConnectionResetError:
        pass
    client.close()
    return received


def _free_port() -> int:
    """Give one below those that the system hands out, so that nobody gets it meanwhile."""
    while True:
        port = 10_000 + secrets.randbelow(22_768)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
