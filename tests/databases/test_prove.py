"""ops/migrate local prove: each way in which a migration has no way back is red by its name."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from conftest import ENGINE, ROOT, Render
from migrating import ADD, COLOUR, FIRST, Project, block, project_of
from postgres import BIN, Postgres, postgres
from store import Store

pytestmark = pytest.mark.slow

NUMBERS = count()
OWNED = "; if that is meant, say why: -- destroys: WHY"
#: In place of the service's driver, which would have to be installed.
PSQL = """
import csv, io, subprocess
def need(settings): pass
def rows(question, url):
    done = subprocess.run(
        ["PROGRAM", "-X", "-q", "--csv", "-t", "-d", url],
        input=question, capture_output=True, text=True, check=True,
    )
    return list(csv.reader(io.StringIO(done.stdout)))
""".replace("PROGRAM", str(BIN / "psql"))
#: In place of a suite of tests: it wants notes to have titles.
SUITE = f"""
stack_check() {{ :; }}
stack_test() {{
  {BIN / "psql"} -d "$DATABASE_URL" -v ON_ERROR_STOP=1 -c 'select title from notes'
}}
"""  # noqa: S608


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


@pytest.fixture
def folder(render: Render) -> Path:
    """A service with a client and tests that nothing has to be installed for."""
    folder = render(stack="node", database="supabase")
    (folder / ENGINE / "client.py").write_text(PSQL)
    (folder / "ops/lib/stack.sh").write_text(SUITE)
    (folder / "ops/setup").write_text("#!/bin/sh\n")
    return folder


@pytest.fixture
def released(folder: Path, server: Postgres) -> Project:
    """Such a service with a release."""
    made = project_of(folder, server, f"notes_{next(NUMBERS)}")
    made.commit("v1.0.0")
    return made


def refused(project: Project, text: str) -> str:
    """Have a migration refused, and give the last line of why."""
    project.add(COLOUR, text)
    project.commit()
    done = project.run("local", "prove")
    assert done.returncode == 1, done.stderr
    assert left(project) == []
    return done.stderr.splitlines()[-1].removeprefix("migrate: ")


def left(project: Project) -> list[str]:
    """Give the databases of this project that a proof left."""
    found = project.server.run("select datname from pg_database").split()
    return [name for name in found if name.startswith(f"{project.database}_")]


def test_a_migration_with_a_way_back_that_the_release_can_do_with(released: Project) -> None:
    released.add(COLOUR, ADD)
    done = released.ok("local", "prove")
    assert "each of the 1 migrations since v1.0.0 has a way back" in done.stderr
    assert "v1.0.0 passes its tests on the new schema" in done.stderr
    assert left(released) == []
    assert released.sql("select to_regclass('notes')") == "", "the database itself is not touched"


def test_what_a_new_project_has_is_proved_with_its_rows(folder: Path, server: Postgres) -> None:
    project = project_of(folder, server, f"notes_{next(NUMBERS)}", whole=True)
    assert "each of the 2 migrations that there are" in project.ok("local", "prove").stderr
    project.commit("v1.0.0")
    project.add(COLOUR, ADD)
    assert "v1.0.0 passes its tests" in project.ok("local", "prove").stderr


def test_without_anything_new_there_is_nothing_to_prove(released: Project) -> None:
    assert "no migrations since v1.0.0" in released.ok("local", "prove").stderr


def test_before_the_first_release_all_are_new(released: Project) -> None:
    released.git("tag", "--delete", "v1.0.0")
    done = released.ok("local", "prove")
    assert "each of the 1 migrations that there are has a way back" in done.stderr
    assert "v1.0.0" not in done.stderr


@pytest.mark.parametrize(
    ("up", "down", "why"),
    [
        ("alter table notes add x int;", "select 1;", "taken back, it leaves another schema"),
        ("select 1;", "drop index notes_oldest_first;", "taken back, it leaves another schema"),
        ("select 1;", "select nothing;", "it cannot be taken back"),
        ("select nothing;", "select 1;", "it cannot be applied"),
        ("delete from notes where body = '';", "select 1;", f"applied, it takes rows away{OWNED}"),
        ("update notes set body = '';", "select 1;", f"taken back, it leaves other rows{OWNED}"),
        (
            "create table t as select 1 as i; create table u as select * from pg_tables;",
            "alter table t rename to v; drop table u;",
            "taken back, it leaves another schema",
        ),
    ],
)
def test_one_without_a_working_way_back_is_red(
    released: Project, up: str, down: str, why: str
) -> None:
    assert refused(released, block(up, down)) == f"{COLOUR}: {why}"


def test_one_that_destroys_says_why(released: Project) -> None:
    back = "alter table notes add body text not null; alter table notes alter body set not null;"
    gone = "alter table notes drop column body;"
    assert refused(released, block(gone, back)) == "not proved: correct the files first"
    back = "delete from notes; alter table notes add body text not null;"
    released.add(COLOUR, block(f"-- destroys: nobody reads it\n{gone}", back))
    released.ok("local", "prove")


def test_what_was_released_is_not_edited(released: Project) -> None:
    file = released.folder / "db/migrations" / FIRST
    text = file.read_text()
    for now, what in ((text.replace("body text", "body varchar"), "changed"), ("", "taken away")):
        file.write_text(now)
        if not now:
            file.unlink()
        done = released.run("local", "prove")
        assert done.returncode == 1
        assert f"{FIRST}: {what} since v1.0.0, which has run it" in done.stderr


def test_what_is_new_comes_after_what_was_released(released: Project) -> None:
    early = "20200101000000_early.sql"
    released.add(early, block("select 1;"))
    done = released.run("local", "prove")
    assert done.returncode == 1
    assert f"{early}: {FIRST} of v1.0.0 comes after it" in done.stderr


def test_what_the_release_cannot_do_with_is_red(released: Project) -> None:
    """There is a way back, but a rollback of code alone would end in an outage."""
    rename = ("alter table notes rename title to name;", "alter table notes rename name to title;")
    why = refused(released, block(*rename))
    assert why.startswith(
        "v1.0.0 does not pass its tests on the new schema; add what is new beside"
    )


def test_a_release_without_rows_is_told(released: Project) -> None:
    (released.folder / "db/rows.sql").unlink()
    released.commit("v1.1.0")
    released.add(COLOUR, ADD)
    done = released.ok("local", "prove")
    assert "v1.1.0 has no db/rows.sql: whether rows stay readable is not looked at" in done.stderr


def test_the_page_about_it_holds(released: Project) -> None:
    text = (ROOT / "docs/how-to/change-the-schema.md").read_text("utf-8")
    script = "set -eu\n" + "\n".join(
        re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    )
    done = subprocess.run(
        ["sh", "-c", script], cwd=released.folder, env=released.environment(),
        check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "v1.0.0 passes its tests on the new schema" in done.stderr
    assert len(released.applied()) == 2


@pytest.mark.parametrize("stack", ["node"])
def test_a_service_as_it_is_proves_its_first_change(
    stack: str, store: Store, server: Postgres, tmp_path: Path
) -> None:
    """With its own driver, set-up and tests, which do without the table of switches."""
    made = tmp_path / "service"
    store.run(
        "cp",
        "-a",
        str(store.project(stack, "-d", "database=supabase", name=f"{stack}-supabase")),
        str(made),
        cwd=tmp_path,
    )
    store.run("rm", "-rf", ".git", cwd=made)
    project = project_of(made, server, f"notes_{next(NUMBERS)}")
    project.commit("v1.0.0")
    project.add(COLOUR, ADD)
    told = {"PATH": store.environment["PATH"], "TMPDIR": str(tmp_path)}
    done = project.ok("local", "prove", **told)
    assert "v1.0.0 passes its tests on the new schema" in done.stderr
