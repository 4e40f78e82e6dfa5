"""The routes of a service: probes, what describes it, and the example resource."""

from __future__ import annotations

import re

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from .conftest import Start
from .service import APIS, NOBODY, UUID, WELCOME, Service, operations, problem

pytestmark = pytest.mark.slow

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def test_probes_and_the_version_say_what_runs(run: Start) -> None:
    client = run(APP_ENV="testbed", GIT_COMMIT=COMMIT).client
    health, ready, version = map(client.get, ("/healthz", "/readyz", "/version"))
    assert health.json() == {"status": "ok", "version": "0.1.0", "commit": COMMIT}
    assert ready.json() == {"status": "ready"}
    assert version.json() == {
        "name": version.json()["name"],
        "version": "0.1.0",
        "commit": COMMIT,
        "environment": "testbed",
    }
    for response in (health, ready, version):
        assert response.status_code == 200
        assert response.headers["cache-control"] == "no-store"
        assert response.headers["content-type"].startswith("application/json")


def test_a_service_is_called_like_its_project(service: Service) -> None:
    assert service.client.get("/version").json()["name"] == service.project.folder.name


def test_a_commit_nobody_told_is_unknown_and_the_environment_local(service: Service) -> None:
    version = service.client.get("/version").json()
    assert (version["commit"], version["environment"]) == ("unknown", "local")


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/version", "/notes", f"/notes/{WELCOME}"])
def test_head_is_get_without_a_body(service: Service, path: str) -> None:
    get, head = service.client.get(path), service.client.head(path)
    assert head.status_code == get.status_code == 200
    assert head.content == b""
    for name in ("content-type", "content-length"):
        assert head.headers[name] == get.headers[name]


@pytest.mark.parametrize("path", ["/nope", "/metrics", "/notes/", "/NOTES", "//notes", "/healthz/"])
def test_an_unknown_route_is_not_found(service: Service, path: str) -> None:
    response = service.client.get(f"{service.url}{path}")
    assert problem(response) == {"title": "Not Found", "status": 404, "detail": "No such route"}


def test_an_api_has_nothing_at_its_root(service: Service) -> None:
    status = 404 if service.project.stack in APIS else 200
    assert service.client.get("/").status_code == status


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("POST", "/healthz", {"GET", "HEAD"}),
        ("DELETE", "/version", {"GET", "HEAD"}),
        ("PUT", "/notes", {"GET", "HEAD", "POST"}),
        ("PATCH", f"/notes/{WELCOME}", {"GET", "HEAD", "DELETE"}),
        ("TRACE", "/readyz", {"GET", "HEAD"}),
        ("OPTIONS", "/notes", {"GET", "HEAD", "POST"}),
        ("PROPFIND", "/notes", {"GET", "HEAD", "POST"}),
    ],
)
def test_another_method_of_a_known_path_is_not_allowed(
    service: Service, method: str, path: str, allowed: set[str]
) -> None:
    response = service.client.request(method, path)
    assert problem(response)["title"] == "Method Not Allowed"
    assert problem(response)["status"] == 405
    assert set(re.split(r",\s*", response.headers["allow"])) == allowed


# What describes the API


@pytest.mark.parametrize("environment", ["local", "sandbox", "testbed"])
def test_outside_live_the_api_describes_itself(run: Start, environment: str) -> None:
    client = run(APP_ENV=environment).client
    docs, schema = client.get("/docs"), client.get("/openapi.json")
    assert docs.status_code == schema.status_code == 200
    assert docs.headers["content-type"].lower() == "text/html; charset=utf-8"
    assert schema.json()["openapi"].startswith("3.1.")


def test_in_live_the_description_is_no_route(run: Start) -> None:
    client = run(APP_ENV="live").client
    for path in ("/docs", "/openapi.json", "/docs/", "/redoc", "/documentation"):
        assert problem(client.get(path))["detail"] == "No such route"


def test_the_docs_page_may_load_nothing_but_what_it_needs(service: Service) -> None:
    docs = service.client.get("/docs")
    policy = docs.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe-eval" not in policy
    scripts = " ".join(re.findall(r"script-src ([^;]*)", policy))
    for source in scripts.split():  # 'self', a hash, or one file elsewhere, checked by its hash
        assert re.fullmatch(r"'self'|'sha(256|384|512)-[^']+'|https://[^*]+\.js", source), source
        if source.startswith("https:"):
            assert re.search(rf'src="{re.escape(source)}"[^>]* integrity="sha', docs.text)


