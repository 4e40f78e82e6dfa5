"""Generated services and their database, each a process: what fails, and what follows."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from threading import Event

import httpx
import pytest
from mariadb import MariaDB
from postgres import Postgres
from postgres_tls import certificate
from relay import relay
from running import Running, away, ready
from servers import KINDS, SERVERS, Server
from services.service import Project, Service, problem
from store import Store
from tried import tried

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: f"{kind[0]}-{kind[2]}")
def kind(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    found: tuple[str, str, str] = request.param
    return found


@pytest.fixture(autouse=True)
def in_the_table(request: pytest.FixtureRequest, kind: tuple[str, str, str]) -> Iterator[None]:
    """Have what passed in the table of the page."""
    failed = request.session.testsfailed
    yield
    if request.session.testsfailed == failed:
        tried(request.node.originalname, kind[0], kind[2])


@pytest.fixture(scope="module")
def project(kind: tuple[str, str, str], store: Store) -> Project:
    database, _, stack = kind
    made = store.project(stack, "-d", f"database={database}", name=f"{stack}-{database}")
    return Project(stack, made)


@pytest.fixture(scope="module")
def server(kind: tuple[str, str, str]) -> Iterator[Server]:
    with SERVERS[kind[1]]() as server:
        yield server


@pytest.fixture
def running(project: Project, server: Server, tmp_path: Path) -> Iterator[Running]:
    with ExitStack() as stack:
        yield Running(project, server, tmp_path, stack)


def wait_for(what: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_without_its_database_it_starts_and_is_ready_once_it_is_there(running: Running) -> None:
    running.server.stop()
    try:
        service = running.service()
        assert service.client.get("/healthz").status_code == 200
        assert problem(service.client.get("/readyz"))["failing"] == ["database"]
        assert away(service.client.get("/notes"))
        service.logged("started without the database: not ready until it is there")
        assert len(service.logged("the database does not answer")) == 1
    finally:
        running.server.start()
    wait_for(lambda: ready(service))
    assert service.client.get("/notes").status_code == 200
    assert "secret" not in service.out.read_text() + service.errors()


def test_a_server_killed_under_load_loses_nothing_acknowledged_and_no_connection(
    running: Running,
) -> None:
    service, over = running.service(), Event()

    def write(writer: int) -> list[str]:
        kept: list[str] = []
        with httpx.Client(base_url=service.url, trust_env=False, timeout=20) as client:
            for number in count():
                if over.is_set():
                    return kept
                title = f"{writer}-{number}"
                response = client.post("/notes", json={"title": title})
                if not away(response):
                    assert response.status_code == 201, response.text
                    kept.append(title)
        raise AssertionError

    with ThreadPoolExecutor() as pool:
        writers = [pool.submit(write, number) for number in range(16)]
        try:
            wait_for(lambda: len(running.titles()) > 100)
            running.server.kill()
            assert service.client.get("/healthz").status_code == 200
            assert not ready(service)
            running.server.start()
            wait_for(lambda: ready(service))
            before = len(running.titles())
            wait_for(lambda: len(running.titles()) > before)
        finally:
            over.set()
        acknowledged = {title for writer in writers for title in writer.result()}
    assert acknowledged <= running.titles()
    assert running.connections() <= 10 + 1, "one is for what is switched"


def test_a_statement_has_ten_seconds_and_whoever_waits_for_a_connection_five(
    running: Running,
) -> None:
    service = running.service(DATABASE_POOL_MAX="1")
    wait_for(lambda: ready(service))

    def timed(_: int) -> float:
        begun = time.monotonic()
        assert away(httpx.get(f"{service.url}/notes", trust_env=False, timeout=20))
        return time.monotonic() - begun

    with running.locked(), ThreadPoolExecutor() as pool:
        waiting = pool.map(timed, range(2))
        assert service.client.get("/healthz").status_code == 200
        first, second = sorted(waiting)
        assert 4.5 < first < 8
        assert 9.5 < second < 13
        # MariaDB calls the limit otherwise than MySQL does.
        if not isinstance(running.server, MariaDB):
            wait_for(lambda: running.connections(busy=True) == 0)
    assert service.client.get("/notes").status_code == 200


def test_a_server_that_falls_silent_is_given_up_and_found_again(running: Running) -> None:
    """At once, or once it has let somebody in; a network that drops packets looks the same."""
    with ExitStack() as between, ExitStack() as silence, ThreadPoolExecutor(16) as pool:
        services = []
        for lets in (0, 1):
            at = between.enter_context(relay(running.server.port))
            url = running.url.replace(f":{running.server.port}/", f":{at.port}/")
            services.append(running.service(DATABASE_URL=url, DATABASE_POOL_MAX="2"))
            wait_for(lambda: ready(services[-1]))
            silence.enter_context(at.silent(lets))

        def asked(service: Service) -> bool:
            return away(httpx.get(f"{service.url}/notes", trust_env=False, timeout=14))

        answers = pool.map(asked, services * 4)
        for service in services:
            assert service.client.get("/healthz").status_code == 200
        assert list(answers) == [True] * 8
        silence.close()
        wait_for(lambda: all(each.client.get("/notes").status_code == 200 for each in services))
    wait_for(lambda: running.connections() <= 2 * (2 + 1))


def test_requests_that_nobody_waits_for_leak_no_connection(running: Running) -> None:
    service = running.service(DATABASE_POOL_MAX="2", REQUEST_TIMEOUT_SECONDS="1")
    wait_for(lambda: ready(service))

    def leave(number: int) -> None:
        with httpx.Client(trust_env=False, timeout=0.2 if number % 2 else 20) as client:
            try:
                assert client.get(f"{service.url}/notes").status_code == 503
            except httpx.ReadTimeout:
                assert number % 2

    for _ in range(3):
        with running.locked(), ThreadPoolExecutor() as pool:
            list(pool.map(leave, range(16)))
        wait_for(lambda: service.client.get("/notes").status_code == 200)
    wait_for(lambda: running.connections(busy=True) == 0)
    assert running.connections() <= 2 + 1


def test_outside_local_the_server_has_to_prove_who_it_is(running: Running, tmp_path: Path) -> None:
    plain = running.service(
        APP_ENV="sandbox", DATABASE_URL=f"{running.url}?sslmode=disable&tls=false"
    )
    assert not ready(plain)
    key, crt = certificate(tmp_path)
    with running.server.with_tls(key, crt) as port:
        url = running.url.replace(f"127.0.0.1:{running.server.port}", f"localhost:{port}")
        unknown = running.service(APP_ENV="sandbox", DATABASE_URL=url)
        assert not ready(unknown)
        ca = crt.read_text()
        for told in (ca, ca.replace("\n", "\\n")):
            known = running.service(APP_ENV="sandbox", DATABASE_URL=url, DATABASE_CA=told)
            wait_for(lambda known=known: ready(known))  # type: ignore[misc]
            assert known.client.get("/notes").json()["total"] == 0
            assert known.stop() == 0


def test_an_address_that_cannot_be_read_ends_the_start_with_a_line_that_names_it(
    running: Running,
) -> None:
    scheme = running.url.partition(":")[0]
    for address in ("ada:hunter%zz2@db.example.com/app", "/hunter2"):
        told = {"APP_ENV": "live", "DATABASE_URL": f"{scheme}://{address}"}
        done = subprocess.run(
            running.project.command, cwd=running.project.folder, check=False, timeout=30,
            env={"PATH": os.environ["PATH"], **told}, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 78, done.stderr
        assert done.stderr.startswith("DATABASE_URL: expected "), done.stderr
        assert "hunter" not in done.stdout + done.stderr


def test_a_text_is_kept_as_it_is(running: Running) -> None:
    client = running.service().client
    texts = "'); drop table notes; --", "$1", "%s", "\\", "\u202egnp.exe", "🗒\u200d✓", '"', "\x7f"
    for title in texts:
        note = client.post("/notes", json={"title": title, "body": title * 100}).json()
        assert client.get(f"/notes/{note['id']}").json() == note
        assert (note["title"], note["body"]) == (title, title * 100)


def test_a_nul_is_kept_or_a_problem(running: Running) -> None:
    client = running.service().client
    expected = 422 if isinstance(running.server, Postgres) else 201
    for text in ({"title": "a\0b"}, {"title": "b", "body": "\0"}):
        response = client.post("/notes", json=text)
        assert response.status_code == expected
        assert response.json()["detail" if expected == 422 else "title"]
    assert client.post("/notes", json={"title": "a"}).status_code == 201


def test_of_notes_with_one_title_one_is_created_by_whichever_instance(running: Running) -> None:
    services = [running.service(), running.service()]

    def create(number: int) -> int:
        url = f"{services[number % 2].url}/notes"
        return httpx.post(url, json={"title": "One"}, trust_env=False, timeout=20).status_code

    with ThreadPoolExecutor(20) as pool:
        statuses = list(pool.map(create, range(40)))
    assert sorted(statuses) == [201, *[409] * 39]


def test_what_is_in_flight_is_answered_before_the_connections_close(running: Running) -> None:
    service = running.service()
    wait_for(lambda: ready(service))
    with ThreadPoolExecutor() as pool:
        with running.locked():
            answer = pool.submit(httpx.get, f"{service.url}/notes", trust_env=False, timeout=20)
            wait_for(lambda: running.connections(busy=True) == 1)
            stopped = pool.submit(service.stop)
            service.logged("shutting down")
        assert answer.result().status_code == 200
        assert stopped.result() == 0
    wait_for(lambda: running.connections() == 0)
