"""A rollback to a snapshot that does not go well: where the code is then, and where the data."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import pytest
from bucket import Asked, Bucket, Fault
from conftest import Render
from ledger import furnish
from migrating import ADD, COLOUR
from postgres import Postgres, postgres
from vendors.base import Machine
from vendors.fly import Fly

pytestmark = pytest.mark.slow

NUMBERS = count()
INSERT = "insert into notes (id, title, body) values (gen_random_uuid(), '{}', '');"


@dataclass
class Live:
    """Two releases: a snapshot has what the first wrote, and the second wrote something more."""

    machine: Machine
    server: Postgres
    bucket: Bucket
    database: str
    first: str = ""
    second: str = ""
    snapshot: str = ""

    def write(self, title: str) -> None:
        self.server.run(INSERT.format(title), self.database)

    def titles(self) -> list[str]:
        return self.server.run("select title from notes order by title", self.database).split()

    @property
    def command(self) -> list[str]:
        return ["ops/rollback", "live", "--snapshot", self.snapshot, "--overwrite", "live"]

    def nothing_changed(self) -> None:
        assert self.machine.vendor.running() == self.second
        assert self.titles() == ["early", "late"]
        assert self.machine.git("ls-remote", "origin", "refs/deployments/locks/*") == ""


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


@pytest.fixture
def live(server: Postgres, render: Render, tmp_path: Path) -> Iterator[Live]:
    with ExitStack() as stack:
        app = Fly()
        stack.enter_context(app.serving())
        machine = Machine.new(app, render, tmp_path, database="supabase")
        name = f"live_{next(NUMBERS)}"
        there = furnish(machine, server, name, stack, tmp_path)
        assert there
        machine.environment["SMOKE_TIMEOUT"] = "0"
        made = Live(machine, server, there, name)
        made.first = machine.deploy("v1.0.0")
        made.write("early")
        made.snapshot = machine.run("ops/backup", "live").stdout.strip()
        (machine.project / "db/migrations" / COLOUR).write_text(ADD)
        made.second = machine.deploy("v1.1.0")
        made.write("late")
        yield made


def test_it_says_what_is_lost_and_does_it_for_those_who_say_that_it_is_meant(live: Live) -> None:
    asked = live.machine.run(*live.command[:4], "--json")
    assert asked.returncode == 2
    told = json.loads(asked.stdout)
    assert (told["to"], told["snapshot"], told["rows"]) == (live.first, live.snapshot, 3)
    assert f"all that was written since {told['taken']} is lost" in asked.stderr
    assert "if that is meant, name what is overwritten: --overwrite live" in asked.stderr
    other = live.machine.run(*live.command[:4], "--overwrite", "testbed")
    assert other.returncode == 2
    live.nothing_changed()
    done = live.machine.run(*live.command)
    assert done.returncode == 0, done.stderr
    assert live.machine.vendor.running() == live.first
    assert live.titles() == ["early"]
    undo = done.stderr.rpartition("undo: ")[2].splitlines()[0].split()
    assert live.machine.run(*undo).returncode == 0
    assert live.titles() == ["early", "late"]


def test_a_snapshot_from_before_what_the_release_needs_is_refused(live: Live) -> None:
    live.machine.deploy("v1.2.0")
    done = live.machine.run(*live.command)
    assert done.returncode == 2
    assert f"{live.second} needs {COLOUR[:14]}: name an earlier version" in done.stderr
    assert live.titles() == ["early", "late"]


def test_a_restore_that_fails_leaves_code_and_data(live: Live) -> None:
    name = next(it for it in live.bucket.files if it.endswith(f"{live.snapshot}.dump.age"))
    live.bucket.files[name] = live.bucket.files[name][:-1] + b"!"
    done = live.machine.run(*live.command)
    assert done.returncode == 1
    assert "nothing was changed in live\n" in done.stderr
    assert done.stderr.endswith(f"the code was not rolled back: live runs {live.second}\n")
    live.nothing_changed()


def test_who_interrupts_it_finds_code_and_data_as_they_were(live: Live) -> None:
    def fails(asked: Asked) -> Fault | None:
        dump = asked.method == "GET" and asked.name.endswith(f"{live.snapshot}.dump.age")
        return Fault(0, {"seconds": "20"}) if dump else None

    live.bucket.fails = fails
    task = subprocess.Popen(
        live.command, cwd=live.machine.project, env=live.machine.environment, text=True,
        stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while not any(fails(asked) for asked in live.bucket.asked):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    task.send_signal(signal.SIGTERM)
    _, said = task.communicate(timeout=40)
    assert task.returncode == 128 + signal.SIGTERM, said
    assert f"interrupted; the code was not rolled back: live runs {live.second}" in said
    live.nothing_changed()


def test_code_that_is_not_healthy_makes_way_and_it_is_said_where_the_data_is(live: Live) -> None:
    live.machine.vendor.sick = {live.first}
    done = live.machine.run(*live.command)
    assert done.returncode == 1
    assert live.machine.vendor.running() == live.second
    assert live.titles() == ["early"]
    last = done.stderr.splitlines()[-1]
    assert f"live has the data of {live.snapshot}; to have that of before again: " in last
    assert live.machine.run(*last.rpartition("again: ")[2].split()).returncode == 0
    assert live.titles() == ["early", "late"]
