import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import BackgroundTasks, FastAPI, HTTPException
from fastapi.testclient import TestClient
from httpx2 import ASGITransport, AsyncClient, Response
from pydantic import TypeAdapter

from app import main
from app.config import read_config
from tests.conftest import Logged, SetEnvironment, StartApp

JSON = {"content-type": "application/json"}


def problem(response: Response) -> tuple[int, str | None]:
    assert response.headers["content-type"] == "application/problem+json"
    body = response.json()
    assert body["status"] == response.status_code
    assert body["title"]
    return response.status_code, body.get("detail")


def test_an_unknown_route_is_a_problem(start: StartApp) -> None:
    client = start()
    for path in ("/nowhere", "/_test/", "/docs/oauth2-redirect"):
        assert problem(client.get(path)) == (404, "No such route")


@pytest.mark.parametrize("path", ["/%zz?token=hunter2", "/%ff", "/_test/%"])
def test_a_malformed_url_is_a_problem_that_does_not_repeat_it(start: StartApp, path: str) -> None:
    response = start().get(path)
    assert problem(response) == (400, "The URL is malformed")


def test_another_method_is_not_allowed_and_the_allowed_are_named(start: StartApp) -> None:
    response = start().patch("/_test")
    assert problem(response) == (405, "Allowed: GET, HEAD, POST")
    assert response.headers["allow"] == "GET, HEAD, POST"


def test_head_is_get_without_a_body(start: StartApp) -> None:
    client = start()
    head, get = client.head("/_test"), client.get("/_test")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


@pytest.mark.parametrize("body", [b"{", b"", b'"\xff"', b"NaN", b"[" * 100_000])
def test_a_body_that_is_not_json_is_a_problem(start: StartApp, body: bytes) -> None:
    response = start().post("/_test", content=body, headers=JSON)
    assert problem(response)[0] == 400


@pytest.mark.parametrize("media_type", ["", "text/csv", "application/merge-patch+json"])
def test_a_body_of_another_media_type_is_a_problem(start: StartApp, media_type: str) -> None:
    headers = {"content-type": media_type} if media_type else {}
    response = start().post("/_test", content=b"{}", headers=headers)
    assert problem(response)[0] == 415


def test_a_request_that_does_not_fit_is_a_problem_that_says_where(start: StartApp) -> None:
    client = start()
    for response, location in (
        (client.post("/_test", json={"name": 42}), "body.name"),
        (client.get("/_test?limit=0"), "query.limit"),
    ):
        assert problem(response) == (422, "The request is invalid")
        assert [error["location"] for error in response.json()["errors"]] == [location]


def test_a_body_beyond_the_limit_is_a_problem_chunked_too(start: StartApp) -> None:
    def chunks() -> Iterator[bytes]:
        yield b" " * 60
        yield b" " * 60

    client = start(MAX_BODY_BYTES="100")
    for content in (b" " * 101, chunks()):
        response = client.post("/_test", content=content, headers=JSON)
        assert problem(response)[0] == 413
        assert response.headers["connection"] == "close"


def test_a_body_that_is_answered_takes_no_memory_while_a_task_goes_on(start: StartApp) -> None:
    statuses: list[int] = []

    def extend(app: FastAPI) -> None:
        async def post() -> None:
            async with AsyncClient(transport=ASGITransport(app), base_url="http://a") as client:
                statuses.append((await client.post("/_test", json={"name": "a"})).status_code)

        @app.post("/_task")
        async def start_task(_body: dict[str, str], tasks: BackgroundTasks) -> None:
            tasks.add_task(post)

    client = start(extend, MAX_BODY_BYTES="100", MAX_BUFFERED_BYTES="1")
    assert client.post("/_task", json={}).status_code == 200
    assert statuses == [201]


def test_a_problem_that_a_handler_raises_keeps_its_detail_below_500(start: StartApp) -> None:
    def extend(app: FastAPI) -> None:
        @app.get("/broken/{status}")
        async def broken(status: int) -> None:
            raise HTTPException(status, "on purpose")

    client = start(extend)
    assert problem(client.get("/broken/409")) == (409, "on purpose")
    assert problem(client.get("/broken/503")) == (503, None)


