"""What a service says to a request it cannot serve: problems by RFC 9457."""

from __future__ import annotations

from typing import Any

import pytest

from .conftest import Start
from .service import NOBODY, Service, problem

pytestmark = pytest.mark.slow

JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("body", "locations"),
    [
        ("{}", ["body.title"]),
        ('{"title": 7}', ["body.title"]),
        ('{"title": null}', ["body.title"]),
        ('{"title": true}', ["body.title"]),
        ('{"title": ""}', ["body.title"]),
        ('{"title": " \\t\\n "}', ["body.title"]),
        ('{"title": "%s"}' % ("x" * 201), ["body.title"]),
        ('{"title": "a", "body": 1}', ["body.body"]),
        ('{"title": "a", "body": null}', ["body.body"]),
        ('{"title": "a", "body": "%s"}' % ("x" * 10_001), ["body.body"]),
        ('{"title": {}, "body": []}', ["body.title", "body.body"]),
        ("[]", ["body"]),
        ("null", ["body"]),
        ('"title"', ["body"]),
    ],
)
def test_a_body_that_does_not_fit_is_named_field_by_field(
    service: Service, body: str, locations: list[str]
) -> None:
    response = service.client.post("/notes", content=body, headers=JSON)
    assert_invalid(problem(response), locations)


@pytest.mark.parametrize(
    ("query", "locations"),
    [
        ("limit=0", ["query.limit"]),
        ("limit=101", ["query.limit"]),
        ("limit=-1", ["query.limit"]),
        ("limit=", ["query.limit"]),
        ("limit=ten", ["query.limit"]),
        # Plain digits only, whatever else the language takes for an integer.
        ("limit=%2B5", ["query.limit"]),
        ("limit=5.0", ["query.limit"]),
        ("limit=1e1", ["query.limit"]),
        ("limit=0x10", ["query.limit"]),
        ("limit=1_0", ["query.limit"]),
        ("limit=%205", ["query.limit"]),
        ("limit=5%0A", ["query.limit"]),
        ("limit=%D9%A5", ["query.limit"]),  # the Arabic five
        ("limit=" + "9" * 5000, ["query.limit"]),
        ("offset=-1", ["query.offset"]),
        ("offset=1.5", ["query.offset"]),
        ("limit=0&offset=x", ["query.limit", "query.offset"]),
    ],
)
def test_a_query_that_does_not_fit_is_named_field_by_field(
    service: Service, query: str, locations: list[str]
) -> None:
    assert_invalid(problem(service.client.get(f"/notes?{query}")), locations)


@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("name", ["7", "not-a-uuid", f"{NOBODY}0", f"{NOBODY[:-1]}g", "%00"])
def test_a_path_that_does_not_fit_is_named(service: Service, method: str, name: str) -> None:
    response = service.client.request(method, f"{service.url}/notes/{name}")
    assert_invalid(problem(response), ["path.id"])


def assert_invalid(found: dict[str, Any], locations: list[str]) -> None:
    errors = found.pop("errors")
    assert found == {**found, "status": 422, "detail": "The request is invalid"}
    assert found.keys() == {"title", "status", "detail"}
    assert [error["location"] for error in errors] == locations
    assert all(error.keys() == {"location", "detail"} and error["detail"] for error in errors)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"title": "a"',
        b'{"title": "a",}',
        b"{'title': 'a'}",
        b'{"title": "a"} {}',
        b'{"title": "not a number", "x": NaN}',
        b'{"title": "not finite", "x": -Infinity}',
        b'{"title": "a\nb"}',
        b'{"title": "\\x41"}',
        b'{"title": "\xff"}',  # no UTF-8
        b'{"title": "\xed\xa0\x80"}',  # a surrogate, which UTF-8 does not encode
        '{"title": "UTF-16, marked"}'.encode("utf-16"),
        '{"title": "UTF-16"}'.encode("utf-16-le"),
    ],
)
def test_malformed_json_is_a_bad_request(service: Service, body: bytes) -> None:
    response = service.client.post("/notes", content=body, headers=JSON)
    assert problem(response)["status"] == 400


@pytest.mark.parametrize(
    "kind",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/vnd.api+json",
        "application/problem+json",
        "application/jsonp",
        "text/json",
        "application",
        "; charset=utf-8",
    ],
)
def test_only_json_is_a_supported_media_type(service: Service, kind: str | None) -> None:
    headers = {} if kind is None else {"content-type": kind}
    response = service.client.post("/notes", content=b'{"title": "a"}', headers=headers)
    assert problem(response)["status"] == 415


@pytest.mark.parametrize(
    "kind",
    ["application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"],
)
def test_json_may_be_called_so_in_every_spelling(service: Service, kind: str) -> None:
    headers = {"content-type": kind}
    response = service.client.post("/notes", content=b'{"title": "spelt"}', headers=headers)
    assert response.status_code == 201, response.text
    service.client.delete(response.headers["location"])


@pytest.mark.parametrize(
    ("method", "path", "status"), [("POST", "/nope", 404), ("POST", "/healthz", 405)]
)
def test_what_has_no_handler_is_told_so_whatever_its_body(
    service: Service, method: str, path: str, status: int
) -> None:
    for headers in (JSON, {"content-type": "text/plain"}):
        response = service.client.request(method, path, content=b"{", headers=headers)
        assert problem(response)["status"] == status


@pytest.mark.parametrize("path", ["/%", "/%zz", "/notes/%ff", "/notes/%c0%af", "/healthz%"])
def test_a_malformed_url_is_a_bad_request(service: Service, path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"
    answer = service.send(request.encode())
    assert answer is not None
    assert problem(answer)["status"] == 400


def test_an_unexpected_error_stays_in_the_log(run_extended: Start) -> None:
    service = run_extended(APP_ENV="local")
    response = service.client.get("/broken")
    assert problem(response) == {"title": "Internal Server Error", "status": 500}
    [failed] = service.logged("request failed")
    assert failed["level"] == "error"
    assert failed["err"]["message"] == "the disk is on fire"
    assert failed["err"]["type"] == "DiskError"
    assert "extras" in failed["err"]["stack"]
    [completed] = service.logged("request completed")
    assert completed["res"] == {"statusCode": 500}
    assert service.client.get("/healthz").status_code == 200


# Readiness


def test_a_failing_check_is_named_and_its_reason_kept_in_the_log(run_extended: Start) -> None:
    service = run_extended(DATABASE="fail")
    assert problem(service.client.get("/readyz")) == {
        "title": "Service Unavailable",
        "status": 503,
        "detail": "Not ready",
        "failing": ["database"],
    }
    assert service.client.get("/healthz").status_code == 200
    warnings = [line for line in service.log() if line["level"] == "warn"]
    assert "refused by db.internal" in str(warnings)


def test_a_check_that_hangs_fails_after_two_seconds(run_extended: Start) -> None:
    response = run_extended(DATABASE="hang").client.get("/readyz")
    assert problem(response)["failing"] == ["database"]
    assert 1.9 < response.elapsed.total_seconds() < 3


def test_a_check_that_passes_makes_it_ready(run_extended: Start) -> None:
    response = run_extended(DATABASE="ok").client.get("/readyz")
    assert response.json() == {"status": "ready"}
