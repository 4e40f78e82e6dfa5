"""Where flags are served to services: the flag of the example, or something that fails."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


def flag(*, on: bool) -> dict[str, Any]:
    """Give a flag that is on or off for everybody."""
    variants = {"on": True, "off": False}
    default = "on" if on else "off"
    return {"state": "ENABLED", "variants": variants, "defaultVariant": default}


@dataclass
class Source(ThreadingHTTPServer):
    """Serves flags, or fails in some way: `how` answers in place of it."""

    daemon_threads = True
    block_on_close = False
    flags: dict[str, Any]
    how: Callable[[BaseHTTPRequestHandler], None] | None = None
    #: The statuses that it answered with.
    answered: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Listen."""
        super().__init__(("127.0.0.1", 0), Answering)
        self.url = f"http://127.0.0.1:{self.server_port}/flags.json?token=s3cret"

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that gave up."""


class Answering(BaseHTTPRequestHandler):
    """One answer of it."""

    protocol_version = "HTTP/1.1"
    server: Source

    def do_GET(self) -> None:
        """Answer with the flags, unless they are known."""
        if self.server.how:
            self.server.how(self)
            return
        body = json.dumps({"flags": self.server.flags}).encode()
        etag = f'"{hash(body)}"'
        status = 304 if self.headers["if-none-match"] == etag else 200
        self.server.answered.append(status)
        self.answer(status, b"" if status == 304 else body, etag)

    def answer(self, status: int, body: bytes, etag: str = '"x"') -> None:
        """Send an answer."""
        self.send_response(status)
        self.send_header("etag", etag)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(*, on: bool) -> Iterator[Source]:
    """Serve the flag of the example until the block ends."""
    with Source({"notes-preview": flag(on=on)}) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        try:
            yield server
        finally:
            server.shutdown()
