from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from tests.conftest import StartApp

UNKNOWN_ID = "00000000-0000-4000-8000-000000000000"


def post(client: TestClient, **note: Any) -> Response:
    return client.post("/notes", json=note)


def locations(response: Response) -> list[str]:
    assert response.status_code == 422
    return [problem["location"] for problem in response.json()["errors"]]


def test_a_note_is_created_and_says_where_it_is(start: StartApp) -> None:
    client = start()
    response = post(client, title=" Title ", extra=True)
    note = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/notes/{note['id']}"
    assert note == {**note, "title": "Title", "body": ""}
    assert note.keys() == {"id", "title", "body", "createdAt"}
    assert client.get(f"/notes/{note['id']}").json() == note


def test_a_title_that_exists_is_a_conflict(start: StartApp) -> None:
    client = start()
    post(client, title="Title")
    response = post(client, title="Title")
    assert response.status_code == 409
    assert response.json()["detail"] == "A note with this title exists"


def test_the_problem_says_what_is_wrong_with_the_body(start: StartApp) -> None:
    assert locations(post(start(), title="", body=42)) == ["body.title", "body.body"]


def test_texts_may_be_as_long_as_their_limit(start: StartApp) -> None:
    client = start()
    assert post(client, title="x" * 200, body="x" * 10_000).status_code == 201
    assert locations(post(client, title="x" * 201)) == ["body.title"]
    assert locations(post(client, title="x", body="x" * 10_001)) == ["body.body"]


def test_a_body_is_needed(start: StartApp) -> None:
    assert locations(start().post("/notes")) == ["body"]


def test_notes_come_in_pages(start: StartApp) -> None:
    client = start()
    assert client.get("/notes").json() == {"items": [], "total": 0, "limit": 20, "offset": 0}
    for title in "abc":
        post(client, title=title)
    page = client.get("/notes?limit=1&offset=1").json()
    assert [note["title"] for note in page.pop("items")] == ["b"]
    assert page == {"total": 3, "limit": 1, "offset": 1}


def test_there_is_mock_data_only_in_the_local_environment(start: StartApp) -> None:
    assert start(APP_ENV="local").get("/notes").json()["total"] == 2
    assert start(APP_ENV="live").get("/notes").json()["total"] == 0


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=101", "limit=ten", "limit=+1", "limit=", "offset=-1", "offset=0.5"]
)
def test_a_query_that_does_not_fit_is_rejected(start: StartApp, query: str) -> None:
    assert locations(start().get(f"/notes?{query}")) == [f"query.{query.partition('=')[0]}"]


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_an_unknown_note_is_not_found(start: StartApp, method: str) -> None:
    response = start().request(method, f"/notes/{UNKNOWN_ID}")
    assert response.status_code == 404
    assert response.json()["detail"] == "No such note"


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_a_malformed_id_is_rejected(start: StartApp, method: str) -> None:
    assert locations(start().request(method, "/notes/1")) == ["path.id"]


def test_a_preview_is_the_beginning_of_a_note(start: StartApp) -> None:
    client = start(APP_ENV="sandbox")
    body = "word " * 100
    url = post(client, title="Title", body=body).headers["location"]
    assert client.get(f"{url}/preview").json() == {"title": "Title", "preview": body[:100]}
    unknown = client.get(f"/notes/{UNKNOWN_ID}/preview")
    assert unknown.json()["detail"] == "No such note"


def test_a_preview_is_an_experiment_that_customers_do_not_see(start: StartApp) -> None:
    response = start(APP_ENV="live").get("/notes/any/preview")
    assert response.status_code == 404
    assert response.json()["detail"] == "No such route"


def test_a_note_is_deleted(start: StartApp) -> None:
    client = start()
    url = post(client, title="Title").headers["location"]
    response = client.delete(url)
    assert (response.status_code, response.content) == (204, b"")
    assert "content-type" not in response.headers
    assert client.get(url).status_code == 404
