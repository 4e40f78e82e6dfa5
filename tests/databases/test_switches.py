"""Feature flags switched in the database of a running service, by ops/flag of the same project."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import cycle
from pathlib import Path

import pytest
from conftest import ROOT
from migrating import SWITCHES
from ports import free_port
from postgres_tls import certificate
from running import Running, away, ready
from servers import KINDS, SERVERS, Server
from services.flag_source import serving
from services.service import APIS, Project, Service
from services.switching import (
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
from store import Store

pytestmark = pytest.mark.slow

PAGE = ROOT / "docs/how-to/put-a-feature-behind-a-flag.md"
FLAG = "notes-preview"
#: What MariaDB stands in for is said on the page.
ENGINES = {"postgres": "PostgreSQL", "mysql": "MySQL", "mongo": "MongoDB"}
LACKS = "flag_switches; ops/migrate local makes it, if db/migrations has it\n"


#: Each engine in one language, by turns: what is the language's own, a project's tests try as well.
BY_TURNS = [
    next(kind for kind in KINDS if kind[1:] == (engine, stack))
    for engine, stack in zip(SERVERS, cycle(APIS), strict=False)
]
by_turns = pytest.mark.parametrize(
    "kind", BY_TURNS, ids=lambda kind: f"{kind[0]}-{kind[2]}", indirect=True, scope="module"
)


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: f"{kind[0]}-{kind[2]}")
def kind(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    found: tuple[str, str, str] = request.param
    return found


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


def begun(running: Running, *command: str, who: str = "Ann", **env: str) -> subprocess.Popen[str]:
    """Start a command, as somebody whose settings have the database."""
    person = {"GIT_AUTHOR_NAME": who, "GIT_AUTHOR_EMAIL": f"{who.lower()}@example.com"}
    clean = {name: os.environ[name] for name in os.environ if name not in ("CI", "GITHUB_RUN_ID")}
    return subprocess.Popen(
        command, cwd=running.project.folder, text=True,
        env={**clean, **person, "DATABASE_URL": running.url, **env},
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def ended(process: subprocess.Popen[str], code: int = 0) -> str:
    """Wait for a command, and give what it says: first what it prints."""
    out, err = process.communicate(timeout=120)
    assert process.returncode == code, out + err
    assert "secret" not in out + err
    return out + err


def flag(running: Running, *arguments: str, code: int = 0, **env: str) -> str:
    """Run ops/flag, and give what it says."""
    return ended(begun(running, "ops/flag", *arguments, **env), code)


def becomes(service: Service, status: int) -> None:
    """Wait until the experiment answers so, as long as a switch may take."""
    end = time.monotonic() + LIMIT
    while service.client.get(PREVIEW).status_code != status:
        assert time.monotonic() < end, service.out.read_text()
        time.sleep(0.05)


def test_a_switch_is_everywhere_in_ten_seconds(
    running: Running, kind: tuple[str, str, str]
) -> None:
    service = running.service(**RUN)
    switched_under_load(
        running.project,
        service,
        f"`ops/flag` in {ENGINES[kind[1]]}",
        lambda on: flag(running, "local", FLAG, "on" if on else "off"),
    )
    assert running.connections() <= 11


@by_turns
def test_the_database_counts_more_than_flags_url_and_that_more_than_the_file(
    running: Running,
) -> None:
    """By the file it is on in `local`."""
    with serving(on=False) as source:
        service = running.service(FLAGS_URL=source.url, **RUN)
        becomes(service, 404)
        done = flag(running, "local", FLAG, "on")
        assert done.endswith(f"Z local: {FLAG} is on, by Ann, ann@example.com\n")
        becomes(service, 200)
        [line] = service.logged("flag switched")
        assert (line["flag"], line["state"], line["who"]) == (FLAG, "on", "Ann, ann@example.com")
        done = flag(running, "local", FLAG, "reset", who="Bob")
        assert f"local: {FLAG} is as files say, by Bob" in done
        becomes(service, 404)
    shown(
        running.project, "the database, `FLAGS_URL`, the file: the first that says it counts", "yes"
    )


@by_turns
def test_the_page_on_flags_is_run_as_it_stands(running: Running) -> None:
    """In `local`, where the database has no certificate."""
    _, _, section = PAGE.read_text("utf-8").partition("\n## In the database\n")
    block = re.search(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    assert block
    assert "SWITCHED" not in flag(running, "local").splitlines()[0]
    done = ended(begun(running, "sh", "-euc", block[1].replace(" live", " local")))
    head, row, history, change, *said_ = done.splitlines()
    assert head.split()[-3:] == history.split() == ["SWITCHED", "BY", "AT"]
    assert "  flags.json  off       Ann, ann@example.com  20" in row
    assert change.startswith("off       Ann, ann@example.com  20")
    assert [line.partition("local: ")[2] for line in said_ if "Z local: " in line] == [
        f"{FLAG} is off, by Ann, ann@example.com",
        f"{FLAG} is as files say, by Ann, ann@example.com",
    ]


@by_turns
def test_whatever_somebody_is_called_is_told_and_no_flag_is_made_up(running: Running) -> None:
    flag(running, "local", FLAG, "on", who="Zoë 'Z' %s ? $1")
    running.server.switched(running.name, "gone", "off", "me")
    head, row, _ = flag(running, "local").splitlines()
    assert head.startswith("FLAG")
    assert "  flags.json  on        Zoë 'Z' %s ? $1, " in row


@by_turns
def test_of_two_at_once_both_are_kept_and_one_counts(running: Running) -> None:
    service = running.service(**RUN)
    both = [begun(running, "ops/flag", "local", FLAG, to, who=to) for to in ("on", "off")]
    for process in both:
        ended(process)
    kept = flag(running, "local", FLAG, "list").splitlines()[1:]
    assert sorted(line.split()[0] for line in kept) == ["off", "on"]
    becomes(service, 200 if kept[0].startswith("on") else 404)


@by_turns
def test_a_switch_arrives_while_requests_have_taken_the_pool(running: Running) -> None:
    """What takes it may be what is to be switched off."""
    service = running.service(DATABASE_POOL_MAX="1", **RUN)
    becomes(service, 200)
    with running.locked(), ThreadPoolExecutor() as pool:
        for _ in range(8):
            pool.submit(service.client.get, PREVIEW)
        flag(running, "local", FLAG, "off")
        wait_for(service, "flag switched", 1)
        assert service.client.get(PREVIEW).status_code == 404
    shown(running.project, "switched while requests have taken every connection", "yes")


@by_turns
def test_a_database_that_dies_changes_nothing_until_a_restart(running: Running) -> None:
    flag(running, "local", FLAG, "off")
    service = running.service(**RUN)
    becomes(service, 404)
    running.server.kill()
    try:
        wait_for(service, FAILING, 1)
        end = time.monotonic() + 5
        while time.monotonic() < end:  # it is looked at once more at least
            assert service.client.get(PREVIEW).status_code == 404
            assert service.client.get("/healthz").status_code == 200
            time.sleep(0.1)
        assert said(service, FAILING) == 1
        restarted = running.service(**RUN)
        assert away(restarted.client.get(PREVIEW)), "it is on, and so asks the database"
        with serving(on=False) as source:
            served = running.service(FLAGS_URL=source.url, **RUN)
            becomes(served, 404)
        done = flag(running, "local", FLAG, "on", code=1)
        assert len(done.splitlines()) == 2
        assert done.endswith(
            f"flag: {FLAG} was not switched on in local, as far as is known here: "
            "its database does not answer\n"
        )
        assert "its database does not answer" in flag(running, "local", code=1)
    finally:
        running.server.start()
    for each in (service, restarted, served):
        wait_for(each, AGAIN, 1)
        assert each.client.get(PREVIEW).status_code == 404
    project = running.project
    shown(project, "the database is killed: what it said stays, one line of the log", "yes")
    shown(project, "the database is gone: after a restart `FLAGS_URL` counts, then the file", "yes")


@by_turns
def test_without_its_table_files_count_and_one_that_is_dropped_leaves_what_it_said(
    running: Running,
) -> None:
    running.server.without_switches(running.name)
    service = running.service(**RUN)
    assert service.client.get(PREVIEW).status_code == 200
    assert ready(service)
    wait_for(service, FAILING, 1)
    done = flag(running, "local", FLAG, "off", code=1)
    assert len(done.splitlines()) == 2
    assert f"flag: {FLAG} was not switched off in local, as far as is known here: " in done
    assert done.endswith(LACKS)
    running.server.apply(running.name, running.project.folder, SWITCHES)
    flag(running, "local", FLAG, "off")
    becomes(service, 404)
    assert said(service, FAILING) == said(service, AGAIN) == 1
    running.server.without_switches(running.name)
    wait_for(service, FAILING, 2)
    assert service.client.get(PREVIEW).status_code == 404
    assert ready(service)
    shown(running.project, "there is no table of switches: files count, one line of the log", "yes")
    shown(running.project, "the table is taken back: what it said stays", "yes")


@by_turns
def test_outside_local_the_server_has_to_prove_who_it_is(running: Running, tmp_path: Path) -> None:
    key, crt = certificate(tmp_path)
    settings = tmp_path / "settings"

    def switch(url: str, ca: str, code: int) -> str:
        settings.write_text(f'DATABASE_URL="{url}"\nDATABASE_CA="{ca}"\n')
        return flag(running, "live", FLAG, "on", code=code, SETTINGS_FILE=str(settings))

    ca = crt.read_text().replace("\n", "\\n")
    switch(running.url, ca, 1)
    with running.server.with_tls(key, crt) as port:
        url = running.url.replace(f"127.0.0.1:{running.server.port}", f"localhost:{port}")
        switch(url, "", 1)
        assert f"live: {FLAG} is on" in switch(f"{url}?sslmode=disable", ca, 0)


@by_turns
def test_what_is_wrong_is_said_before_anything_is_switched(running: Running) -> None:
    for arguments, said_ in {
        ("local", "note-preview", "off"): f"no flag 'note-preview': {FLAG}",
        ("local", "x", "on"): f"no flag 'x': {FLAG}",
        ("local", FLAG, "maybe"): "or a flag and on, off, reset or list",
        ("nowhere", FLAG, "on"): "no environment 'nowhere': local, sandbox, testbed or live",
    }.items():
        assert said_ in flag(running, *arguments, code=2).splitlines()[0]
    nowhere = running.url.replace(str(running.server.port), str(free_port()))
    assert "does not answer" in flag(running, "local", FLAG, "off", code=1, DATABASE_URL=nowhere)
    for wrong in ("", "mongodb://x/y", "mysql://db.example.com/x", "postgres://db.example.com/x"):
        (tmp := running.folder / "settings").write_text(f"DATABASE_URL={wrong}\n")
        done = flag(running, "live", FLAG, "off", code=1, SETTINGS_FILE=str(tmp))
        assert "DATABASE_URL" in done or "does not answer" in done
