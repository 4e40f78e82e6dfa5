"""What happens around every request, in one ASGI middleware: each layer costs throughput."""

import asyncio
import ipaddress
import re
import time
from functools import lru_cache
from http import HTTPStatus
from random import getrandbits
from urllib.parse import unquote_to_bytes

from fastapi import HTTPException
from pydantic_core import from_json
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.budget import Budget, blocks
from app.config import Config
from app.connections import Connections
from app.deadlines import Deadlines
from app.errors import METHODS, Problem, TooMuch
from app.health import Health
from app.logs import RequestLog, log, request_id, seldom
from app.observers import observers
from app.rate_limit import MAX_CLIENTS, RateLimiter
from app.telemetry import Telemetry
from app.trace_context import traceparent, valid

# Probes arrive every few seconds: their request lines would drown the rest, and they must not run
# out of requests.
_PROBES = frozenset({"/healthz", "/metrics", "/readyz", "/version"})

# Bounded and plain, so that a client cannot forge or flood log lines.
_ACCEPTED_REQUEST_ID = re.compile(rb"[A-Za-z0-9_.:-]{1,128}")
_MALFORMED_ESCAPE = re.compile(rb"%(?![0-9A-Fa-f]{2})")
# What a page elsewhere may read.
_EXPOSED = b"location, retry-after, x-request-id"
# What a page may set for itself.
_CSP = frozenset({b"content-security-policy"})
# The rest of a body that is too late or too large is not waited for.
_CLOSING = frozenset({408, 413})


