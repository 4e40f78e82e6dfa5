"""What a service logs: one JSON object a line, and never a secret."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from conftest import TEMPLATE

from scaffold.template.answers import resolve

from .conftest import Start
from .service import UUID, WELCOME, Service

pytestmark = pytest.mark.slow

DEFAULTS = resolve(TEMPLATE, {}).values
SECRET = "s3cret"  # noqa: S105  # what the tests look for


def completed(service: Service, times: int = 1) -> list[dict[str, Any]]:
    return service.logged("request completed", times)


def test_every_line_says_when_where_and_what(run: Start) -> None:
    service = run(APP_ENV="testbed")
    service.client.get("/notes")
    completed(service)
    assert service.stop() == 0
    for line in service.log():
        assert line["level"] in {"fatal", "error", "warn", "info", "debug", "trace"}
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line["time"])
        assert line["service"] == service.project.folder.name
        assert line["version"] == "0.1.0"
        assert line["env"] == "testbed"
        assert line["msg"]
    messages = [line["msg"] for line in service.log()]
    assert messages == ["listening", "request completed", "shutting down", "shut down"]
    assert service.log()[0]["port"] == service.port
    assert service.errors() == ""


def test_what_goes_nowhere_is_said_once_when_it_starts_in_live(run: Start) -> None:
    wires = {
        next(iter(row["wire"]["sets"])): f"{row['wire']['carries']} to {row['label']}"
        for row in (option.row for option in TEMPLATE.catalog.chosen(DEFAULTS))
        if "wire" in row
    }
    assert wires
    unset = [f"{name} is not set: nothing sends {what}" for name, what in wires.items()]
    nowhere = dict.fromkeys(wires, "http://127.0.0.1:9")
    for environment, variables, expected in [
        ("live", {}, unset),
        ("live", nowhere, []),
        ("testbed", {}, []),
    ]:
        service = run(APP_ENV=environment, **variables)
        service.client.get("/notes")
        completed(service)
        warned = [line["msg"] for line in service.log() if line["level"] == "warn"]
        assert sorted(each for each in warned if "is not set" in each) == sorted(expected)


def test_a_request_is_one_line_when_it_is_done(run: Start) -> None:
    service = run()
    response = service.client.get(f"/notes/{WELCOME}?a=b", headers={"x-request-id": "trace-1"})
    [line] = completed(service)
    assert line["level"] == "info"
    assert line["reqId"] == response.headers["x-request-id"] == "trace-1"
    assert line["req"] == {
        "method": "GET",
        "url": f"/notes/{WELCOME}",
        "remoteAddress": "127.0.0.1",
    }
    assert line["res"] == {"statusCode": 200}
    assert isinstance(line["responseTime"], int | float)
    assert 0 <= line["responseTime"] < 5000


def test_refused_requests_are_logged_too(run: Start) -> None:
    service = run(RATE_LIMIT_PER_MINUTE="4")
    service.client.get("/nope")
    service.client.put("/notes")
    service.client.post("/notes", json={})
    service.client.post("/notes", content="{", headers={"content-type": "application/json"})
    service.client.get("/notes")
    lines = completed(service, times=5)
    assert [line["res"]["statusCode"] for line in lines] == [404, 405, 422, 400, 429]
    assert all(re.fullmatch(UUID, line["reqId"]) for line in lines)
    assert {line["level"] for line in service.log()} == {"info"}, "the fault is the client's"


def test_the_address_logged_is_that_of_the_client(run: Start) -> None:
    service = run(CLIENT_IP_HEADER="fly-client-ip")
    service.client.get("/notes", headers={"fly-client-ip": "2001:db8::7"})
    assert completed(service)[0]["req"]["remoteAddress"] == "2001:db8::7"


@pytest.mark.parametrize("level", ["info", "debug"])
def test_probes_are_not_logged(run: Start, level: str) -> None:
    service = run(LOG_LEVEL=level)
    for path in ("/healthz?probe=1", "/readyz", "/version"):
        service.client.get(path)
    service.client.get("/notes")
    assert [line["req"]["url"] for line in completed(service)] == ["/notes"]


def test_less_severe_lines_than_the_level_are_not_logged(run: Start) -> None:
    service = run(LOG_LEVEL="error")
    service.client.get("/notes")
    service.client.get("/nope")
    assert service.stop() == 0
    assert service.log() == []


def test_no_request_brings_a_secret_into_the_log(run: Start) -> None:
    service = run(
        LOG_LEVEL="trace",
        DATABASE_URL=f"postgres://user:{SECRET}-env@db/app",
        API_TOKEN=f"{SECRET}-env",
    )
    client = service.client
    headers = {
        "authorization": f"Bearer {SECRET}-header",
        "cookie": f"session={SECRET}-header",
        "x-api-key": f"{SECRET}-header",
        "user-agent": f"{SECRET}-header",
        "x-request-id": f"{SECRET} header",
        "x-forwarded-for": f"{SECRET}-header",
        "content-type": "application/json",
    }
    bodies = (
        f'{{"title": 7, "password": "{SECRET}-body"}}',
        f'{{"title": "{SECRET}-body", "body": {{"{SECRET}-body": 1}}}}',
        f'{{"title": "a" "{SECRET}-body"',
        f'{{"title": "{SECRET}-body"}}',
    )
    for body in bodies:
        client.post(f"/notes?token={SECRET}-query", content=body, headers=headers)
    client.post("/notes", content=f"password={SECRET}-body")
    for path in ("/notes", "/nope", f"/notes/{WELCOME}", "/healthz", "/docs"):
        client.get(f"{path}?token={SECRET}-query", headers=headers)
    client.get(f"/notes?limit={SECRET}-query", headers=headers)
    service.send(f"GET /%zz?token={SECRET}-query HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    service.send(f"GET / HTTP/1.1\r\nHost: a\r\nBad Header: {SECRET}-header\r\n\r\n".encode())
    service.send(f"{SECRET}-garbage\r\n\r\n".encode())
    completed(service, times=10)
    assert service.stop() == 0
    said = service.out.read_text() + service.errors()
    assert SECRET not in said, [line for line in said.splitlines() if SECRET in line]


def test_fields_that_sound_secret_are_hidden_at_any_depth(run_extended: Start) -> None:
    service = run_extended()
    service.client.get("/secrets")
    [line] = service.logged("with secrets")
    assert line["apiToken"] == "[Redacted]"
    assert line["db"] == {"host": "db", "password": "[Redacted]"}
    assert line["list"] == [{"Cookie": "[Redacted]"}]
    assert line["account"] == {"user": "ada", "password": "[Redacted]"}
    assert line["database"] == "postgres://[Redacted]@db/app"
    service.client.get("/broken")
    service.logged("request failed")
    assert SECRET not in service.out.read_text()
    assert SECRET not in service.errors()


def test_no_request_can_forge_a_line(run: Start) -> None:
    service = run()
    forged = json.dumps({"level": "fatal", "msg": "forged"})
    service.client.get("/nope/%0A%0D" + forged.replace(" ", "%20"))
    service.client.get("/nope", headers={"x-request-id": forged})
    service.send(f"GET /{forged.replace(' ', '')} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    service.send(b"GET /\xe2\x80\xa8\x1b[31m HTTP/1.1\r\nHost: a\r\n\r\n")
    completed(service)
    assert service.stop() == 0
    assert "fatal" not in {line["level"] for line in service.log()}
    assert "\x1b" not in service.out.read_text()
    assert service.errors() == ""
