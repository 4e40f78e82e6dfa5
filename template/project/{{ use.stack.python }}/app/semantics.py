"""What is told of the service and its requests, in the names of OpenTelemetry's conventions."""

import logging
import time
from typing import Any, override
from uuid import uuid4

from opentelemetry.sdk.resources import Resource
from starlette.types import Scope

from app.config import Config
from app.errors import METHODS
from app.logs import SELDOM_SECONDS, log
from app.service import NAME, VERSION

type Attributes = dict[str, str | int]

SERVER_ERROR = 500

# Any other is counted as one: there is no end to what clients think of.
_METHODS = frozenset(["CONNECT", "HEAD", "OPTIONS", "TRACE", *METHODS])

_MAX_REASON = 300

# Of a process, not of an app: tests have several in one.
_INSTANCE = str(uuid4())


def resource(config: Config) -> Resource:
    return Resource.create(
        {
            "service.name": NAME,
            "service.version": VERSION,
            "service.instance.id": _INSTANCE,
            "deployment.environment.name": config.APP_ENV,
        }
    )


def method_of(method: str) -> str:
    return method if method in _METHODS else "_OTHER"


def route_of(scope: Scope) -> str | None:
    """Give the template of a path, such as /orders/{id}: of paths themselves there is no end."""
    return getattr(scope.get("route"), "path", None)


def attributes_of(route: str | None, method: str, status: int) -> Attributes:
    attributes: Attributes = {
        "http.request.method": method_of(method),
        "http.response.status_code": status,
        "url.scheme": "http",
    }
    if route:
        attributes["http.route"] = route
    if status >= SERVER_ERROR:
        attributes["error.type"] = str(status)
    return attributes


class TellFailures(logging.Handler):
    """Says once a minute at most that whoever is to have it does not take it."""

    _due = 0.0

    @classmethod
    def install(cls) -> None:
        library = logging.getLogger("opentelemetry")
        library.handlers = [cls(logging.WARNING)]
        library.propagate = False

    @override
    def emit(self, record: logging.LogRecord) -> None:
        now = time.monotonic()
        if now >= self._due:
            self._due = now + SELDOM_SECONDS
            reason: Any = record.getMessage()[:_MAX_REASON]
            log.warning("telemetry cannot be sent", reason=reason)
