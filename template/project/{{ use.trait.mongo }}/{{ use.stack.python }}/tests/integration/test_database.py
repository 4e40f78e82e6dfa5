import asyncio

import pytest
from fastapi import FastAPI, HTTPException

from app.config import ConfigError, read_config
from app.database import Database
from tests.conftest import Logged, SetEnvironment, StartApp
from tests.fixtures.environment import REQUIRED

NOWHERE = "mongodb://ada:hunter2@127.0.0.1:1/app"


def add_routes(app: FastAPI) -> None:
    app.state.health.checks["database"] = app.state.database.answers

    @app.get("/_command")
    async def command(name: str) -> None:
        with app.state.database.use() as db:
            await db.command(name)


def test_it_is_ready_when_the_database_answers(start: StartApp) -> None:
    client = start(add_routes)
    assert client.get("/readyz").status_code == 200
    assert client.get("/_command?name=ping").status_code == 200
    assert client.get("/_command?name=nonsense").status_code == 500


def test_without_a_database_it_runs_and_says_so_once(
    start: StartApp, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.database.CONNECT_SECONDS", 1)
    client = start(add_routes, DATABASE_URL=NOWHERE)
    for _ in range(2):
        response = client.get("/_command?name=ping")
        assert (response.status_code, response.headers["retry-after"]) == (503, "1")
        assert response.json()["detail"] == "The database does not answer"
    lines = [line for line in logged() if line["level"] == "error"]
    assert sorted(line["msg"] for line in lines) == [
        "started without the database: not ready until it is there",
        "the database does not answer",
    ]
    assert "hunter2" not in str(lines)
    assert client.get("/readyz").json()["failing"] == ["database"]
    assert client.get("/healthz").status_code == 200


def test_outside_local_there_is_no_answer_without_tls_whatever_the_url_says(
    environment: SetEnvironment,
) -> None:
    url = REQUIRED["DATABASE_URL"].partition("?")[0]
    environment(APP_ENV="live", DATABASE_URL=f"{url}?tls=false&tlsInsecure=true")

    async def scenario() -> None:
        database = Database(read_config())
        with pytest.raises(HTTPException, match="503"):
            await database.answers()
        await database.close()

    asyncio.run(scenario())


@pytest.mark.parametrize(
    "url",
    [
        "mongodb://db.example.com",
        "mongodb://ada:hunter/2@db.example.com/app",
        "mongodb://db.example.com:port/app",
        "postgres://db.example.com/app",
    ],
)
def test_what_is_no_address_ends_the_start_and_is_not_shown(
    environment: SetEnvironment, url: str
) -> None:
    environment(DATABASE_URL=url)
    with pytest.raises(ConfigError, match=r"^DATABASE_URL: expected") as raised:
        Database(read_config())
    assert "example" not in str(raised.value)
