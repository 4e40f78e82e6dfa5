"""A database of the tests' own, with what the migrations make. Every app finds it empty."""

import os
import re
import time
from collections.abc import Callable, Iterator
from urllib.parse import unquote, urlsplit

import pymysql
import pytest
from fastapi import FastAPI
from pymysql.constants import CLIENT
from pymysql.cursors import Cursor

from app.config import Config
from app.health import ReadinessCheck
from app.mounts import DEPENDENCIES
from tests.fixtures.environment import REQUIRED, ROOT

TABLES = """
select table_name from information_schema.tables
where table_schema = database() and table_type = 'BASE TABLE'
"""


@pytest.fixture(scope="session")
def scratch() -> Iterator[Cursor]:
    """Give a connection to it."""
    url = urlsplit(REQUIRED["DATABASE_URL"])
    try:
        server = pymysql.connect(
            host=url.hostname,
            port=url.port or 3306,
            user=unquote(url.username or ""),
            password=unquote(url.password or ""),
            connect_timeout=5,
            autocommit=True,
            client_flag=CLIENT.MULTI_STATEMENTS,
        )
    except pymysql.Error as error:
        wanted = f"These tests want MySQL at {url.hostname}:{url.port}, which does not answer"
        start = "`docker compose up --detach --wait database` starts one, or set DATABASE_URL"
        pytest.exit(f"{wanted}: {start}. {error}", returncode=1)
    name = f"test_{os.getpid()}_{time.time_ns()}"
    with server, server.cursor() as cursor:
        run(cursor, f"create database {name}; use {name}")
        REQUIRED["DATABASE_URL"] = url._replace(path=f"/{name}").geturl()
        for migration in sorted((ROOT / "db/migrations").glob("*.sql")):
            _, up, *_ = re.split(r"(?m)^-- migrate:.*$", migration.read_text())
            run(cursor, up)
        yield cursor
        run(cursor, f"drop database {name}")


def run(cursor: Cursor, statements: str) -> None:
    """Run them; what one of them has against it is said."""
    cursor.execute(statements)
    while cursor.nextset():
        pass


@pytest.fixture
def empty(scratch: Cursor) -> Callable[[], str]:
    """Give what empties all tables, and says which there are."""

    def truncate() -> str:
        scratch.execute(TABLES)
        tables = "".join(f"; truncate `{table}`" for (table,) in scratch.fetchall())
        run(scratch, f"set foreign_key_checks = 0{tables}")
        return tables

    truncate()
    return truncate


@pytest.fixture(autouse=True)
def without_tls(monkeypatch: pytest.MonkeyPatch, empty: Callable[[], str]) -> None:
    """Have apps that run as in sandbox take this server, too."""
    database = DEPENDENCIES["database"]

    def as_local(app: FastAPI, config: Config) -> ReadinessCheck:
        tables = empty()
        check = database(app, config.model_copy(update={"APP_ENV": "local"}))
        if "flag_switches" not in tables:  # a project may be from before there was that table
            app.state.flags.switches = None
        return check

    monkeypatch.setitem(DEPENDENCIES, "database", as_local)
