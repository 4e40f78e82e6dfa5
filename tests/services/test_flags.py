"""Feature flags of running services: switched by FLAGS_URL under load, and while that fails.

Those of a database are in tests/databases/test_switches.py.
"""

from __future__ import annotations

import json
import shutil
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from store import Store

from .flag_source import flag, serving
from .service import APIS, Project, Service, problem, start
from .switching import (
    AGAIN,
    FAILING,
    LIMIT,
    PREVIEW,
    RUN,
    said,
    shown,
    switched_under_load,
    wait_for,
)
from .test_configuration import refused

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=APIS)
def plain(request: pytest.FixtureRequest, store: Store) -> Project:
    """A project as it is generated."""
    return Project(request.param, store.project(request.param))


def test_what_flags_url_serves_is_everywhere_in_ten_seconds(plain: Project, tmp_path: Path) -> None:
    with serving(on=True) as source:

        def switch(on: bool) -> None:  # noqa: FBT001
            source.flags = {"notes-preview": flag(on=on)}

        with start(plain, tmp_path / "out", FLAGS_URL=source.url, **RUN) as service:
            switched_under_load(plain, service, "`FLAGS_URL`", switch)
            begun = time.monotonic()
            while 304 not in source.answered:  # what is known is not sent again
                assert time.monotonic() < begun + 2 * LIMIT
                time.sleep(0.1)
            assert "s3cret" not in service.out.read_text() + service.errors()


def test_the_file_is_switched_by_a_deploy_of_another(plain: Project, tmp_path: Path) -> None:
    """Which is another release: here the same one, started again."""
    folder = tmp_path / "project"
    shutil.copytree(plain.folder, folder, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    for on, status in ((False, 404), (True, 200)):
        (folder / "flags.json").write_text(json.dumps({"flags": {"notes-preview": flag(on=on)}}))
        with start(Project(plain.stack, folder), tmp_path / f"out-{on}") as service:
            assert service.client.get(PREVIEW).status_code == status
    shown(plain, "switched in `flags.json`", "by a deploy")


def wait_until_off(service: Service) -> None:
    """Wait until the source was read: at the start, unless the machine is busy."""
    end = time.monotonic() + 2 * LIMIT
    while service.client.get(PREVIEW).status_code != 404:
        assert time.monotonic() < end, service.out.read_text()
        time.sleep(0.05)


def hangs_up(answer: BaseHTTPRequestHandler) -> None:
    """Say nothing more."""
    answer.close_connection = True


def hangs(answer: BaseHTTPRequestHandler) -> None:
    """Take the call, and say nothing."""
    time.sleep(8)
    answer.close_connection = True


def drips(answer: BaseHTTPRequestHandler) -> None:
    """Say a little at a time, without an end."""
    answer.send_response(200)
    answer.end_headers()
    for _ in range(80):
        answer.wfile.write(b" ")
        time.sleep(0.1)
    answer.close_connection = True


def says(status: int, body: bytes) -> Callable[[Any], None]:
    """Give an answer that is none."""
    return lambda answer: answer.answer(status, body)


FAULTS = {
    "answers 503": says(503, b""),
    "answers 404": says(404, b'{"flags": {}}'),
    "answers with a page": says(200, b"<!doctype html><p>Sign in"),
    "answers with half of it": says(200, b'{"flags": {"notes-preview": {"state": "ENABLED"'),
    "answers with other JSON": says(200, b"{}"),
    "answers with a flag that is none": says(200, b'{"flags": {"notes-preview": {"state": "ON"}}}'),
    "answers with nothing": says(200, b""),
    "answers with 8 MB": says(200, b" " * 8_000_000),
    "never answers": hangs,
    "answers a byte at a time": drips,
}


def test_a_source_that_fails_changes_nothing(
    plain: Project, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """On in `local` by the file, off by the source: so it is clear which of them counts.

    Nearly all of it is waiting, so that some are tried side by side, each with its own service.
    """

    def fails(fault: str) -> None:
        out = tmp_path / fault.replace(" ", "-")
        with (
            serving(on=False) as source,
            start(plain, out, FLAGS_URL=source.url, **RUN) as service,
        ):
            wait_until_off(service)
            before = said(service, FAILING)
            source.how = FAULTS[fault]
            wait_for(service, FAILING, before + 1)
            begun = time.monotonic()
            while time.monotonic() < begun + 5:  # it is looked at once more at least
                assert service.client.get(PREVIEW).status_code == 404
                assert service.client.get("/readyz").status_code == 200
                time.sleep(0.1)
            assert said(service, FAILING) == before + 1
            source.how = None
            wait_for(service, AGAIN, before + 1)
            assert service.client.get(PREVIEW).status_code == 404
            assert service.stop() == 0
            assert service.errors() == ""

    with ThreadPoolExecutor(5) as pool:
        tried = {fault: pool.submit(fails, fault) for fault in FAULTS}
    for fault, done in tried.items():
        with subtests.test(fault):
            done.result()
            shown(
                plain, f"`FLAGS_URL` {fault}: what it said last stays, one line of the log", "yes"
            )


def test_a_source_that_is_gone_counts_until_a_restart(plain: Project, tmp_path: Path) -> None:
    with ExitStack() as stack:
        source = stack.enter_context(serving(on=False))
        running = start(plain, tmp_path / "out", FLAGS_URL=source.url, **RUN)
        service = stack.enter_context(running)
        wait_until_off(service)
        before = said(service, FAILING)
        source.how = hangs_up  # on connections that are open still
        source.shutdown()
        source.server_close()
        wait_for(service, FAILING, before + 1)
        assert service.client.get(PREVIEW).status_code == 404
        again = start(plain, tmp_path / "again", FLAGS_URL=source.url, **RUN)
        restarted = stack.enter_context(again)
        assert restarted.client.get(PREVIEW).status_code == 200
        assert said(restarted, FAILING) == 1
    shown(plain, "`FLAGS_URL` is gone: what it said stays; after a restart the file counts", "yes")


def test_a_source_that_hangs_does_not_keep_it_from_starting(plain: Project, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/flags.json"
        begun = time.monotonic()
        with start(plain, tmp_path / "plain", **RUN):
            usual = time.monotonic() - begun
        begun = time.monotonic()
        with start(plain, tmp_path / "out", FLAGS_URL=url, **RUN) as service:
            assert time.monotonic() - begun < usual + 4
            assert service.client.get(PREVIEW).status_code == 200
            assert service.stop() == 0
    shown(plain, "`FLAGS_URL` never answers: it starts all the same", "yes")


def test_a_file_that_is_none_keeps_it_from_starting(plain: Project, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    shutil.copytree(plain.folder, folder, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    for text in ("{", "{}", '{"flags": {"a": {"state": "ON", "variants": {"x": 1}}}}', None):
        (folder / "flags.json").unlink()
        if text is not None:
            (folder / "flags.json").write_text(text)
        [line] = refused(Project(plain.stack, folder))
        assert line.startswith("flags.json: ")
        (folder / "flags.json").touch()
    shown(plain, "`flags.json` is none: it does not start, and says so in a line", "yes")


def test_what_is_off_is_as_if_it_were_not_there(plain: Project, tmp_path: Path) -> None:
    with start(plain, tmp_path / "out", APP_ENV="live") as service:
        for method in ("GET", "HEAD"):
            response = service.client.request(method, PREVIEW)
            assert response.status_code == 404
        assert problem(service.client.get(PREVIEW))["detail"] == "No such route"
        assert problem(service.client.get("/nope")) == problem(service.client.get(PREVIEW))
