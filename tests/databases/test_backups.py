"""Backups as people take and restore them: PostgreSQL, age, and a bucket that fails when told."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from bucket import Fault, bucket
from conftest import Render
from laptop import Machine, at_home, every_bad_one_is_refused, is_dump, is_read
from postgres import BIN, Postgres, postgres

pytestmark = pytest.mark.slow

ROWS = 20_000
#: Names that need quotes, types that have to come back as they were, and something of each kind.
CONTENT = f"""
create table notes (id uuid primary key default gen_random_uuid(), title text unique, body text,
  created_at timestamptz not null default now());
insert into notes (title, body)
  select 'note ' || it, repeat(md5(it::text), 30) from generate_series(1, {ROWS}) it;
create table schema_migrations (version varchar(128) primary key);
insert into schema_migrations values ('20261130000000');
create schema "other one";
create type "other one".mood as enum ('good', 'bad');
create table "other one"."Things |" (id serial primary key, mood "other one".mood,
  price numeric, at timestamp, raw bytea, parts float8[]);
insert into "other one"."Things |" (mood, price, at, raw, parts)
  select 'bad', random(), now(), decode('00ff', 'hex'), array[random(), 'NaN']
  from generate_series(1, 60);
create view titles as select title from notes;
create function twice(int) returns int language sql as 'select $1 * 2';
"""  # noqa: S608 (a number)
CHANGED = """
delete from notes where title like 'note 1%'; create table later (id int);
drop view titles;
"""


@dataclass
class Laptop(Machine):
    """One with a PostgreSQL server."""

    server: Postgres

    def ask(self, question: str, database: str = "") -> str:
        """Ask the server."""
        return self.server.run(question, database or self.database)

    def databases(self) -> set[str]:
        """Give all that there are."""
        return set(self.ask("select datname from pg_database", "postgres").split())

    def state(self) -> str:
        """Give what must not change: every row, and which tables there are."""
        tables = (
            "select string_agg(relname, ' ' order by relname) from pg_class"
            " where relkind = 'r' and relname !~ '^(pg|sql)_'"
        )
        rows = "select md5(string_agg(it::text, '' order by title)) from notes it"
        return self.ask(f"{tables}; {rows}")

    def exchange(self) -> None:
        """Have two rows have each other's values."""
        for one, its in ((1, 2), (2, 1)):
            body = f"repeat(md5('{its}'), 30)"
            self.ask(f"update notes set body = {body} where title = 'note {one}'")  # noqa: S608

    def halve(self) -> None:
        """Lose rows of a table."""
        self.ask("delete from notes where title like 'note 1%'")

    def dumped(self, *, rows: bool = True) -> bytes:
        """Dump and encrypt by hand."""
        options = () if rows else ("-s",)
        command = [BIN / "pg_dump", "-Fc", *options, self.environment["DATABASE_URL"]]
        return self.closed(subprocess.run(command, check=True, capture_output=True).stdout)


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as made:
        yield made


@pytest.fixture
def at(render: Render, server: Postgres, tmp_path: Path) -> Iterator[Laptop]:
    """One whose database has content, in its own database of the server."""
    project = tmp_path / "shop"
    shutil.copytree(render(stack="node", ci="github", hosting="fly", database="supabase"), project)
    database = f"shop_{hashlib.sha256(str(tmp_path).encode()).hexdigest()[:8]}"
    server.run(f"create database {database}")
    server.run(CONTENT, database)
    with bucket() as there:
        environment = {
            **at_home(tmp_path, there),
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "DATABASE_URL": server.url.rpartition("/")[0] + f"/{database}",
        }
        yield Laptop(project, there, environment, database, server)


# What comes back


def test_a_backup_comes_back_into_a_new_database(at: Laptop) -> None:
    before = at.state()
    name = at.backup()
    at.ask(CHANGED)
    listed = json.loads(at.run("ops/snapshots", "local", "--json"))
    assert [it["name"] for it in listed] == [name]
    assert listed[0]["migration"] == "20261130000000"
    rows = {table: it["rows"] for table, it in listed[0]["tables"].items()}
    assert rows == {"public.notes": ROWS, "public.schema_migrations": 1, "other one.Things |": 60}
    new = f"{at.database}_new"
    said = at.run("ops/restore", "local", name, "--into", new)
    assert "local was not touched" in said
    at.database = new
    assert at.state() == before
    assert at.ask("select twice(21), count(*) from titles") == f"42|{ROWS}"
    # What is there is nobody's to write to.
    assert "already exists" in at.run("ops/restore", "local", name, "--into", new, code=1)
    assert at.state() == before


