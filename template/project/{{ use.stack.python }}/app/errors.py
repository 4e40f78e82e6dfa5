"""Every error is answered with a problem as of RFC 9457."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.routing import Match
from starlette.types import Receive, Scope, Send

from app.logs import log
from app.observers import observers

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


class Problem(JSONResponse):
    media_type = "application/problem+json"

    def __init__(
        self,
        status: int,
        detail: str | None = None,
        *,
        headers: dict[str, str] | None = None,
        **extensions: Any,
    ) -> None:
        members = {"title": HTTPStatus(status).phrase, "status": status}
        if detail is not None:
            members["detail"] = detail
        super().__init__(members | extensions, status, headers)


class TooMuch(HTTPException):
    """What an instance could do at another time: refused, and no fault of it."""

    def __init__(self, status: int, detail: str, *, close: bool) -> None:
        headers = {"retry-after": "1"} | ({"connection": "close"} if close else {})
        super().__init__(status, detail, headers)


_DOCUMENT = {
    "type": "object",
    "required": ["title", "status"],
    "properties": {
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    },
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problems of a route, for its `responses`: these, and any others."""
    content = {Problem.media_type: {"schema": _DOCUMENT}}
    named = {status: HTTPStatus(status).phrase for status in statuses}
    others = {"4XX": "Any other problem with the request", "5XX": "Any problem of the service"}
    return {
        status: {"description": description, "content": content}
        for status, description in (named | others).items()
    }


def install_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(StarletteHTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.router.default = _no_such_route
    app.router.redirect_slashes = False


async def _no_such_route(_scope: Scope, _receive: Receive, _send: Send) -> None:
    raise HTTPException(404, "No such route")


async def _http_error(request: Request, error: Any) -> Problem:
    headers = dict(error.headers or {})
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = ", ".join(_allowed(request))
        return Problem(405, f"Allowed: {allowed}", headers={"allow": allowed})
    unexpected = not isinstance(error, TooMuch)
    if unexpected and error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        # The detail may reveal internals: it goes to the log, not to the client.
        log.error("request failed", exc_info=error)
        observers.failed(error)
        return Problem(error.status_code, headers=headers)
    return Problem(error.status_code, error.detail, headers=headers)


def _allowed(request: Request) -> list[str]:
    """Every method of a path; Starlette knows those of the first route that fits."""
    allowed = [
        method
        for method in METHODS
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    ]
    return sorted([*allowed, "HEAD"] if "GET" in allowed else allowed)


async def _invalid_request(request: Request, error: Any) -> Problem:
    errors = error.errors()
    if _lacks_json(request, errors):
        return Problem(400, "The body is not valid JSON")
    return Problem(
        422,
        "The request is invalid",
        # Neither the input nor its context: what was sent is not repeated.
        errors=[
            {"location": ".".join(map(str, problem["loc"])), "detail": problem["msg"]}
            for problem in errors
        ],
    )


def _lacks_json(request: Request, errors: list[Any]) -> bool:
    """Tell an empty body that claims to be JSON from one that is not there."""
    return "content-type" in request.headers and any(
        problem["loc"] == ("body",) and problem["type"] == "missing" for problem in errors
    )
