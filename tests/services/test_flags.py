"""Feature flags of running services: switched under load, and while a source fails.

What was seen is in docs/reference/flags-proof.md: UPDATE_TABLES=1 writes it, without it is held to.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import httpx
import pytest
from conftest import ROOT
from pages import recorded
from store import Store

from .flag_source import flag, serving
from .service import APIS, WELCOME, Project, Service, problem, start
from .test_configuration import refused

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs/reference/flags-proof.md"
PREVIEW, NOTE = f"/notes/{WELCOME}/preview", f"/notes/{WELCOME}"
FAILING = "flags cannot be read, the last known ones count"
AGAIN = "flags can be read again"
#: Within so many seconds a switch is to be everywhere.
LIMIT = 10.0
UPDATING = bool(os.environ.get("UPDATE_TABLES"))

#: What a database's module fills in; a file stands for the database.
NODE = """\
import { readFile } from "node:fs/promises";
import type { FastifyInstance } from "fastify";

export function database(app: FastifyInstance) {
  const file = process.env["DATABASE"] ?? "";
  app.switches = async () => JSON.parse(await readFile(file, "utf8")) as Record<string, boolean>;
  return () => undefined;
}
"""
PYTHON = """\
import asyncio
import json
import os
from pathlib import Path

from fastapi import FastAPI

from app.config import Config
from app.flag_file import Switches
from app.health import ReadinessCheck


def database(app: FastAPI, _config: Config) -> ReadinessCheck:
    file = Path(os.environ["DATABASE"])

    async def switches() -> Switches:
        return json.loads(await asyncio.to_thread(file.read_text))

    app.state.flags.switches = switches
    return lambda: None
