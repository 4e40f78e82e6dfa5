"""A database of the tests' own, with what the migrations make. Every app finds it empty."""

import asyncio
import os
import re
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import asyncpg
import pytest
from fastapi import FastAPI

from app.config import Config
from app.health import ReadinessCheck
from app.mounts import DEPENDENCIES
from tests.fixtures.environment import REQUIRED, ROOT

TABLES = """
select string_agg(quote_ident(tablename), ', ') from pg_tables where schemaname = 'public'
"""

type Connection = asyncpg.Connection[asyncpg.Record]


@pytest.fixture(scope="session")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture(scope="session")
def scratch(loop: asyncio.Runner) -> Iterator[Connection]:
    """Give a connection to it."""
    url = urlsplit(REQUIRED["DATABASE_URL"])
    try:
        server = loop.run(asyncpg.connect(url.geturl(), timeout=5))
    except OSError as error:
        wanted = f"These tests want PostgreSQL at {url.hostname}:{url.port}, which does not answer"
        start = "`docker compose up --detach --wait database` starts one, or set DATABASE_URL"
        pytest.exit(f"{wanted}: {start}. {error}", returncode=1)
    name = f"test_{os.getpid()}_{time.time_ns()}"
    loop.run(server.execute(f"create database {name}"))
    REQUIRED["DATABASE_URL"] = url._replace(path=f"/{name}").geturl()
    connection = loop.run(asyncpg.connect(REQUIRED["DATABASE_URL"]))
    for migration in sorted((ROOT / "db/migrations").glob("*.sql")):
        _, up, *_ = re.split(r"(?m)^-- migrate:.*$", migration.read_text())
        loop.run(connection.execute(up))
    yield connection
    loop.run(connection.close())
    loop.run(server.execute(f"drop database {name} with (force)"))
    loop.run(server.close())


@pytest.fixture
def empty(loop: asyncio.Runner, scratch: Connection) -> Callable[[], str]:
    """Give what empties all tables, and says which there are."""

    def truncate() -> str:
        tables = loop.run(scratch.fetchval(TABLES)) or ""
        if tables:
            loop.run(scratch.execute(f"truncate {tables} cascade"))
        return str(tables)

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
