import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from app.config import Config, read_config
from app.main import create_app
from tests.fixtures.environment import REQUIRED
from tests.fixtures.routes import add_routes

type SetEnvironment = Callable[..., None]
type StartApp = Callable[..., TestClient]
type Logged = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> SetEnvironment:
    """Set variables, and no others: the tests must not depend on the caller's."""

    def set_environment(**variables: str) -> None:
        for name in Config.model_fields:
            monkeypatch.delenv(name, raising=False)
        for name, value in (REQUIRED | variables).items():
            monkeypatch.setenv(name, value)

    set_environment()
    return set_environment


@pytest.fixture
def start(environment: SetEnvironment) -> Iterator[StartApp]:
    """Start an app without mock data, unless told otherwise; `extend` adds routes to it."""
    with ExitStack() as stack:

        def start_app(extend: Callable[[FastAPI], None] | None = None, **env: str) -> TestClient:
            environment(**{"APP_ENV": "sandbox"} | env)
            app = create_app(read_config())
            app.state.health.checks.clear()  # what they ask is not there in every test
            add_routes(app)
            if extend:
                extend(app)
            return stack.enter_context(TestClient(app, raise_server_exceptions=False))

        yield start_app


@pytest.fixture
def logged(capsys: pytest.CaptureFixture[str]) -> Logged:
    """Give the lines logged since the last call."""
    return lambda: [json.loads(line) for line in capsys.readouterr().out.splitlines()]
