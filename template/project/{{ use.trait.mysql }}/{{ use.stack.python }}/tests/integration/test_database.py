from fastapi import FastAPI

from tests.conftest import Logged, StartApp

NOWHERE = "mysql://ada:hunter2@127.0.0.1:1/app"


def add_routes(app: FastAPI) -> None:
    app.state.health.checks["database"] = app.state.database.answers

    @app.get("/_text")
    async def text(text: str) -> str:
        rows = await app.state.database.query("select %s as text", text)
        return str(rows[0]["text"])


def test_it_is_ready_when_the_database_answers(start: StartApp) -> None:
    client = start(add_routes)
    assert client.get("/readyz").status_code == 200
    assert client.get("/_text?text=a").json() == "a"


def test_without_a_database_it_runs_and_says_so_once(start: StartApp, logged: Logged) -> None:
    client = start(add_routes, DATABASE_URL=NOWHERE)
    for _ in range(3):
        response = client.get("/_text?text=a")
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


def test_any_text_is_a_value(start: StartApp) -> None:
    client = start(add_routes)
    for text in ("a\0b", "\\' or 1 = 1 -- %s", "🎉"):
        assert client.get("/_text", params={"text": text}).json() == text
