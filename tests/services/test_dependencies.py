"""A service that depends on the cache of docs/how-to/add-an-option.md, and what answers as one."""

from __future__ import annotations

import socketserver
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import by_night, template_with_cache
from ports import free_port
from store import Store

from .service import APIS, Project, start
from .test_configuration import refused

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=APIS)
def cached(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, store: Store
) -> Project:
    """A project with the cache, installed and built."""
    template = template_with_cache(tmp_path_factory.mktemp("template"))
    options = ("--template", str(template), "-d", "cache=memcached")
    name = f"{request.param}-cached"
    return Project(request.param, store.project(request.param, *options, name=name))


class Memcached(socketserver.StreamRequestHandler):
    """Says which version it is, the one thing that it is asked."""

    def handle(self) -> None:
        for line in self.rfile:
            assert line == b"version\r\n"
            self.wfile.write(b"VERSION 1.6.39\r\n")


@contextmanager
def memcached(port: int) -> Iterator[None]:
    """Answer on a port until the block ends."""

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", port), Memcached) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,)).start()
        try:
            yield
        finally:
            server.shutdown()


def test_it_is_ready_while_the_cache_answers(cached: Project, tmp_path: Path) -> None:
    port = free_port()
    with start(cached, tmp_path / "out", CACHE_URL=f"memcached://127.0.0.1:{port}") as service:
        down = service.client.get("/readyz")
        assert (down.status_code, down.json()["failing"]) == (503, ["cache"])
        with memcached(port):
            up = service.client.get("/readyz")
            assert (up.status_code, up.json()) == (200, {"status": "ready"})
        assert service.client.get("/healthz").status_code == 200
        assert service.stop() == 0


def test_it_does_not_start_without_the_variable_or_with_a_wrong_one(cached: Project) -> None:
    assert refused(cached) == ["CACHE_URL: required but not set"]
    (problem,) = refused(cached, CACHE_URL="http://user:secret@cache")
    expected = "CACHE_URL: expected a URL such as memcached://cache.example.com:11211"
    assert problem == f"{expected}, got a value that is not shown"


def passes(cached: Project, task: str, store: Store) -> None:
    done = subprocess.run(
        [f"ops/{task}"], cwd=cached.folder, env=store.environment, check=False,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_what_it_brings_is_as_tidy_as_the_rest(cached: Project, store: Store) -> None:
    passes(cached, "lint", store)


@pytest.mark.parametrize("cached", by_night(APIS, ["node"]), indirect=True)
def test_its_own_tests_pass_with_no_cache_at_hand(cached: Project, store: Store) -> None:
    passes(cached, "test", store)