@pytest.mark.parametrize("fail", [lambda: 1 / 0, lambda: TypeAdapter(str).validate_python(42)])
def test_only_the_log_learns_of_an_unexpected_error(
    start: StartApp, logged: Logged, fail: Any
) -> None:
    def extend(app: FastAPI) -> None:
        @app.get("/broken")
        async def broken() -> None:
            fail()

    response = start(extend).get("/broken")
    assert problem(response) == (500, None)
    failed, completed = logged()
    assert (failed["level"], failed["msg"]) == ("error", "request failed")
    assert failed["err"].keys() == {"type", "message", "stack"}
    assert failed["reqId"] == completed["reqId"] == response.headers["x-request-id"]
    assert completed["res"] == {"statusCode": 500}


def test_a_request_that_takes_too_long_is_a_problem(start: StartApp) -> None:
    def extend(app: FastAPI) -> None:
        @app.get("/slow")
        async def slow() -> None:
            await asyncio.sleep(60)

    client = start(extend, REQUEST_TIMEOUT_SECONDS="1")
    begun = time.monotonic()
    assert problem(client.get("/slow")) == (503, "The request took too long")
    assert time.monotonic() - begun < 5
    assert client.get("/_test").status_code == 200


def test_requests_are_limited_by_client_but_not_probes(start: StartApp) -> None:
    client = start(RATE_LIMIT_PER_MINUTE="1", CLIENT_IP_HEADER="X-Forwarded-For")
    ada = {"x-forwarded-for": "203.0.113.9, 2001:db8::1"}
    assert client.get("/_test", headers=ada).status_code == 200
    limited = client.get("/_test", headers=ada)
    assert problem(limited)[0] == 429
    assert 0 < int(limited.headers["retry-after"]) <= 60
    for path in ("/healthz", "/readyz", "/version"):
        assert client.get(path, headers=ada).status_code == 200
    # Whoever claims no address at all is who is connected.
    assert client.get("/_test", headers={"x-forwarded-for": "nobody"}).status_code == 200
    assert client.get("/_test").status_code == 429


def test_every_response_has_the_security_headers(start: StartApp) -> None:
    client = start()
    for path in ("/_test", "/nowhere", "/%zz"):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["strict-transport-security"] == "max-age=31536000; includeSubDomains"
        assert "access-control-allow-origin" not in headers
    assert "strict-transport-security" not in start(APP_ENV="local").get("/_test").headers


def test_only_named_origins_may_call_from_a_browser(start: StartApp) -> None:
    client = start(CORS_ORIGINS="https://app.example.com")
    ours, other = {"origin": "https://app.example.com"}, {"origin": "https://other.example.com"}
    allowed = client.get("/_test", headers=ours).headers
    assert allowed["access-control-allow-origin"] == "https://app.example.com"
    assert allowed["vary"] == "origin"
    assert "access-control-allow-origin" not in client.get("/_test", headers=other).headers

    wants = {"access-control-request-method": "POST"}
    names = {"access-control-request-headers": "content-type"}
    preflight = client.options("/_test", headers=ours | wants | names)
    assert preflight.status_code == 204
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert preflight.headers["access-control-allow-headers"] == "content-type"
    assert client.options("/_test", headers=other | wants).status_code == 405


def test_the_documentation_is_not_there_in_live(start: StartApp) -> None:
    client = start()
    assert client.get("/openapi.json").json()["openapi"].startswith("3.1")
    page = client.get("/docs")
    assert "POST /_test" in page.text
    assert "style-src 'sha256-" in page.headers["content-security-policy"]

    live = start(APP_ENV="live")
    assert problem(live.get("/openapi.json"))[0] == 404
    assert problem(live.get("/docs"))[0] == 404


def test_a_service_without_resources_is_documented_too(
    environment: SetEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment(APP_ENV="sandbox")
    monkeypatch.setattr(main, "RESOURCES", ())
    client = TestClient(main.create_app(read_config()))
    assert "GET /healthz" in client.get("/docs").text
    assert client.get("/openapi.json").json()["paths"].keys() == {"/healthz", "/version", "/readyz"}
