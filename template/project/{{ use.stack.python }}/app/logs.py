"""One JSON object a line on standard output. In the code: `log.info("user created", id=id)`."""

import asyncio
import logging
import sys
import time
import traceback
from collections.abc import Callable, MutableMapping
from contextvars import ContextVar
from functools import lru_cache
from json import dumps
from typing import Any

import structlog
from pydantic_core import to_json

from app.config import Config
from app.observers import observers
from app.redaction import redacted
from app.service import NAME, VERSION
from app.trace_context import trace_id

log: structlog.typing.FilteringBoundLogger = structlog.get_logger()

#: The id of the request that is being served; every line logged meanwhile carries it.
request_id: ContextVar[str | None] = ContextVar("request_id", default=None)

FLUSH_SECONDS = 0.02
SELDOM_SECONDS = 60

# fatal and trace have no method of their own: call log.critical() and log.debug().
_LEVELS = {
    "fatal": logging.CRITICAL,
    "error": logging.ERROR,
    "warn": logging.WARNING,
    "info": logging.INFO,
    "debug": logging.DEBUG,
    "trace": logging.NOTSET,
}
_NAMES = {"critical": "fatal", "exception": "error", "warning": "warn"}


def configure_logging(config: Config) -> None:
    level = _LEVELS[config.LOG_LEVEL]
    base = {"service": NAME, "version": VERSION, "env": config.APP_ENV}

    def render(_logger: Any, method: str, fields: MutableMapping[str, Any]) -> bytes:
        line = {
            "level": _NAMES.get(method, method),
            "time": timestamp(),
            **base,
            "msg": redacted(fields.pop("event", "")),
        }
        if (current := request_id.get()) is not None:
            line["reqId"] = current
        if (trace := trace_id()) is not None:
            line["trace_id"] = trace
        if exception := fields.pop("exc_info", None):
            line["err"] = redacted(_describe(exception))
        try:
            written = to_json(line | redacted(fields), inf_nan_mode="strings", bytes_mode="base64")
        except (ValueError, RecursionError):
            # Half a character, say: a line is never lost to a field.
            written = dumps(line | {"unprintable": list(fields)}).encode()
        observers.written(written)
        return written

    structlog.configure(
        processors=[render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.BytesLogger(sys.stdout.buffer),
    )
    # What libraries log, such as asyncio about a task that failed unseen.
    logging.basicConfig(handlers=[_Forward()], level=max(level, logging.WARNING), force=True)


def seldom(event: str, **fields: Any) -> Callable[[], None]:
    """Give what logs a warning once a minute at most: what clients cause must not fill the log."""
    due = 0.0

    def warn() -> None:
        nonlocal due
        now = time.monotonic()
        if now >= due:
            due = now + SELDOM_SECONDS
            log.warning(event, **fields)

    return warn


class RequestLog:
    """The line of each request. It is what logging costs, hence put together by hand.

    Lines are written a few at a time, or before whatever else is logged.
    """

    def __init__(self, config: Config) -> None:
        self._enabled = _LEVELS[config.LOG_LEVEL] <= logging.INFO
        base = {"service": NAME, "version": VERSION, "env": config.APP_ENV}
        self._base = to_json({**base, "msg": "request completed"})[1:-1].decode()
        self._file = sys.stdout.buffer
        self._flush_due = False

    def write(self, method: str, url: str, client: str, status: int, seconds: float) -> None:
        if not self._enabled:
            return
        trace = f'"trace_id":"{found}",' if (found := trace_id()) else ""
        # Only the URL may need an escape: the server knows all methods, and request ids and
        # addresses have been checked.
        line = (
            f'{{"level":"info","time":"{timestamp()}",{self._base},"reqId":"{request_id.get()}",'
            f'{trace}"req":{{"method":"{method}","url":{dumps(url)},"remoteAddress":"{client}"}},'
            f'"res":{{"statusCode":{status}}},"responseTime":{seconds * 1000:.3f}}}\n'.encode()
        )
        self._file.write(line)
        observers.written(line)
        if not self._flush_due:
            self._flush_due = True
            asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._flush)

    def _flush(self) -> None:
        self._flush_due = False
        self._file.flush()


def timestamp() -> str:
    now = time.time()
    return f"{_second(int(now))}.{int(now % 1 * 1000):03}Z"


@lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


class _Forward(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        level = record.levelno // 10 * 10  # structlog knows no levels in between
        log.log(level, record.getMessage(), logger=record.name, exc_info=error)
        if error and record.name == "asyncio":
            observers.failed(error)  # of a task that nobody waits for


def _describe(exception: Any) -> Any:
    if exception is True:
        exception = sys.exc_info()[1]
    if not isinstance(exception, BaseException):
        return exception
    return {
        "type": type(exception).__name__,
        "message": str(exception),
        "stack": "".join(traceback.format_exception(exception)),
    }
