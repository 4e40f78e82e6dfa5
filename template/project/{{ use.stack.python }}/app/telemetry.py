"""Metrics and spans, where somebody is to have them."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from threading import Thread
from typing import TYPE_CHECKING

from starlette.types import Scope

from app.config import Config
from app.health import Health
from app.observers import FLUSH_SECONDS, MARGIN_SECONDS

if TYPE_CHECKING:
    from opentelemetry.metrics import Meter

    from app.metrics import Metrics
    from app.spans import Begun, Spans


class Telemetry:
    def __init__(self, config: Config, health: Health) -> None:
        #: What else there is to measure; each is called once somebody is to have it.
        self.gauges: list[Callable[[Meter], None]] = []
        self._metrics = _metrics(config)
        self._spans = _spans(config)
        self._health = health
        self._started = False
        #: Whether there is anybody to tell of requests.
        self.on = bool(self._metrics)

    def start(self) -> None:
        """Start to send, and open the port for metrics, unless that is done.

        Raises:
            OSError: When the port cannot be had.
        """
        if self._started:
            return
        self._started = True
        if self._metrics:
            self._metrics.start(self.gauges)
        if self._spans:
            self._spans.start()

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[None]:
        """Be there for the requests in between, and send what is left after the last."""
        self.start()
        if self._metrics:
            self._metrics.loop.watch()
        yield
        if self._metrics:
            self._metrics.loop.leave()
        sent = [_in_thread(part.stop) for part in (self._metrics, self._spans) if part]
        if sent:
            left = self._health.stop_by - time.monotonic() - MARGIN_SECONDS
            await asyncio.wait(sent, timeout=max(min(FLUSH_SECONDS, left), 0))

    def request_begins(self, method: str) -> "Begun | None":
        if self._metrics:
            self._metrics.request_begins(method)
        return self._spans.request_begins() if self._spans else None

    def request_ends(self, method: str) -> None:
        """End one that was answered or given up."""
        if self._metrics:
            self._metrics.request_ends(method)

    def request_completed(
        self, span: "Begun | None", scope: Scope, method: str, status: int, seconds: float
    ) -> None:
        if self._metrics:
            self._metrics.request_completed(scope, method, status, seconds)
        if self._spans and span:
            self._spans.request_completed(span, scope, method, status)


# OpenTelemetry is loaded only where it is used: it takes its time to start, and its memory.


def _metrics(config: Config) -> "Metrics | None":
    if not config.OTEL_EXPORTER_OTLP_ENDPOINT and not config.METRICS_PORT:
        return None
    from app.metrics import Metrics  # noqa: PLC0415

    return Metrics(config)


def _spans(config: Config) -> "Spans | None":
    if not config.OTEL_EXPORTER_OTLP_ENDPOINT or not config.TRACES_PERCENT:
        return None
    from app.spans import Spans  # noqa: PLC0415

    return Spans(config)


def _in_thread(work: Callable[[], None]) -> asyncio.Future[None]:
    """Do something that may not end: asyncio's own threads are waited for when the process does."""
    loop = asyncio.get_running_loop()
    done = loop.create_future()

    def run() -> None:
        with suppress(Exception):  # what fails has been told of
            work()
        with suppress(RuntimeError):  # nobody waits any more
            loop.call_soon_threadsafe(done.set_result, None)

    Thread(target=run, daemon=True).start()
    return done
