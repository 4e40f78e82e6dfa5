"""Errors that services have Sentry know of, as a server shows them that takes Sentry's protocol."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from ports import free_port
from store import Store

from .bugsink import Bugsink, Tracked, bugsink
from .extras import EXTRAS
from .receiver import Receiver, hangs, is_busy, receiving, refuses, talks_garbage
from .service import APIS, WELCOME, Project, Service, extend, start
from .test_telemetry import CALLER, LOADED, TRACE

pytestmark = pytest.mark.slow

#: A failing route whose message has a secret in it, and work that fails after its request.
MORE = {
    "node": (
        'app.get("/broken"',
        """app.get("/leaks", async () => {
    throw new Error("no login at postgres://ada:s3cret@db/app", { cause: new Error("refused") });
  });
  app.get("/later", async () => {
    setImmediate(() => {
      throw new Error("broken later");
    });
    return {};
  });
  app.get("/broken\"""",
    ),
    "python": (
        'app.get("/broken")',
        """async def leaks() -> None:
        raise RuntimeError("no login at postgres://ada:s3cret@db/app") from OSError("refused")

    async def fail() -> None:
        raise RuntimeError("broken later")

    async def later() -> dict[str, Any]:
        asyncio.create_task(fail())
        return {}

    app.get("/leaks")(leaks)
    app.get("/later")(later)
    app.get("/broken")""",
    ),
}


@pytest.fixture(scope="module", params=APIS)
def api(request: pytest.FixtureRequest, store: Store, tmp_path_factory: Any) -> Project:
    """A service that has Sentry know of its errors, with failing routes."""
    stack = request.param
    options = "-d", "errors=sentry", "-d", "logs=none"
    project = Project(stack, store.project(stack, *options, name=f"{stack}-sentry"))
    extras = EXTRAS[stack]
    text = extras.text.replace(*MORE[stack], 1)
    assert text != extras.text
    folder = tmp_path_factory.mktemp("sentry") / stack
    return extend(project, folder, type(extras)(**{**vars(extras), "text": text}), store)


@pytest.fixture
def run(api: Project, tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Give a function that starts it with these variables."""
    numbers = count()
    with ExitStack() as stack:
        yield lambda **env: stack.enter_context(
            start(api, tmp_path / f"out-{next(numbers)}", RATE_LIMIT_PER_MINUTE="0", **env)
        )


Run = Callable[..., Service]


@pytest.fixture(scope="module")
def server(store: Store, tmp_path_factory: Any) -> Iterator[Bugsink]:
    with bugsink(store, tmp_path_factory.mktemp("bugsink")) as found:
        yield found


@pytest.fixture
def tracked(server: Bugsink) -> Tracked:
    return server.project()


def test_an_error_that_nobody_expected_is_shown_with_its_release_and_environment(
    run: Run, tracked: Tracked, api: Project
) -> None:
    service = run(SENTRY_DSN=tracked.dsn, APP_ENV="testbed")
    ids = {"traceparent": f"00-{TRACE}-{CALLER}-01", "x-request-id": "mine"}
    assert service.client.get("/leaks?token=s3cret", headers=ids).status_code == 500
    assert service.client.get("/nope").status_code == 404
    assert service.client.post("/notes", json={"text": 1}).status_code == 422
    first = tracked.events(1)[0]
    version = service.client.get("/healthz").json()["version"]
    assert (first["release"], first["environment"]) == (f"my-service@{version}", "testbed")
    assert tracked.releases() == {f"my-service@{version}"}
    tags = dict(first["tags"])
    assert (tags["request_id"], tags["trace_id"]) == ("mine", TRACE)
    causes = [each["value"] for each in first["exception"]["values"]]
    assert causes == ["refused", "no login at postgres://[Redacted]@db/app"]
    assert first["exception"]["values"][-1]["stacktrace"]["frames"]
    assert "s3cret" not in str(first)
    assert not {"user", "request", "server_name", "breadcrumbs"} & first.keys(), first.keys()

    # What fails unseen: in Node the process ends of it, in Python the task.
    service.client.get("/later")
    if api.stack == "node":
        assert service.process.wait(5) == 1
    last = tracked.events(2)[-1]["exception"]["values"][-1]
    assert last["value"] == "broken later"
    assert last["mechanism"]["handled"] is False or api.stack == "python"


def test_what_ends_a_service_is_sent_before_it_does(run: Run, tracked: Tracked) -> None:
    with receiving() as taken, pytest.raises(AssertionError, match="did not start"):
        run(SENTRY_DSN=tracked.dsn, PORT=str(taken.server_port))
    assert tracked.events(1)[0]["environment"] == "local"


def test_nothing_of_it_is_loaded_without_a_dsn(run: Run, api: Project) -> None:
    sdk = {"node": "@sentry/", "python": "sentry_sdk"}[api.stack]
    quiet = run(**LOADED[api.stack])
    quiet.stop()
    assert sdk not in quiet.errors()
    sending = run(**LOADED[api.stack], SENTRY_DSN="http://key@127.0.0.1:1/1")
    sending.stop()
    assert sdk in sending.errors()


@pytest.mark.parametrize("how", [refuses, is_busy, talks_garbage, hangs, None])
def test_whoever_fails_to_take_it_harms_nothing(
    run: Run, how: Callable[[BaseHTTPRequestHandler], None] | None
) -> None:
    with receiving() as receiver:
        receiver.how = how
        port = receiver.server_port if how else free_port()
        dsn = f"http://s3cret@127.0.0.1:{port}/1"
        service = run(SENTRY_DSN=dsn, SHUTDOWN_GRACE_SECONDS="5")
        for _ in range(200):
            assert service.client.get("/broken").status_code == 500
            assert service.client.get(f"/notes/{WELCOME}").status_code == 200
        begun = time.monotonic()
        assert service.stop() == 0
        assert time.monotonic() - begun < 5
        assert len(service.logged("request failed", 200)) == 200
        said = [line["msg"] for line in service.log()]
        told = said.count("errors cannot be sent")
        assert said[-1 - (said[-1] == "errors cannot be sent")] == "shut down"
        assert told <= 1, "no more than once a minute"
        assert told or how in (hangs, talks_garbage)
        assert "s3cret" not in service.out.read_text()
        assert service.errors() == ""
        _bounded(receiver, how)


def _bounded(receiver: Receiver, how: Callable[[BaseHTTPRequestHandler], None] | None) -> None:
    """Who hangs has got no more than what waits for him: 64 in Node, 100 in Python."""
    if how is hangs:
        assert len(receiver.received) <= 101
