"""What is read in a migration before anything runs it, and what becomes of an address."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from process import engine_of

ENGINE = engine_of(("stack", "node"), ("database", "supabase"))
NAME = "20261201000000_colour.sql"


def migration(up: str, down: str = "select 1;", name: str = NAME) -> Any:
    """Make a migration."""
    text = f"-- migrate:up\n{up}\n-- migrate:down\n{down}\n"
    return ENGINE.migrations.Migration(name, text)


@pytest.mark.parametrize(
    "statement",
    [
        "drop table notes;",
        "DROP TABLE IF EXISTS notes CASCADE;",
        "alter table notes drop column body;",
        "alter table only notes\n  drop body;",
        "alter table notes add x int, drop column if exists body;",
        "truncate notes;",
        "delete from notes;",
        "select 1; delete from notes -- where there is no where\n;",
        "drop schema other;",
        "do $$ begin drop table notes; end $$;",
    ],
)
def test_what_destroys_says_why_it_may(statement: str) -> None:
    [said] = migration(statement).problems()
    assert said.startswith(f"{NAME}: it destroys (")
    assert said.endswith("-- destroys: WHY")
    assert not list(migration(f"-- destroys: nobody reads it\n{statement}").problems())
    assert list(migration(f"-- destroys:\n{statement}").problems()), "it says nothing"


@pytest.mark.parametrize(
    "statement",
    [
        "alter table notes drop constraint notes_title_key;",
        "alter table notes alter body drop not null, alter body drop default;",
        "drop index notes_oldest_first;",
        "delete from notes where title = '';",
        "insert into notes (title) values ('; drop table notes;'), ('it''s; truncate notes');",
        "/* drop table notes; */ select 1; -- truncate notes;",
        "create function f() returns int language sql as $f$ delete from notes; select 1 $f$;",
        "create table drops (truncates int);",
    ],
)
def test_what_destroys_nothing_says_nothing(statement: str) -> None:
    assert list(migration(statement).problems()) == []


def test_a_way_back_that_destroys_is_a_way_back() -> None:
    assert list(migration("create table t (i int);", "drop table t;").problems()) == []


def test_a_migration_goes_up_and_down_and_has_a_number_of_its_own() -> None:
    wrong = ENGINE.migrations.wrong
    assert wrong([migration("-- nothing yet")]) == [f"{NAME}: nothing after -- migrate:up"]
    [said] = wrong([migration("select 1;", "-- there is none")])
    assert said == f"{NAME}: nothing after -- migrate:down, so it cannot be taken back"
    assert "expected a name" in wrong([migration("select 1;", name="2_short.sql")])[0]
    same = migration("select 1;", name=NAME.replace("colour", "size"))
    assert "has the same number" in wrong([migration("select 1;"), same])[0]


def test_a_new_file_comes_after_all_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write = ENGINE.migrations.write
    first = write("Add a colour, to notes!", [])
    assert re.fullmatch(r"db/migrations/2\d{13}_add_a_colour_to_notes\.sql", str(first))
    later = write("size", [migration("", name="29991231235959_far_away.sql")])
    assert later.name == "29991231235960_size.sql"
    unfilled = ENGINE.migrations.wrong(ENGINE.migrations.here())
    assert len(unfilled) == 4, "both say that nothing is in them, up or down"
    with pytest.raises(ENGINE.errors.Misuse):
        write("!", [])


# Where a database is


def found(url: str, env: str = "live", **more: str) -> Any:
    """Find a database by settings."""
    file = Path("settings")
    told = {"DATABASE_URL": url, **more}
    file.write_text("".join(f'{name}="{it}"\n' for name, it in told.items()))
    settings = ENGINE.variables.Settings({"SETTINGS_FILE": str(file)})
    console = ENGINE.errors.Console("migrate")
    if env == "local":
        file.rename(".env.local")
    project = SimpleNamespace(settings=[], name="it")
    at = SimpleNamespace(env=env, settings=settings, console=console, project=project)
    return ENGINE.connection.find(at)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Be where there is nothing else."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATABASE_URL", raising=False)
    return tmp_path


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "query", ["", "?sslmode=disable", "?sslmode=require&sslrootcert=/dev/null", "?sslmode=prefer"]
)
def test_outside_this_machine_the_server_has_to_prove_who_it_is(query: str) -> None:
    with found(f"postgres://it:s3cr3t@db.example.com:6/notes{query}").opened() as url:
        assert url == "postgres://it:s3cr3t@db.example.com:6/notes?sslmode=verify-full"


@pytest.mark.usefixtures("here")
def test_by_a_certificate_of_the_vendor_if_there_is_one() -> None:
    database = found(
        "postgres://it:s3cr3t@db.example.com/notes", DATABASE_CA=r"-----BEGIN\n-----END"
    )
    with database.opened() as url:
        file = Path(url.partition("sslrootcert=")[2].replace("%2F", "/"))
        assert file.read_text() == "-----BEGIN\n-----END"
    assert not file.exists()


@pytest.mark.usefixtures("here")
def test_on_this_machine_it_need_not() -> None:
    with found("postgres://it:x@localhost/notes", "local").opened() as url:
        assert url.endswith("?sslmode=disable")


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    "url",
    [
        "mysql://it:s3cr3t@db/notes", "postgres://it:s3cr3t@/notes", "postgres://it:s3cr3t@db",
        "postgres://it:s3c#r3t@db/notes", "postgres://it:s3c/r3t@db/notes",
        "postgres://it:s3c%zzr3t@db/notes", "s3cr3t", "postgres://it:s3cr3t@db:99999/notes",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ENGINE.errors.Failure) as raised:
        found(url)
    assert "postgres://USER:PASSWORD@HOST/NAME" in str(raised.value)
    assert "r3t" not in str(raised.value)


@pytest.mark.usefixtures("here")
def test_what_is_elsewhere_is_not_local() -> None:
    with pytest.raises(ENGINE.errors.Failure, match="no server beside this machine: not touched"):
        found("postgres://it:s3cr3t@db.example.com/notes", "local")


@pytest.mark.usefixtures("here")
def test_a_password_is_not_repeated() -> None:
    database = found("postgres://it:s3%40cr3t@db.example.com/notes")
    said = f"cannot reach {database.url} with s3%40cr3t, or s3@cr3t"
    assert database.scrubbed(said) == "cannot reach *** with ***, or ***"
    assert "cr3t" not in str(database)
