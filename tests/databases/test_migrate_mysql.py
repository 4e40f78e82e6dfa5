"""ops/migrate on MariaDB, in place of MySQL: what is not as with PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from conftest import ENGINE, Render
from mariadb import MariaDB, mariadb
from migrating import COLOUR, FIRST, Project, block, project_of
from postgres_tls import certificate

pytestmark = pytest.mark.slow

NUMBERS = count()
ADD = block(
    "alter table notes add colour varchar(9) not null default 'red';",
    "alter table notes drop column colour;",
)
#: In place of the service's driver, which would have to be installed.
CLIENT = """
import subprocess
from urllib.parse import urlsplit
def need(settings): pass
def rows(question, url):
    at = urlsplit(url)
    who = ["-u", at.username, f"-p{at.password}"]
    command = ["mariadb", "-BN", "-h", at.hostname, "-P", str(at.port), *who, at.path[1:]]
    done = subprocess.run(command, input=question, capture_output=True, text=True, check=True)
    return [line.split("\\t") for line in done.stdout.splitlines()]
"""


@pytest.fixture(scope="module")
def server() -> Iterator[MariaDB]:
    with mariadb() as server:
        yield server


@pytest.fixture
def folder(render: Render) -> Path:
    """A new service, with a client and tests that nothing has to be installed for."""
    folder = render(stack="node", database="planetscale")
    (folder / ENGINE / "client.py").write_text(CLIENT)
    (folder / "ops/lib/stack.sh").write_text("stack_check() { :; }\nstack_test() { :; }\n")
    (folder / "ops/setup").write_text("#!/bin/sh\n")
    return folder


@pytest.fixture
def project(folder: Path, server: MariaDB) -> Project:
    """Such a service, whose database has nothing yet."""
    return project_of(folder, server, f"notes_{next(NUMBERS)}")


def test_up_status_and_down(project: Project) -> None:
    assert project.ok("local", "status").stdout == f"pending  {FIRST}\n"
    project.add(COLOUR, ADD)
    project.ok("local")
    assert project.applied() == [FIRST[:14], COLOUR[:14]]
    project.ok("local", "down")
    assert project.applied() == [FIRST[:14]]
    project.ok("local", "down")
    assert project.sql("show tables") == "schema_migrations"


def test_of_a_migration_that_fails_a_part_may_be_done_which_is_said(project: Project) -> None:
    project.ok("local")
    two = "alter table notes add colour varchar(9);\nalter table notes add colour varchar(9);"
    project.add(COLOUR, block(two, "alter table notes drop column colour;"))
    done = project.run("local")
    assert done.returncode == 1
    *_, last = done.stderr.splitlines()
    assert f"{COLOUR} was not applied, of which a part may be done" in last
    assert last.endswith("with its cause out of the way: ops/migrate local up")
    assert project.applied() == [FIRST[:14]]
    # What is said to be looked at: the first of the two is there, and is taken away by hand.
    assert project.sql("select colour from notes") == ""
    project.sql("alter table notes drop column colour")
    project.add(COLOUR, ADD)
    project.ok("local")


def test_prove_compares_schemas_and_rows(project: Project) -> None:
    project.commit("v1.0.0")
    project.add(COLOUR, ADD)
    project.commit()
    assert "has a way back" in project.ok("local", "prove").stderr
    refused = {
        "taken back, it leaves another schema": block(
            "alter table notes add colour varchar(9), add index by_body (title, body(10));",
            "alter table notes drop column colour;",
        ),
        "taken back, it leaves other rows": block(
            "update notes set body = 'gone';", "update notes set body = '' where true;"
        ),
    }
    for why, text in refused.items():
        project.add(COLOUR, text)
        project.commit()
        done = project.run("local", "prove")
        assert done.returncode == 1
        assert f"{COLOUR}: {why}" in done.stderr.splitlines()[-1], done.stderr
    databases = project.server.run("show databases").split()
    assert [name for name in databases if name.startswith(f"{project.database}_")] == []


def test_what_a_new_project_has_is_proved_with_its_rows(folder: Path, server: MariaDB) -> None:
    project = project_of(folder, server, f"notes_{next(NUMBERS)}", whole=True)
    assert "each of the 2 migrations that there are" in project.ok("local", "prove").stderr
    project.commit("v1.0.0")
    project.add(COLOUR, ADD)
    assert "v1.0.0 passes its tests" in project.ok("local", "prove").stderr


def test_outside_local_the_server_has_to_prove_who_it_is(project: Project, tmp_path: Path) -> None:
    key, crt = certificate(tmp_path)
    server = project.server
    url = f"mysql://app:secret@localhost:{server.port}/{project.database}?sslaccept=strict"
    with server.with_tls(key, crt):
        for told, status in (("", 1), (crt.read_text().replace("\n", "\\n"), 0)):
            settings = tmp_path / "settings"
            settings.write_text(f'DATABASE_URL="{url}"\nDATABASE_CA="{told}"\n')
            done = project.run("live", "--no-record", SETTINGS_FILE=str(settings))
            assert done.returncode == status, done.stderr
            assert "secret" not in done.stderr + done.stdout
    assert project.applied() == [FIRST[:14]]
