"""The headers of every response, and those that open a service to a browser."""

from __future__ import annotations

import re
from typing import Any

import pytest

from .conftest import Start
from .service import NOBODY, UUID, WELCOME, Service

pytestmark = pytest.mark.slow

#: One request for each way a response comes about, with its status.
REQUESTS: list[tuple[str, str, dict[str, Any], int]] = [
    ("GET", "/healthz", {}, 200),
    ("HEAD", "/readyz", {}, 200),
    ("GET", "/version", {}, 200),
    ("GET", "/openapi.json", {}, 200),
    ("GET", "/notes", {}, 200),
    ("POST", "/notes", {"content": b"{", "headers": {"content-type": "application/json"}}, 400),
    ("GET", f"/notes/{NOBODY}", {}, 404),
    ("DELETE", f"/notes/{NOBODY}", {}, 404),
    ("GET", "/nope", {}, 404),
    ("PUT", "/notes", {}, 405),
    ("POST", "/notes", {"content": b"a=b"}, 415),
    ("POST", "/notes", {"json": {}}, 422),
    ("POST", "/notes", {"json": {"title": "x" * 2_000_000}}, 413),
    ("POST", "/notes", {"json": {"title": "a title"}}, 201),
]
SECURITY = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
}
HSTS = "max-age=31536000; includeSubDomains"


@pytest.mark.parametrize("environment", ["local", "testbed"])
def test_every_response_is_as_closed_as_it_can_be(run: Start, environment: str) -> None:
    client = run(APP_ENV=environment).client
    for method, path, content, status in REQUESTS:
        response = client.request(method, path, **content)
        headers = response.headers
        assert response.status_code == status, (method, path, response.text)
        assert {name: headers.get(name) for name in SECURITY} == SECURITY, (method, path)
        assert headers.get("strict-transport-security") == (
            None if environment == "local" else HSTS
        )
        assert re.fullmatch(UUID, headers["x-request-id"]), (method, path)
        assert not headers.keys() & {"server", "x-powered-by"}
        assert not [name for name in headers if name.startswith("access-control-")]


@pytest.mark.parametrize("path", ["/%zz", "/notes/%ff"])
def test_so_is_the_response_to_a_malformed_url(service: Service, path: str) -> None:
    answer = service.send(f"GET {path} HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n\r\n".encode())
    assert answer is not None
    assert {name: answer.headers.get(name) for name in SECURITY} == SECURITY
    assert answer.headers["x-request-id"] == "mine"


def test_so_is_the_response_to_an_unexpected_error(run_extended: Start) -> None:
    client = run_extended(APP_ENV="live").client
    headers = client.get("/broken", headers={"x-request-id": "mine"}).headers
    assert {name: headers.get(name) for name in SECURITY} == SECURITY
    assert headers["strict-transport-security"] == HSTS
    assert headers["x-request-id"] == "mine"


@pytest.mark.parametrize("given", ["a", "A-z_0.9:x", "x" * 128])
@pytest.mark.parametrize("path", ["/healthz", "/nope"])
def test_a_sane_request_id_is_kept(service: Service, path: str, given: str) -> None:
    response = service.client.get(path, headers={"x-request-id": given})
    assert response.headers["x-request-id"] == given


@pytest.mark.parametrize(
    "given", ["", "x" * 129, "a b", "a/b", "a\tb", 'a"b', b"\xc3\xa4", b"\xff", "<script>", "a,b"]
)
def test_any_other_request_id_is_replaced(service: Service, given: str | bytes) -> None:
    value = given if isinstance(given, bytes) else given.encode()
    response = service.client.get("/healthz", headers=[(b"x-request-id", value)])
    assert re.fullmatch(UUID, response.headers["x-request-id"])


def test_every_request_has_an_id_of_its_own(service: Service) -> None:
    ids = {service.client.get("/nope").headers["x-request-id"] for _ in range(50)}
    assert len(ids) == 50


# Other origins

APP = "https://app.example.com"
PREFLIGHT = {
    "access-control-request-method": "DELETE",
    "access-control-request-headers": "content-type",
}


def test_an_origin_that_is_named_may_read_responses(run: Start) -> None:
    client = run(CORS_ORIGINS=f"{APP}, http://localhost:5173").client
    for origin in (APP, "http://localhost:5173"):
        for path in ("/notes", "/nope", f"/notes/{WELCOME}"):
            headers = client.get(path, headers={"origin": origin}).headers
            assert headers["access-control-allow-origin"] == origin
            assert "origin" in headers["vary"].lower()
            assert "access-control-allow-credentials" not in headers


def test_an_origin_that_is_named_may_send_other_methods(run: Start) -> None:
    client = run(CORS_ORIGINS=APP).client
    response = client.options(f"/notes/{WELCOME}", headers={"origin": APP, **PREFLIGHT})
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["access-control-allow-origin"] == APP
    assert "DELETE" in response.headers["access-control-allow-methods"]
    assert "content-type" in response.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in response.headers
    assert response.headers["x-content-type-options"] == "nosniff"


def test_any_other_origin_is_told_nothing(run: Start) -> None:
    client = run(CORS_ORIGINS=APP).client
    for origin in (f"{APP}.evil.example", f"{APP}:444", "http://app.example.com", "null", "*"):
        for response in (
            client.get("/notes", headers={"origin": origin}),
            client.options("/notes", headers={"origin": origin, **PREFLIGHT}),
        ):
            allowed = [name for name in response.headers if "access-control-allow" in name]
            assert not allowed, (origin, response.headers)


def test_without_origins_a_preflight_is_just_another_method(service: Service) -> None:
    response = service.client.options("/notes", headers={"origin": APP, **PREFLIGHT})
    assert response.status_code == 405
    assert not [name for name in response.headers if name.startswith("access-control-")]
