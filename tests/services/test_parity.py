"""Services in different languages answer the same requests alike.

Not compared is what differs by design: dates and ids, how a language words what is wrong with a
field, and the headers that are of the connection or that only count the bytes of such words. Not
asked is what frameworks decide, and no client should depend on: which of two equal parameters
counts, whether an encoded slash divides a path, what the type of a body means that is empty or that
no route reads, and what OPTIONS gets that asks for no method.
"""

from __future__ import annotations

import json
import re
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from conftest import rendered

from .conftest import Projects
from .service import NOBODY, STACKS, UUID, WELCOME, Service, operations, start

pytestmark = pytest.mark.slow

COMMIT = "0123456789abcdef0123456789abcdef01234567"
ORIGIN = "https://app.example.com"
OF_THE_CONNECTION = {"connection", "content-length", "date", "keep-alive", "transfer-encoding"}
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Request:
    """What is sent, as it is."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


REQUESTS = [
    *(Request("GET", path) for path in ("/healthz", "/readyz", "/version", "/nope", "/metrics")),
    *(Request("HEAD", path) for path in ("/healthz", "/notes", "/nope", f"/notes/{NOBODY}")),
    *(Request("GET", path) for path in ("/healthz/", "//healthz", "/HEALTHZ", "/%68ealthz")),
    *(Request("GET", path) for path in ("/healthz%20", "/healthz;a", "/./healthz", "/healthz?a=b")),
    *(Request("GET", path) for path in ("/%zz", "/notes/%ff", "/notes/%2e%2e")),
    *(Request(method, "/notes") for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")),
    *(Request(method, "/healthz") for method in ("POST", "DELETE", "OPTIONS", "PROPFIND")),
    *(Request(method, f"/notes/{WELCOME}") for method in ("PUT", "POST", "HEAD", "GET")),
    *(Request(method, f"/notes/{WELCOME}/preview") for method in ("GET", "HEAD", "DELETE")),
    *(Request("GET", f"/notes/{name}/preview") for name in (NOBODY, "not-a-uuid", "%zz")),
    Request("GET", f"/notes/{WELCOME}/preview/"),
    Request("GET", f"/notes/{WELCOME.upper()}"),
    Request("GET", f"/notes/{WELCOME.replace('-', '')}"),
    Request("GET", f"/notes/{{{WELCOME}}}"),
    Request("GET", f"/notes/urn:uuid:{WELCOME}"),
    Request("GET", "/notes/00000000-0000-0000-0000-000000000000"),
    Request("GET", "/notes/00000000-0000-7000-8000-000000000000"),
    Request("GET", "/notes/not-a-uuid"),
    Request("GET", f"/notes/{NOBODY}"),
    Request("DELETE", f"/notes/{NOBODY}"),
    Request("DELETE", f"/notes/{NOBODY}", JSON, b"{}"),
    Request("GET", "/notes"),
    *(Request("GET", f"/notes?limit={text}") for text in ("1", "001", "0", "", "+1", "1.0", "%31")),
    Request("GET", "/notes?limit=1&offset=1&unknown=1"),
    Request("GET", "/notes?LIMIT=1"),
    Request("GET", "/notes?limit[]=1"),
    Request("GET", "/notes?offset=9007199254740991"),
    Request("GET", "/notes?offset=9007199254740992"),
    Request("GET", "/notes?offset=99999999999999999999"),
    Request("GET", "/notes?limit=x&offset=y"),
    Request("POST", "/nope", JSON, b"{"),
    Request("POST", "/nope", {"Content-Type": "text/plain"}, b"x"),
    Request("POST", "/healthz", {"Content-Type": "text/plain"}, b"x"),
    Request("GET", "/healthz", {"Content-Type": "text/plain"}, b"x"),
    Request("GET", "/notes", {"Accept": "text/html"}),
    Request("GET", "/notes", {"Accept-Encoding": "gzip, br"}),
    Request("GET", "/notes", {"If-None-Match": "*"}),
    Request("GET", "/notes", {"Range": "bytes=0-1"}),
    Request("GET", "/nope", {"X-Request-Id": "mine"}),
    Request("GET", "/nope", {"X-Request-Id": "not mine"}),
    Request("GET", "/notes", {"Origin": ORIGIN}),
    Request("GET", "/nope", {"Origin": ORIGIN}),
    Request("GET", "/notes", {"Origin": "https://evil.example.com"}),
    *(
        Request("OPTIONS", path, {"Origin": origin, "Access-Control-Request-Method": "POST"})
        for path in ("/notes", "/nope")
        for origin in (ORIGIN, "https://evil.example.com")
    ),
    Request("POST", "/notes", JSON, b'{"title": "  a  ", "body": " b ", "id": "mine"}'),
    Request("POST", "/notes", JSON, b'{"title": "a"}'),
    Request("POST", "/notes", JSON, b'{"title": "A"}'),
    Request("POST", "/notes", JSON, b'{"title": "\\u00a0\\u2003b\\u3000"}'),
    Request("POST", "/notes", JSON, b'{"title": "c", "__proto__": {"x": 1}}'),
    Request("POST", "/notes", JSON, b'{"title": "d", "title": "e"}'),
    Request("POST", "/notes", JSON, b'{"title": "f", "body": "\\u0000"}'),
    Request("POST", "/notes", JSON, b'{"title": "\\ud83e\\udd8a"}'),
    Request("POST", "/notes", JSON, b'{"title": "\\ud83e"}'),
    Request("POST", "/notes", JSON, b'\xef\xbb\xbf{"title": "g"}'),
    Request("POST", "/notes", JSON, b'{"title": "%s"}' % ("🦊" * 200).encode()),
    Request("POST", "/notes", JSON, b'{"title": "%s"}' % ("🦊" * 201).encode()),
    Request("POST", "/notes", JSON, b"{}"),
    Request("POST", "/notes", JSON, b"[]"),
    Request("POST", "/notes", JSON, b"null"),
    Request("POST", "/notes", JSON, b'{"title": 1, "body": 2}'),
    Request("POST", "/notes", JSON, b'{"title": "h", "body": null}'),
    Request("POST", "/notes", JSON, b"{"),
    Request("POST", "/notes", JSON, b'{"title": "\xff"}'),
    Request("POST", "/notes", JSON, b'{"title": "i", "x": NaN}'),
    Request("POST", "/notes", JSON, b'{"title": "j", "x": 1e999}'),
    Request("POST", "/notes", JSON),
    Request("POST", "/notes"),
    Request("POST", "/notes", {"Content-Type": "text/plain"}, b'{"title": "k"}'),
    Request("POST", "/notes", {}, b'{"title": "l"}'),
    Request("POST", "/notes", {"Content-Type": "application/ld+json"}, b'{"title": "m"}'),
    Request("POST", "/notes", {"Content-Type": "application/json; x=y"}, b'{"title": "n"}'),
    Request("POST", "/notes", {**JSON, "Content-Encoding": "gzip"}, b"\x1f\x8b"),
    Request("POST", "/notes", JSON, b'{"title": "%s"}' % (b"x" * 2000)),
    Request("POST", "/notes?a=b", JSON, b'{"title": "o"}'),
    Request("GET", "/notes?limit=100"),
]


def test_the_service_of_the_full_stack_is_nodes_with_a_page() -> None:
    """So what holds for the one holds for the other, but for what that page may change."""
    node, full = (
        {str(file.path): file.content for file in rendered(("stack", name))}
        for name in ("node", "fullstack")
    )
    code = {path for path in {*node, *full} if path.startswith("src/")}
    assert len(code) > 20
    assert {path for path in code if node.get(path) != full.get(path)} == {
        "src/mounts.ts",
        "src/web.ts",
    }


def test_the_same_requests_get_the_same_answers(projects: Projects, tmp_path: Path) -> None:
    with ExitStack() as stack:
        services = [
            stack.enter_context(
                start(
                    projects(name), tmp_path / name,
                    CORS_ORIGINS=ORIGIN, GIT_COMMIT=COMMIT, MAX_BODY_BYTES="1500",
                    RATE_LIMIT_PER_MINUTE="0",
                )
            )
            for name in STACKS
        ]  # fmt: skip
        different = [
            report
            for request in REQUESTS
            if (report := differences(request, [answer(one, request) for one in services]))
        ]
    assert not different, "\n" + "\n".join(different)


def test_a_live_service_answers_alike_too(projects: Projects, tmp_path: Path) -> None:
    requests = [
        Request("GET", path) for path in ("/docs", "/openapi.json", "/notes", "/version", "/nope")
    ]
    requests += [Request("GET", f"/notes/{name}/preview") for name in (NOBODY, "not-a-uuid")]
    found = {}
    for name in STACKS:
        with start(projects(name), tmp_path / name, APP_ENV="live") as service:
            found[name] = [answer(service, request) for request in requests]
    assert found["node"] == found["python"] == found["fullstack"]


def test_the_descriptions_name_the_same_operations_and_answers(
    projects: Projects, tmp_path: Path
) -> None:
    described = {}
    for name in STACKS:
        with start(projects(name), tmp_path / name) as service:
            schema = service.client.get("/openapi.json").json()
        described[name] = {
            (method, path): sorted(schema["paths"][path][method]["responses"])
            for method, path in operations(schema)
        }
    assert described["node"] == described["python"] == described["fullstack"]


def differences(request: Request, answers: list[dict[str, Any]]) -> str:
    """Say in which parts the answers of the stacks differ; nothing if in none."""
    report = [
        f"    {part}: " + " | ".join(f"{found.get(part)}" for found in answers)
        for part in sorted({part for found in answers for part in found})
        if len({json.dumps(found.get(part)) for found in answers}) > 1
    ]
    shown = f"{request.method} {request.path} {request.headers or ''} {request.body[:60]!r}"
    return "\n".join([shown, *report]) if report else ""


def answer(service: Service, request: Request) -> dict[str, Any]:
    """Send a request; give the status, the headers and the body, without what may differ."""
    length = {}
    if request.body or request.method == "POST":
        length = {"Content-Length": str(len(request.body))}
    headers = {"Host": "localhost", **length, **request.headers}
    head = f"{request.method} {request.path} HTTP/1.1\r\n" + "".join(
        f"{name}: {value}\r\n" for name, value in headers.items()
    )
    got = service.send(f"{head}\r\n".encode() + request.body)
    if got is None:
        return {"status": "closed"}
    kept = {
        # A charset means nothing to JSON, which is UTF-8 with it and without.
        name: re.sub(rf"\b{UUID}\b", "<uuid>", re.sub(r"(json); charset=utf-8", r"\1", value))
        for name, value in got.headers.items()
        if name not in OF_THE_CONNECTION
    }
    # Lists, of which neither the order nor, for the names of headers, the letters matter.
    for name in ("access-control-allow-headers", "access-control-allow-methods", "allow", "vary"):
        if name in kept:
            kept[name] = str(sorted(re.split(r",\s*", kept[name].lower())))
    return {"status": got.status, **kept, "body": comparable(service, got.body)}


def comparable(service: Service, body: bytes) -> Any:
    """Give a body without what may differ: ids, dates and how a fault is worded."""
    try:
        found = json.loads(body)
    except ValueError:
        return body.decode(errors="backslashreplace")
    if isinstance(found, dict):
        for error in found.get("errors", ()):
            error["detail"] = "<detail>"
        if found.get("status") in {400, 413, 415}:
            found["detail"] = "<detail>"
    text = json.dumps(found, ensure_ascii=False)
    text = re.sub(r'"(?!2026-01-0[12]T09:00:00)[-\d]+T[\d:.]+Z"', '"<date>"', text)
    text = text.replace(f'"{service.project.folder.name}"', '"<name>"')
    return json.loads(re.sub(rf"(?!{WELCOME[:-2]}){UUID}", "<uuid>", text))