def test_what_is_in_the_bucket_is_read_by_nobody_else(at: Laptop) -> None:
    at.backup()
    everything = b"".join(at.bucket.files.values())
    assert b"age-encryption.org" in everything
    assert b"PGDMP" not in everything
    assert b"note 1" not in everything
    other = subprocess.run(["age-keygen"], check=True, capture_output=True, text=True).stdout
    said = at.run(
        "ops/restore", "local", "newest", "--into", "nothing", code=1,
        BACKUP_IDENTITY=other.split()[-1],
    )  # fmt: skip
    assert "no identity matched any of the recipients" in said
    assert "nothing" not in at.databases()


def test_what_an_environment_has_is_replaced_at_once_and_can_be_had_again(at: Laptop) -> None:
    before = at.state()
    name = at.backup()
    at.ask(CHANGED)
    changed = at.state()
    assert at.run("ops/restore", "local", name, "--overwrite", "live", code=2)
    assert at.state() == changed
    said = at.run("ops/restore", "local", name, "--overwrite", "local")
    assert at.state() == before
    undo = said.rpartition("undo: ")[2].split()
    at.run(*undo)
    assert at.state() == changed


def test_nothing_that_was_acknowledged_is_lost_between_backup_and_restore(at: Laptop) -> None:
    """Who writes meanwhile waits; all that was written before is in the backup of it."""
    name = at.backup()
    url = at.environment["DATABASE_URL"]
    acknowledged: list[str] = []
    ended = threading.Event()

    def write() -> None:
        while not ended.is_set():
            title = f"written {len(acknowledged)}"
            insert = f"insert into notes (title) values ('{title}')"  # noqa: S608 (a number)
            command = [str(BIN / "psql"), "-Xqd", url, "-c", insert]
            if not subprocess.run(command, check=False, capture_output=True).returncode:
                acknowledged.append(title)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        said = at.run("ops/restore", "local", name, "--overwrite", "local")
    finally:
        ended.set()
        writer.join()
    undo = said.rpartition("undo: ")[2].split()[2]
    at.run("ops/restore", "local", undo, "--into", f"{at.database}_undo")
    titles = "select title from notes where title like 'written %'"
    there = {*at.ask(titles).splitlines(), *at.ask(titles, f"{at.database}_undo").splitlines()}
    assert len(acknowledged) > 3
    assert set(acknowledged) <= there


def test_a_drill_leaves_evidence_and_nothing_else(at: Laptop) -> None:
    """Of the newest with an identity; without one of its own, which no other run can read."""
    before = at.databases()
    name = at.backup()
    at.run("ops/restore", "local", "--drill")
    [file] = (at.project / "drills").iterdir()
    evidence = json.loads(file.read_text())
    assert (evidence["result"], evidence["snapshot"]) == ("passed", name)
    assert evidence["tables"]["public.notes"]["rows"] == ROWS
    at.run("ops/restore", "local", "--drill", BACKUP_IDENTITY="")
    newer = json.loads(file.read_text())["snapshot"]
    assert newer > name
    at.run("ops/restore", "local", newer, "--into", f"{at.database}_again")
    assert at.databases() == {*before, f"{at.database}_again"}


# What is refused


def test_a_bad_backup_is_refused_by_what_is_wrong_with_it(at: Laptop) -> None:
    """A new database is gone again; what was to be replaced stays as it was."""
    every_bad_one_is_refused(at, ROWS)


def test_a_database_without_tables_is_none_to_back_up(at: Laptop) -> None:
    at.server.run(f"create database {at.database}_empty")
    said = at.run(
        "ops/backup", "local", code=1, DATABASE_URL=f"{at.environment['DATABASE_URL']}_empty"
    )
    assert "empty: the database has no tables" in said
    assert at.bucket.files == {}


def test_a_sudden_loss_is_told_until_somebody_accepts_it(at: Laptop) -> None:
    """The backup is kept, and so is every older one, however old."""
    first = at.backup()
    for old in ("20200101T000000Z-0000", "20200101T010000Z-0000"):
        for end in (".json", ".dump.age"):
            content = at.bucket.files[f"{at.folder}{first}{end}"].replace(
                first.encode(), old.encode()
            )
            at.bucket.files[f"{at.folder}{old}{end}"] = content
    at.ask("delete from notes where title > 'note 15'")
    for _ in range(2):
        said = at.run("ops/backup", "local", code=1)
        assert f"rows, {ROWS} before" in said
        assert first in said
    assert len(at.bucket.files) == 2 * 5
    assert "much less than before" in at.run("ops/snapshots", "local")
    said = at.run("ops/backup", "local", "--accept-loss")
    assert "20200101T000000Z-0000 need not be kept" in said
    at.backup()


