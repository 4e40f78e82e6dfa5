import json
import time
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from fastapi import Depends, FastAPI

from app import flag_sources
from app.flag_file import Switches
from app.flags import behind
from tests.conftest import Logged, StartApp

FAILING = "flags cannot be read, the last known ones count"
AGAIN = "flags can be read again"


def flag(*, on: bool, **more: Any) -> dict[str, Any]:
    default = "on" if on else "off"
    variants = {"on": True, "off": False}
    return {"state": "ENABLED", "variants": variants, "defaultVariant": default, **more}


def file(**flags: Any) -> bytes:
    return json.dumps({"flags": flags}).encode()


class Source(ThreadingHTTPServer):
    """Serves flags."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.body = file(new=flag(on=True))
        self.known: list[str | None] = []
        self.url = f"http://127.0.0.1:{self.server_port}/flags.json?token=s3cret"


class Handler(BaseHTTPRequestHandler):
    server: Source

    def do_GET(self) -> None:
        etag = f'"{len(self.server.body)}"'
        known = self.headers["if-none-match"]
        self.server.known.append(known)
        self.send_response(304 if known == etag else self.server.status)
        self.send_header("etag", etag)
        self.end_headers()
        if known != etag:
            self.wfile.write(self.server.body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    monkeypatch.setattr(flag_sources, "PERIOD_SECONDS", 0.02)
    with Source() as server:
        Thread(target=server.serve_forever, args=(0.02,)).start()
        yield server
        server.shutdown()


def add_route(app: FastAPI) -> None:
    @app.get("/_new", dependencies=[Depends(behind("new"))])
    async def new() -> dict[str, bool]:
        return {"new": True}


def wait_until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_route_is_none_where_nobody_knows_its_flag(start: StartApp) -> None:
    response = start(add_route).get("/_new")
    assert response.status_code == 404
    assert response.json() == {"title": "Not Found", "status": 404, "detail": "No such route"}


def test_a_route_is_there_for_those_whom_its_flag_is_on_for(
    start: StartApp, source: Source
) -> None:
    path = {"in": ["/_new", {"var": "path"}]}
    here = {"===": [{"var": "environment"}, "testbed"]}
    client = {"===": [{"var": "targetingKey"}, "testclient"]}
    targeting = {"if": [{"and": [here, path, client]}, "on"]}
    source.body = file(new=flag(on=False, targeting=targeting))
    for env, expected in {"testbed": 200, "live": 404}.items():
        app = start(add_route, APP_ENV=env, FLAGS_URL=source.url)
        assert app.get("/_new").status_code == expected


def test_flags_are_read_before_the_first_request_and_when_they_changed(
    start: StartApp, source: Source, logged: Logged
) -> None:
    client = start(add_route, FLAGS_URL=source.url)
    assert client.get("/_new").status_code == 200
    etag = f'"{len(source.body)}"'
    wait_until(lambda: etag in source.known)
    source.body = file(new=flag(on=False))
    wait_until(lambda: client.get("/_new").status_code == 404)
    changed = [line["changed"] for line in logged() if line["msg"] == "flags changed"]
    assert changed == [["new"], ["new"]]


@pytest.mark.parametrize(
    ("status", "body"), [(503, b""), (200, b"<html>Welcome!</html>"), (200, b" " * (2**20 + 1))]
)
def test_a_source_that_fails_leaves_flags_as_they_were_and_is_named_once(
    start: StartApp, source: Source, logged: Logged, status: int, body: bytes
) -> None:
    client = start(add_route, FLAGS_URL=source.url)
    source.status, source.body = status, body
    seen = len(source.known)
    wait_until(lambda: len(source.known) > seen + 2)
    assert client.get("/_new").status_code == 200
    source.status, source.body = 200, file(new=flag(on=False))
    wait_until(lambda: client.get("/_new").status_code == 404)
    lines = logged()
    assert [line["msg"] for line in lines if line.get("source")] == [FAILING, AGAIN]
    assert "s3cret" not in json.dumps(lines)


def test_switches_count_more_than_files_and_stay_while_they_cannot_be_read(
    start: StartApp, source: Source
) -> None:
    async def none() -> Switches:
        return {}

    async def off() -> Switches:
        return {"new": False}

    async def on() -> Switches:
        return {"new": True}

    asked: list[bool] = []

    async def refused() -> Switches:
        asked.append(True)
        raise ConnectionRefusedError

    now: list[Callable[[], Awaitable[Switches]]] = [none]

    async def switches() -> Switches:
        return await now[0]()

    def extend(app: FastAPI) -> None:
        add_route(app)
        app.state.flags.switches = switches

    client = start(extend, FLAGS_URL=source.url)
    assert client.get("/_new").status_code == 200
    now[0] = off
    wait_until(lambda: client.get("/_new").status_code == 404)
    now[0] = refused
    wait_until(lambda: len(asked) > 2)
    assert client.get("/_new").status_code == 404
    now[0] = on
    wait_until(lambda: client.get("/_new").status_code == 200)