"""


@pytest.fixture(scope="module", params=APIS)
def plain(request: pytest.FixtureRequest, store: Store) -> Project:
    """A project as it is generated."""
    return Project(request.param, store.project(request.param))


@pytest.fixture(scope="module")
def kept(plain: Project, tmp_path_factory: pytest.TempPathFactory, store: Store) -> Project:
    """A project with something in the place of the database."""
    folder = tmp_path_factory.mktemp("kept") / plain.stack
    installed = ".git", "node_modules", ".venv"
    shutil.copytree(plain.folder, folder, ignore=shutil.ignore_patterns(*installed))
    for name in installed[1:]:
        if (plain.folder / name).exists():
            (folder / name).symlink_to(plain.folder / name)
    if plain.stack == "node":
        (folder / "src/database.ts").write_text(NODE)
        mounts, filled = folder / "src/mounts.ts", "{ database }"
        imported = 'import { database } from "./database.ts";\n'
    else:
        (folder / "app/database.py").write_text(PYTHON)
        mounts, filled = folder / "app/mounts.py", '{"database": database}'
        imported = "from app.database import database\n"
    said, found = re.subn(r"(?<=\]\] = |>> = ){}", filled, mounts.read_text())
    assert found == 1, said
    mounts.write_text(imported + said)
    store.run("ops/build", cwd=folder)
    return Project(plain.stack, folder)


def shown(project: Project, row: str, cell: str) -> None:
    """Hold a cell of the page to what was just seen, but for its seconds, or write it there."""

    def filled(text: str) -> str:
        rows = re.findall(r"^\| (.+?) \| (.*?) \| (.*?) \|$", text, re.MULTILINE)[2:]
        table = {name: [node, python] for name, node, python in rows}
        cells = table.setdefault(row, ["", ""])
        at = APIS.index(project.stack)
        if re.sub(r"[\d.]+ s", "", cells[at]) != re.sub(r"[\d.]+ s", "", cell) or UPDATING:
            cells[at] = cell
        lines = [("what happens", "Node", "Python"), ("---", "---", "---")]
        lines += [(name, *told) for name, told in table.items()]
        made = "".join(f"| {' | '.join(line)} |\n" for line in lines)
        return re.sub(r"(^\|.*\n)+", made, text, flags=re.MULTILINE)

    recorded(PAGE, filled)


@dataclass
class Load:
    """Clients that ask without a pause, and what they were told, and when."""

    service: Service
    told: list[tuple[float, str, int]] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    over: bool = False

    def ask(self, path: str) -> None:
        """Be one of them."""
        with httpx.Client(base_url=self.service.url, trust_env=False, timeout=10) as client:
            while not self.over:
                begun = time.monotonic()
                try:
                    response = client.get(path)
                except httpx.HTTPError as error:
                    self.failed.append(repr(error))
                    continue
                self.told.append((begun, path, response.status_code))
                time.sleep(0.002)

    def until(self, status: int, since: float) -> float:
        """Wait until all answers about the preview are so; give the seconds that it took."""
        while time.monotonic() < since + 3 * LIMIT:
            time.sleep(0.2)
            asked = [each for each in self.told if each[1] == PREVIEW and each[0] > since]
            last = max((at for at, _, told in asked if told != status), default=since)
            if any(at > last + 0.5 for at, *_ in asked):
                return last - since
        raise AssertionError("it was not switched at all")


@contextmanager
def load(service: Service) -> Iterator[Load]:
    """Have clients ask for the experiment and for what is none of it, until the block ends."""
    made = Load(service)
    paths = (PREVIEW, PREVIEW, NOTE, NOTE)
    threads = [threading.Thread(target=made.ask, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    try:
        while {path for _, path, _ in made.told} < {*paths}:
            time.sleep(0.05)
        yield made
    finally:
        made.over = True
        for thread in threads:
            thread.join()
    assert made.failed == []
    assert {told for _, path, told in made.told if path == NOTE} == {200}
    assert {told for _, path, told in made.told if path == PREVIEW} == {200, 404}


def switched_under_load(
    project: Project, service: Service, name: str, switch: Callable[[bool], None]
) -> None:
    """Switch the experiment off and on while clients ask for it."""
    took = []
    with load(service) as clients:
        for on in (False, True):
            begun = time.monotonic()
            switch(on)
            took.append(clients.until(200 if on else 404, begun))
    assert max(took) < LIMIT
    row = f"switched by {name} under load, no request fails"
    shown(project, row, f"off in {took[0]:.1f} s, on in {took[1]:.1f} s")


RUN = {"RATE_LIMIT_PER_MINUTE": "0", "LOG_LEVEL": "info"}


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


def test_what_the_database_says_is_everywhere_in_ten_seconds(kept: Project, tmp_path: Path) -> None:
    database = tmp_path / "switches.json"

    def switch(on: bool) -> None:  # noqa: FBT001
        new = database.with_suffix(".new")
        new.write_text(json.dumps({"notes-preview": on}))
        new.replace(database)

    switch(on=True)
    with start(kept, tmp_path / "out", DATABASE=str(database), **RUN) as service:
        switched_under_load(kept, service, "the database", switch)


def test_the_file_is_switched_by_a_deploy_of_another(plain: Project, tmp_path: Path) -> None:
    """Which is another release: here the same one, started again."""
    folder = tmp_path / "project"
    shutil.copytree(plain.folder, folder, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    for on, status in ((False, 404), (True, 200)):
        (folder / "flags.json").write_text(json.dumps({"flags": {"notes-preview": flag(on=on)}}))
        with start(Project(plain.stack, folder), tmp_path / f"out-{on}") as service:
            assert service.client.get(PREVIEW).status_code == status
    shown(plain, "switched in `flags.json`", "by a deploy")


def said(service: Service, msg: str) -> int:
    """Give how often a line is in the log."""
    return [line["msg"] for line in service.log()].count(msg)


def wait_for(service: Service, msg: str, times: int) -> None:
    """Wait for so many lines of the log, as long as a switch may take and longer."""
    end = time.monotonic() + 2 * LIMIT
    while said(service, msg) < times:
        assert time.monotonic() < end, service.out.read_text()
        time.sleep(0.05)


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


@pytest.mark.parametrize("fault", FAULTS)
def test_a_source_that_fails_changes_nothing(plain: Project, tmp_path: Path, fault: str) -> None:
    """On in `local` by the file, off by the source: so it is clear which of them counts."""
    with (
        serving(on=False) as source,
        start(plain, tmp_path / "out", FLAGS_URL=source.url, **RUN) as service,
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
    shown(plain, f"`FLAGS_URL` {fault}: what it said last stays, one line of the log", "yes")


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