@pytest.mark.parametrize(
    ("variables", "code", "says"),
    [
        ({"BACKUP_BUCKET": "", "BACKUP_RECIPIENT": ""}, 2, "BACKUP_BUCKET: "),
        ({"BACKUP_RECIPIENT": "AGE-SECRET-KEY-1x"}, 2, "BACKUP_RECIPIENT is to be a recipient"),
        ({"PATH": "/usr/bin:/bin", "BACKUP_RECIPIENT": "age1x"}, 2, "BACKUP_RECIPIENT is to be"),
        ({"DATABASE_URL": "postgresql://a:b@db.example.com/x"}, 1, "no server beside this machine"),
        ({"DATABASE_URL": "postgresql://a:verysecret@127.0.0.1:9/x"}, 1, "Connection refused"),
    ],
)
def test_a_task_that_cannot_do_it_says_why(
    at: Laptop, variables: dict[str, str], code: int, says: str
) -> None:
    assert says in at.run("ops/backup", "local", code=code, **variables)


def test_an_older_program_is_refused(at: Laptop, tmp_path: Path) -> None:
    """It knows less than the server, and may leave that out."""
    program = tmp_path / "bin/pg_dump"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'pg_dump (PostgreSQL) 9.6'\n")
    program.chmod(0o755)
    path = f"{program.parent}:{at.environment['PATH']}"
    assert "install PostgreSQL's client programs of 18" in at.run(
        "ops/backup", "local", code=1, PATH=path
    )


# What fails halfway


def nobody_is_connected(at: Laptop) -> bool:
    of = f"where datname = '{at.database}'"
    question = f"select count(*) from pg_stat_activity {of}"  # noqa: S608 (a test's)
    for _ in range(200):
        if at.ask(question, "postgres") == "0":
            return True
        threading.Event().wait(0.05)
    return False


def test_a_backup_that_is_killed_counts_for_nothing_and_takes_nothing_with_it(at: Laptop) -> None:
    first = at.backup()
    at.killing("ops/backup", "local", when=is_dump)
    assert nobody_is_connected(at)
    said = at.run("ops/snapshots", "local")
    assert first in said
    assert "unfinished" in said
    at.run("ops/restore", "local", first, "--into", f"{at.database}_new")
    assert at.backup() > first


def test_a_restore_that_is_killed_leaves_what_there_was(at: Laptop) -> None:
    name = at.backup()
    at.ask(CHANGED)
    changed = at.state()
    at.killing("ops/restore", "local", name, "--overwrite", "local", when=is_read)
    assert nobody_is_connected(at)
    assert at.state() == changed
    at.run("ops/restore", "local", name, "--overwrite", "local")
    assert at.state() != changed


def test_a_server_that_is_killed_is_no_harm(at: Laptop) -> None:
    first = at.backup()
    at.ask(CHANGED)
    changed = at.state()
    for command, when in (
        (("ops/backup", "local"), is_dump),
        (("ops/restore", "local", first, "--overwrite", "local"), is_read),
    ):
        before = dict(at.bucket.files)
        at.killing(*command, when=when, kill=at.server.kill)
        at.server.start()
        assert at.state() == changed
        assert all(at.bucket.files[name] == content for name, content in before.items())


@pytest.mark.parametrize(
    ("status", "says"),
    [(403, "may not do this"), (503, "503 SlowDown"), (507, "507 SlowDown")],
)
def test_a_bucket_that_takes_nothing_keeps_what_it_has(at: Laptop, status: int, says: str) -> None:
    first = at.backup()
    before = dict(at.bucket.files)
    at.bucket.fails = lambda it: (
        Fault(status, body=b"<Code>SlowDown</Code>") if it.method in ("PUT", "POST") else None
    )
    said = at.run("ops/backup", "local", code=1)
    assert says in said
    assert "nothing was backed up" in said
    assert at.bucket.files == before
    at.bucket.fails = lambda _: None
    at.run("ops/restore", "local", first, "--into", f"{at.database}_new")


def test_two_at_once_are_both_whole(at: Laptop) -> None:
    """Each is of one moment, with a name of its own: no lock could be left behind."""
    both = [at.start("ops/backup", "local") for _ in range(2)]
    names = [it.communicate(timeout=120)[0].strip() for it in both]
    assert len(set(names)) == 2
    into = [
        at.start("ops/restore", "local", name, "--into", f"{at.database}_new") for name in names
    ]
    for each in into:
        each.communicate(timeout=120)
    assert sorted(each.returncode for each in into) == [0, 1]
    assert at.ask("select count(*) from notes", f"{at.database}_new") == str(ROWS)