def test_the_description_is_valid_openapi_and_names_every_operation(service: Service) -> None:
    schema = service.client.get("/openapi.json").json()
    OpenAPIV31SpecValidator(schema).validate()
    assert operations(schema) == {
        ("get", "/healthz"),
        ("get", "/readyz"),
        ("get", "/version"),
        ("get", "/notes"),
        ("post", "/notes"),
        ("get", "/notes/{id}"),
        ("delete", "/notes/{id}"),
        ("get", "/notes/{id}/preview"),
    }
    assert {"201", "409", "422"} <= schema["paths"]["/notes"]["post"]["responses"].keys()
    assert {"200", "404", "422"} <= schema["paths"]["/notes/{id}"]["get"]["responses"].keys()


# The example resource


def test_mock_notes_are_there_locally_oldest_first(run: Start) -> None:
    response = run(APP_ENV="local").client.get("/notes")
    assert response.status_code == 200
    assert response.json() == {
        "items": [
            {
                "id": WELCOME,
                "title": "Welcome",
                "body": "This note is mock data.",
                "createdAt": "2026-01-01T09:00:00.000Z",
            },
            {
                "id": WELCOME[:-1] + "2",
                "title": "Shopping",
                "body": "Coffee, oats, apples.",
                "createdAt": "2026-01-02T09:00:00.000Z",
            },
        ],
        "total": 2,
        "limit": 20,
        "offset": 0,
    }


@pytest.mark.parametrize("environment", ["sandbox", "testbed", "live"])
def test_elsewhere_there_is_no_mock_data(run: Start, environment: str) -> None:
    response = run(APP_ENV=environment).client.get("/notes")
    assert response.json() == {"items": [], "total": 0, "limit": 20, "offset": 0}


def test_a_note_can_be_made_read_listed_and_deleted(run: Start) -> None:
    client = run(APP_ENV="sandbox").client
    made = client.post("/notes", json={"title": "  Ünïcode 🦊 ", "color": "red", "__proto__": {}})
    note = made.json()
    assert made.status_code == 201
    assert made.headers["location"] == f"/notes/{note['id']}"
    assert re.fullmatch(UUID, note["id"])
    assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", note["createdAt"])
    assert note == {
        "id": note["id"], "title": "Ünïcode 🦊", "body": "", "createdAt": note["createdAt"]
    }  # fmt: skip

    assert client.get(made.headers["location"]).json() == note
    assert client.get("/notes").json()["items"] == [note]
    gone = client.delete(made.headers["location"])
    assert (gone.status_code, gone.content) == (204, b"")
    assert "content-type" not in gone.headers
    for response in (client.get(made.headers["location"]), client.delete(gone.url.path)):
        assert problem(response) == {"title": "Not Found", "status": 404, "detail": "No such note"}


def test_pages_are_cut_from_the_whole(run: Start) -> None:
    client = run(APP_ENV="live").client
    for number in range(5):
        client.post("/notes", json={"title": f"note {number}"})
    page = client.get("/notes", params={"limit": 2, "offset": 1}).json()
    assert [note["title"] for note in page["items"]] == ["note 1", "note 2"]
    assert (page["total"], page["limit"], page["offset"]) == (5, 2, 1)
    assert client.get("/notes?offset=5").json()["items"] == []


def test_a_second_note_of_the_same_title_is_a_conflict(run: Start) -> None:
    client = run().client
    assert client.post("/notes", json={"title": "once"}).status_code == 201
    assert problem(client.post("/notes", json={"title": " once "})) == {
        "title": "Conflict",
        "status": 409,
        "detail": "A note with this title exists",
    }


def test_a_note_of_the_greatest_size_is_accepted(service: Service) -> None:
    # 200 characters as a schema counts them: code points, not bytes or UTF-16 units.
    note = {"title": "🦊" * 200, "body": "🦊" * 10_000}
    made = service.client.post("/notes", json=note)
    assert made.status_code == 201, made.text
    assert made.json() == {**made.json(), **note}
    service.client.delete(made.headers["location"])


def test_there_is_no_note_of_an_unknown_id(service: Service) -> None:
    assert problem(service.client.get(f"/notes/{NOBODY}"))["detail"] == "No such note"
