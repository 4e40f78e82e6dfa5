"""A database of the tests' own, with what the migrations make. Every app finds it empty."""

import os
import re
import runpy
import time
from collections.abc import Callable, Iterator
from typing import Any

import pymongo
import pytest
from fastapi import FastAPI
from pymongo.database import Database
from pymongo.errors import PyMongoError

from app.config import Config
from app.health import ReadinessCheck
from app.mounts import DEPENDENCIES
from tests.fixtures.environment import REQUIRED, ROOT

type Documents = Database[dict[str, Any]]


@pytest.fixture(scope="session")
def scratch() -> Iterator[Documents]:
    """Give it."""
    name = f"test_{os.getpid()}_{time.time_ns()}"
    url = re.sub(r"/[^/?]+(?=\?|$)", f"/{name}", REQUIRED["DATABASE_URL"])
    client: pymongo.MongoClient[dict[str, Any]]
    with pymongo.MongoClient(url, serverSelectionTimeoutMS=5000) as client:
        try:
            client.admin.command("ping")
        except PyMongoError as error:
            wanted = "These tests want MongoDB at DATABASE_URL, which does not answer"
            start = "`docker compose up --detach --wait database` starts one, or set it"
            pytest.exit(f"{wanted}: {start}. {error}", returncode=1)
        REQUIRED["DATABASE_URL"] = url
        db: Documents = client.get_default_database()
        for migration in sorted((ROOT / "db/migrations").glob("*.py")):
            runpy.run_path(str(migration))["up"](db)
        yield db
        client.drop_database(name)


@pytest.fixture
def empty(scratch: Documents) -> Callable[[], None]:
    def truncate() -> None:
        for name in scratch.list_collection_names():
            scratch[name].delete_many({})

    truncate()
    return truncate


@pytest.fixture(autouse=True)
def without_tls(monkeypatch: pytest.MonkeyPatch, empty: Callable[[], None]) -> None:
    """Have apps that run as in sandbox take this server, too."""
    database = DEPENDENCIES["database"]

    def as_local(app: FastAPI, config: Config) -> ReadinessCheck:
        empty()
        return database(app, config.model_copy(update={"APP_ENV": "local"}))

    monkeypatch.setitem(DEPENDENCIES, "database", as_local)