def security_headers(config: Config) -> list[tuple[bytes, bytes]]:
    headers = [
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-resource-policy", b"same-origin"),
        (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    ]
    if config.APP_ENV != "local":
        hsts = b"max-age=31536000; includeSubDomains"
        headers.append((b"strict-transport-security", hsts))
    return headers


class Middleware:
    def __init__(
        self,
        app: ASGIApp,
        config: Config,
        health: Health,
        connections: Connections,
        telemetry: Telemetry,
    ) -> None:
        self._app = app
        self._telemetry = telemetry
        self._connections = connections
        self._health = health
        self._headers = security_headers(config)
        self._origins = {origin.encode() for origin in config.CORS_ORIGINS}
        self._client_ip_header = config.CLIENT_IP_HEADER.lower().encode()
        self._max_body = config.MAX_BODY_BYTES
        self._budget = Budget(config.MAX_BUFFERED_BYTES, config.MAX_BODY_BYTES)
        self._deadlines = Deadlines(config.REQUEST_TIMEOUT_SECONDS)
        limit = config.RATE_LIMIT_PER_MINUTE
        self._limiter = RateLimiter(limit) if limit else None
        self._request_log = RequestLog(config)
        self._warn_of_busy = seldom("too many connections are busy, refusing requests")

    # In one piece: every call within it would be one more for each request.
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: C901, PLR0912, PLR0915
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        started = time.perf_counter()
        headers = dict(scope["headers"])
        client = scope["client_address"] = self._client(scope, headers)
        identifier = headers.get(b"x-request-id", b"")
        if not _ACCEPTED_REQUEST_ID.fullmatch(identifier):
            identifier = _uuid4().encode()
        request_id.set(identifier.decode())
        traceparent.set(valid(headers.get(b"traceparent")))
        extra = self._extra_headers(scope, headers, identifier)
        method = scope["method"]
        probe = scope["path"] in _PROBES
        telemetry = self._telemetry if self._telemetry.on and not probe else None
        span = telemetry.request_begins(method) if telemetry else None
        status = 0
        body: _Body | None = None

        async def respond(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                self._deadlines.stop(task)  # what has begun may take its time
                status = message["status"]
                own = message["headers"]
                if _CSP.isdisjoint(name for name, _ in own):
                    message["headers"] = own + extra
                else:
                    message["headers"] = own + [item for item in extra if item[0] not in _CSP]
                if self._health.stopping or status in _CLOSING:
                    message["headers"].append((b"connection", b"close"))
            elif method == "HEAD":
                message["body"] = b""
            await send(message)
            if body and message["type"] == "http.response.body" and not message.get("more_body"):
                body.release()  # tasks in the background go on without it

        app = self._shortcut(scope, headers, client, started) or self._app
        if b"content-length" in headers or b"transfer-encoding" in headers:
            body = _Body(receive, headers, self._max_body, self._budget, _network(client))
            receive = body.receive
        if method == "HEAD":
            # FastAPI routes GET alone. A copy, for the server has to know it was HEAD.
            scope = {**scope, "method": "GET"}
        task = self._deadlines.start(started)
        try:
            await app(scope, receive, respond)
        except (Exception, asyncio.CancelledError) as error:
            problem = Problem(500)
            if isinstance(error, asyncio.CancelledError):
                if not self._deadlines.cancelled(task):
                    raise
                problem = _too_late(body)
            if problem.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                log.error("request failed", exc_info=error)
                observers.failed(error)
            # Of a response that has begun, the server cuts off the rest.
            if not status:
                await problem(scope, receive, respond)
        finally:
            self._deadlines.stop(task)
            if body:
                body.release()
            if telemetry:
                telemetry.request_ends(method)

        if not probe:
            seconds = time.perf_counter() - started
            if telemetry:
                telemetry.request_completed(span, scope, method, status, seconds)
            # The path without the query string, which may carry tokens or personal data.
            url = scope["raw_path"].decode()
            self._request_log.write(method, url, client, status, seconds)

    def _client(self, scope: Scope, headers: dict[bytes, bytes]) -> str:
        """Give the client's address: what the platform's proxy says, if it is set up to."""
        if self._client_ip_header:
            entries = headers.get(self._client_ip_header, b"")
            # The last is the proxy's; those before are the client's own claims.
            if address := _ip_address(entries.rpartition(b",")[2].strip()):
                return address
        return scope["client"][0] if scope["client"] else ""

    def _extra_headers(
        self, scope: Scope, headers: dict[bytes, bytes], identifier: bytes
    ) -> list[tuple[bytes, bytes]]:
        extra = [(b"x-request-id", identifier), *self._headers]
        if scope["path"] in _PROBES:
            extra.append((b"cache-control", b"no-store"))
        if self._origins:
            extra.append((b"vary", b"origin"))
            if (origin := headers.get(b"origin")) in self._origins:
                extra.append((b"access-control-allow-origin", origin))
                extra.append((b"access-control-expose-headers", _EXPOSED))
        return extra

    def _shortcut(
        self, scope: Scope, headers: dict[bytes, bytes], client: str, now: float
    ) -> Response | None:
        """Answer what does not get as far as a route."""
        if (
            scope["method"] == "OPTIONS"
            and headers.get(b"origin") in self._origins
            and b"access-control-request-method" in headers
        ):
            return _preflight(headers)
        if self._connections.overloaded and scope["path"] not in _PROBES:
            self._warn_of_busy()
            busy = {"connection": "close", "retry-after": "1"}
            return Problem(503, "Too many connections", headers=busy)
        if (
            self._limiter
            and scope["path"] not in _PROBES
            and (seconds := self._limiter.retry_after(_network(client), now))
        ):
            return Problem(429, "Too many requests", headers={"retry-after": str(seconds)})
        version = scope["http_version"]
        if version != "1.0" and (version != "1.1" or b"host" not in headers):
            return Problem(400, "The request is malformed")
        if b"%" in scope["raw_path"] and not _well_formed(scope["raw_path"]):
            return Problem(400, "The URL is malformed")
        return None


class _Body:
    """Reads the body of a request, and holds it to its limits as it arrives."""

    def __init__(
        self,
        receive: Receive,
        headers: dict[bytes, bytes],
        limit: int,
        budget: Budget,
        client: str,
    ) -> None:
        self._receive = receive
        self._headers = headers
        self._limit = limit
        self._budget = budget
        self._client = client
        self._blocks = 0
        self._complete = False
        self.awaited = False

    async def receive(self) -> Message:
        """Give the body as a whole: the application would keep its parts beside these."""
        if self._complete:
            return await self._receive()
        # Chunked, a body does not say how large it is.
        self._hold(int(self._headers.get(b"content-length", 1)))
        content = bytearray()
        while not self._complete:
            self.awaited = True
            message = await self._receive()
            self.awaited = False
            if message["type"] == "http.disconnect":
                return message
            content += message.get("body", b"")
            self._hold(len(content))
            self._complete = not message.get("more_body", False)
            if content:
                self._check_media_type()
        body = bytes(content)
        if body:
            _check_json(body)
        return {"type": "http.request", "body": body, "more_body": False}

    def release(self) -> None:
        if self._blocks:
            self._budget.give_back(self._client, self._blocks)
            self._blocks = 0

    def _hold(self, size: int) -> None:
        if size > self._limit:
            raise HTTPException(413, f"The body is larger than {self._limit} bytes")
        more = blocks(size) - self._blocks
        if more <= 0:
            return
        if status := self._budget.take(self._client, more):
            # What has begun to arrive would go on to.
            raise TooMuch(status, "Too many bodies at once", close=self._blocks > 0)
        self._blocks += more

    def _check_media_type(self) -> None:
        media_type = self._headers.get(b"content-type", b"").partition(b";")[0]
        if media_type.strip().lower() != b"application/json":
            raise HTTPException(415, "The body has to be application/json")


def _check_json(body: bytes) -> None:
    try:
        # FastAPI's parser would let pass what is no JSON: NaN, say, or UTF-16.
        from_json(body, allow_inf_nan=False)
    except ValueError:
        raise HTTPException(400, "The body is not valid JSON") from None


def _uuid4() -> str:
    """Give a UUID that is unique, not secret: the uuid module asks the system for each."""
    digits = f"{getrandbits(128):032x}"
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def _too_late(body: _Body | None) -> Problem:
    if body and body.awaited:
        return Problem(408, "The body took too long to arrive")
    return Problem(503, "The request took too long")


def _preflight(headers: dict[bytes, bytes]) -> Response:
    allowed = {
        "access-control-allow-methods": ", ".join(["HEAD", *METHODS]),
        "access-control-max-age": "600",
        "vary": "access-control-request-headers",
    }
    if wanted := headers.get(b"access-control-request-headers"):
        allowed["access-control-allow-headers"] = wanted.decode("latin-1")
    return Response(status_code=204, headers=allowed)


def _well_formed(raw_path: bytes) -> bool:
    if _MALFORMED_ESCAPE.search(raw_path):
        return False
    try:
        unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError:
        return False
    return True


@lru_cache(maxsize=MAX_CLIENTS)
def _ip_address(text: bytes) -> str | None:
    try:
        address = ipaddress.ip_address(text.decode("latin-1"))
    except ValueError:
        return None
    # A zone may be any text, and says nothing about a client elsewhere.
    return None if isinstance(address, ipaddress.IPv6Address) and address.scope_id else str(address)


@lru_cache(maxsize=MAX_CLIENTS)
def _network(client: str) -> str:
    """Give what counts as one client: of IPv6, a whole /64 is at anybody's disposal."""
    try:
        address = ipaddress.ip_address(client)
    except ValueError:
        return client
    if isinstance(address, ipaddress.IPv4Address):
        return client
    # Of IPv4, as a socket of both kinds has it.
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.IPv6Address(int(address) >> 64 << 64))
