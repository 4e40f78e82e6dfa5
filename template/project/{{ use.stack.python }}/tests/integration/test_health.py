import asyncio

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app import health
from app.health import Health, ReadinessCheck
from app.service import NAME, VERSION
from tests.conftest import Logged, StartApp


def check(client: TestClient, **checks: ReadinessCheck) -> None:
    app = client.app
    assert isinstance(app, FastAPI)
    state: Health = app.state.health
    state.checks.update(checks)


async def passes() -> None:
    pass


def fails() -> None:
    raise ConnectionError("db-7 refused")


def test_healthz_names_the_version_and_the_commit_and_is_not_cached(start: StartApp) -> None:
    response = start(GIT_COMMIT="abc123").get("/healthz")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert response.json() == {"status": "ok", "version": VERSION, "commit": "abc123"}


def test_version_says_what_runs_where(start: StartApp) -> None:
    about = {"name": NAME, "version": VERSION, "commit": "unknown", "environment": "sandbox"}
    assert start().get("/version").json() == about


def test_healthz_is_200_while_a_readiness_check_fails(start: StartApp) -> None:
    client = start()
    check(client, database=fails)
    assert client.get("/healthz").status_code == 200


def test_probes_are_not_logged_unlike_other_requests(start: StartApp, logged: Logged) -> None:
    client = start()
    for path in ("/healthz", "/readyz", "/version"):
        client.get(path)
    assert logged() == []
    client.get("/_test")
    assert [line["msg"] for line in logged()] == ["request completed"]


def test_readyz_is_200_when_every_check_passes(start: StartApp) -> None:
    client = start()
    check(client, database=passes, cache=lambda: None)
    response = client.get("/readyz")
    assert response.status_code == 200
    assert response.json() == {"status": "ready"}


def test_readyz_is_503_and_names_the_checks_that_fail(start: StartApp, logged: Logged) -> None:
    client = start()
    check(client, cache=passes, database=fails, queue=fails)
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.headers["cache-control"] == "no-store"
    assert response.json() == {
        "title": "Service Unavailable",
        "status": 503,
        "detail": "Not ready",
        "failing": ["database", "queue"],
    }
    assert [line["err"]["message"] for line in logged()] == ["db-7 refused", "db-7 refused"]


def test_readyz_does_not_wait_for_a_check(start: StartApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "CHECK_TIMEOUT_SECONDS", 0.01)
    client = start()
    check(client, database=lambda: asyncio.sleep(60))
    assert client.get("/readyz").json()["failing"] == ["database"]
