"""Uvicorn, with limits that it does not have, and a shutdown that loses no request."""

import asyncio
import gc
import math
import os
import signal
import socket
import sys
import time
from asyncio import TimerHandle, Transport
from collections.abc import Generator
from contextlib import contextmanager
from itertools import chain
from typing import ClassVar, NoReturn, override
from uuid import uuid4

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from app.config import Config
from app.connections import Connections
from app.errors import Problem
from app.health import Health
from app.logs import log
from app.middleware import security_headers
from app.mounts import AWAITED
from app.observers import observers

# Closing a keep-alive connection at once would cut off a request already on
# its way: for this long, clients are told to close theirs themselves.
DRAIN_SECONDS = 0.5

# Longer than proxies keep theirs, up to 90 s: they must not reuse what is being closed.
KEEP_ALIVE_SECONDS = 95

HEAD_SECONDS = 10
MAX_HEAD_BYTES = 16 * 1024


class Connection(HttpToolsProtocol):
    """A connection that has to get on with its requests, and to keep them within limits."""

    settings: ClassVar[Config]
    peers: ClassVar[Connections]

    _deadline: TimerHandle | None = None
    _head_size = 0  # bytes of a head that is not complete
    _in_body = False
    _reason: tuple[int, str] = (400, "The request is malformed")

    @override
    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()
        self.peers.opened(transport)

    @override
    def connection_lost(self, exc: Exception | None) -> None:
        self._expect_nothing()
        self.peers.closed(self.transport)
        super().connection_lost(exc)

    @override
    def data_received(self, data: bytes) -> None:
        if not self._in_body:
            self._head_size += len(data)
        super().data_received(data)
        # Mostly a request comes as a whole. If not, the rest has to come in time, and the parser
        # itself would collect a head of any size.
        if not self._in_body and self._head_size:
            if self._head_size > MAX_HEAD_BYTES:
                self._refuse(431)
            elif not self._deadline and not self._answering:
                self._expect_head()

    @override
    def on_headers_complete(self) -> None:
        self._expect_nothing()
        self._head_size = 0
        # Some of it may have come along with the request before.
        if sum(map(len, chain(*self.headers, [self.url]))) > MAX_HEAD_BYTES:
            self._reason = (431, "The header fields are too large")
            raise ValueError(self._reason[1])
        self._in_body = True
        super().on_headers_complete()
        self.peers.request_begins(self.transport)

    @override
    def on_message_complete(self) -> None:
        self._expect_nothing()
        self._in_body = False
        super().on_message_complete()

    @override
    def on_response_complete(self) -> None:
        super().on_response_complete()
        if not self._answering:
            self.peers.requests_end(self.transport)
        if self._in_body and not self.transport.is_closing():
            # Nobody waits for the rest any more, but the next request comes after it.
            self._expect(self.settings.REQUEST_TIMEOUT_SECONDS)

    @override
    def shutdown(self) -> None:
        # A request of which a part is here is served. The deadline of its head sees to it.
        if self._answering or not self._head_size:
            super().shutdown()

    @override
    def send_400_response(self, msg: str) -> None:
        self._refuse(*self._reason)

    @override
    def _unsupported_upgrade_warning(self) -> None:
        """Serve the request as if it had not asked: clients must not fill the log."""

    @property
    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _expect_head(self) -> None:
        self._expect(min(HEAD_SECONDS, self.settings.REQUEST_TIMEOUT_SECONDS))

    def _expect(self, seconds: float) -> None:
        self._deadline = self.loop.call_later(seconds, self._refuse, 408)

    def _expect_nothing(self) -> None:
        if self._deadline:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: int, detail: str | None = None) -> None:
        """Answer what does not reach the application, and close."""
        if self.transport.is_closing():
            return
        if self._answering or self._in_body:
            # A second response would be taken for a part of the first.
            self.transport.abort()
            return
        problem = Problem(status, detail)
        headers = [
            *self.server_state.default_headers,
            *problem.raw_headers,
            *security_headers(self.settings),
            (b"x-request-id", str(uuid4()).encode()),
            (b"connection", b"close"),
        ]
        lines = [b"%b: %b\r\n" % header for header in headers]
        self.transport.write(b"".join([STATUS_LINE[status], *lines, b"\r\n", problem.body]))
        self.transport.close()


class Server(uvicorn.Server):
    def __init__(self, app: FastAPI, config: Config) -> None:
        Connection.settings = config
        Connection.peers = app.state.connections
        super().__init__(
            uvicorn.Config(
                app,
                access_log=False,
                http=Connection,
                log_config=None,
                loop="uvloop",
                # Whom to believe about the client is CLIENT_IP_HEADER's business.
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=KEEP_ALIVE_SECONDS,
                ws="none",
            )
        )
        self._health: Health = app.state.health
        self._config = config

    @override
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in sockets or []:
            host, port, *_ = listener.getsockname()
            log.info("listening", host=host, port=port)
        self._say_what_is_awaited()

    def _say_what_is_awaited(self) -> None:
        """Otherwise nobody would know, in `live`, that there is nothing to look at."""
        if self._config.APP_ENV == "live":
            for name, what in AWAITED.items():
                if not getattr(self._config, name):
                    log.warning(f"{name} is not set: nothing sends {what}")

    @override
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        # Uvicorn would raise the signal again in the end, and with it change the exit code.
        loop = asyncio.get_running_loop()
        for caught in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(caught, self._stop, caught)
        yield

    def _stop(self, caught: signal.Signals) -> None:
        # Ctrl-C under a task runner arrives twice: from the terminal and from the runner.
        if self._health.stopping:
            return
        self._health.stopping = True  # turns /readyz to 503
        self._health.stop_by = time.monotonic() + self._config.SHUTDOWN_GRACE_SECONDS
        log.info("shutting down", signal=caught.name)
        loop = asyncio.get_running_loop()
        loop.call_later(self._config.SHUTDOWN_GRACE_SECONDS, self._force_exit)
        loop.call_later(DRAIN_SECONDS if self.server_state.connections else 0, self._leave)

    def _leave(self) -> None:
        # Uvicorn then stops listening, closes idle connections and waits for requests in flight.
        self.should_exit = True

    def _force_exit(self) -> None:
        log.error("grace period ran out, forcing exit")
        sys.stdout.flush()
        # Not sys.exit(), which would wait for threads.
        os._exit(1)


def serve(app: FastAPI, config: Config) -> None:
    """Listen until SIGTERM or SIGINT, then shut down gracefully."""
    try:
        listener = _listen(config)
        app.state.telemetry.start()
    except OSError as error:
        _die(error, "could not start")
    # What is loaded by now stays: the garbage collector need not look at it again.
    gc.freeze()
    try:
        Server(app, config).run([listener])
    except Exception as error:  # noqa: BLE001
        _die(error, "uncaught exception")
    log.info("shut down")
    observers.flush(app.state.health.stop_by)


def _die(error: Exception, message: str) -> NoReturn:
    log.critical(message, exc_info=error)
    observers.failed(error)
    observers.flush(math.inf)
    sys.exit(1)


def _listen(config: Config) -> socket.socket:
    found = socket.getaddrinfo(config.HOST, config.PORT, type=socket.SOCK_STREAM)
    family, *_, address = found[0]
    ipv6 = family == socket.AF_INET6
    return socket.create_server(address[:2], family=family, backlog=2048, dualstack_ipv6=ipv6)
