"""What the repository, its pool and its timeouts take beside the bare driver in the same handler.

In one process, a generated service has two more routes, which find the same note: one by the
repository, one by the driver's own pool as it comes, without timeouts. Prints the ratios of the
processor time of the service for each request, medians over alternating rounds. The servers are on
loopback: PostgreSQL, MariaDB in place of MySQL, SecantusDB in place of MongoDB. Exits 1 when one is
more than a tenth above.

    python benchmarks/databases.py [ROUNDS] [DATABASE...]
"""

from __future__ import annotations

import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / place) for place in ("tests", "tests/support", "tests/databases")]

from ports import free_port  # noqa: E402
from servers import KINDS, SERVERS, Server  # noqa: E402

LIMIT = 1.1
CONNECTIONS, REQUESTS = 8, 1600
#: Rounds that warm everything up.
WARM_UP = 2

#: By engine and stack: what makes the bare driver's pool, and how a handler finds the note by it.
BARE = {
    ("postgres", "node"): (
        """\
import pg from "pg";
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
pool.on("error", () => undefined);
""",
        """\
    const { rows } = await pool.query("select * from notes where id = $1", [request.params.id]);
    const [{ id, title, body, created_at }] = rows;
    return { id, title, body, createdAt: created_at.toISOString() };
""",
    ),
    ("mysql", "node"): (
        """\
import mysql from "mysql2/promise";
const uri = process.env.DATABASE_URL;
const pool = mysql.createPool({ uri, connectionLimit: 10, timezone: "Z" });
""",
        """\
    const [rows] = await pool.query("select * from notes where id = ?", [request.params.id]);
    const [{ id, title, body, created_at }] = rows;
    return { id, title, body, createdAt: created_at.toISOString() };
""",
    ),
    ("mongo", "node"): (
        """\
import { MongoClient } from "mongodb";
const client = new MongoClient(process.env.DATABASE_URL, { maxPoolSize: 10 });
const notes = client.db().collection("notes");
""",
        """\
    const { id, title, body, createdAt } = await notes.findOne({ id: request.params.id });
    return { id, title, body, createdAt: createdAt.toISOString() };
""",
    ),
    # Nothing that a pooler would lose, as ours.
    ("postgres", "python"): (
        """\
import asyncpg

async def connected():
    url = config.DATABASE_URL
    return await asyncpg.create_pool(url, min_size=0, max_size=10, statement_cache_size=0)
""",
        """\
    return _note(await pool.fetchrow("select * from notes where id = $1", id))
""",
    ),
    ("mysql", "python"): (
        """\
import aiomysql
from app.address import address

async def connected():
    at = address(config)
    told = {"host": at.host, "port": at.port, "user": at.user, "password": at.password}
    how = {"db": at.name, "cursorclass": aiomysql.DictCursor, "autocommit": True}
    return await aiomysql.create_pool(minsize=0, maxsize=10, **told, **how)
""",
        """\
    async with pool.acquire() as connection, connection.cursor() as cursor:
        await cursor.execute("select * from notes where id = %s", (str(id),))
        return _note(await cursor.fetchone())
""",
    ),
    ("mongo", "python"): (
        """\
from pymongo import AsyncMongoClient

async def connected():
    client = AsyncMongoClient(config.DATABASE_URL, maxPoolSize=10, tz_aware=True)
    return client.get_default_database().notes
""",
        """\
    return _note(await pool.find_one({"id": str(id)}))
""",
    ),
}

NODE = """\
import { buildApp } from "./dist/app.js";
import { readConfig } from "./dist/config.js";
import { NotesRepository } from "./dist/resources/notes/repository.js";
import { noteParamsSchema, noteSchema } from "./dist/resources/notes/schemas.js";
POOL
const config = readConfig(process.env);
const app = buildApp(config);
const schema = { params: noteParamsSchema, response: { 200: noteSchema } };
app.register(async () => {
  const repository = new NotesRepository(app.database);
  app.get("/ours/:id", { schema }, async (request) => repository.find(request.params.id));
  app.get("/bare/:id", { schema }, async (request) => {
FIND  });
});
await app.listen({ host: "127.0.0.1", port: config.PORT });
"""

PYTHON = """\
from typing import Annotated

import uvicorn
from fastapi import Path

from app.config import read_config
from app.main import create_app
from app.resources.notes.repository import NotesRepository, _note
from app.resources.notes.schemas import Note
from app.validation import PlainUUID

config = read_config()
app = create_app(config)
repository = NotesRepository(app.state.database)
pool = None
POOL

@app.get("/ours/{id}")
async def ours(id: Annotated[PlainUUID, Path()]) -> Note:
    return await repository.find(id)


@app.get("/bare/{id}")
async def bare(id: Annotated[PlainUUID, Path()]) -> Note:
    global pool
    if pool is None:
        pool = await connected()
FIND

uvicorn.run(app, host="127.0.0.1", port=config.PORT, access_log=False, log_config=None)
"""


def main(rounds: int, *chosen: str) -> int:
    """Print the ratios."""
    ok = True
    for database, engine, stack in KINDS:
        if chosen and database not in chosen:
            continue
        with tempfile.TemporaryDirectory() as scratch, SERVERS[engine]() as server:
            project = _project(Path(scratch), stack, database)
            file, text = ("bench.mjs", NODE) if stack == "node" else ("bench.py", PYTHON)
            pool, find = BARE[engine, stack]
            (project / file).write_text(text.replace("POOL", pool).replace("FIND", find))
            command: list[str | Path] = [project / ".venv/bin/python", file]
            if stack == "node":
                # What PyPI puts on PATH as node is a Python script.
                node = subprocess.check_output(["node", "--print", "process.execPath"], text=True)
                command = [node.strip(), file]
            ok &= _compare(f"{engine}, {stack}", command, project, server, rounds)
    return 0 if ok else 1


def _project(folder: Path, stack: str, database: str) -> Path:
    project = folder / f"{stack}-service"
    told = ["-d", f"stack={stack}", "-d", f"database={database}", "--defaults"]
    for command, where in (
        ([sys.executable, "-m", "scaffold", "new", project.name, *told], folder),
        (["ops/setup"], project),
        (["ops/build"], project),
    ):
        done = subprocess.run(
            command, cwd=where, check=False, capture_output=True, text=True,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        if done.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}")
    return project


def _compare(
    what: str, command: list[str | Path], project: Path, server: Server, rounds: int
) -> bool:
    server.make("bench", project)
    url = f"{server.url.rpartition('/')[0]}/bench"
    spent: dict[str, list[float]] = {"ours": [], "bare": []}
    with _running(command, project, url) as (pid, port):
        note = _note(port)
        for number in range(WARM_UP + rounds):
            # Each goes first as often as the other: what it leaves behind is the next one's.
            for route in sorted(spent, reverse=number % 2 == 0):
                before = _processor(pid)
                _load(port, f"/{route}/{note}")
                if number >= WARM_UP:
                    spent[route].append((_processor(pid) - before) / REQUESTS * 1e6)
    ours, bare = map(statistics.median, spent.values())
    ok = ours / bare <= LIMIT
    print(
        f"{what}: processor time for each request: {ours / bare:.2f} (limit {LIMIT}; "
        f"medians of {rounds}: {ours:.0f}, {bare:.0f} µs){'' if ok else '  TOO SLOW'}"
    )
    return ok


@contextmanager
def _running(command: list[str | Path], project: Path, url: str) -> Iterator[tuple[int, int]]:
    port = free_port()
    told = {"PORT": str(port), "DATABASE_URL": url, "APP_ENV": "local", "LOG_LEVEL": "warn"}
    env = {"PATH": os.environ["PATH"], "RATE_LIMIT_PER_MINUTE": "0", "APP_ENV": "local", **told}
    process = subprocess.Popen(command, cwd=project, env=env, stdin=subprocess.DEVNULL)
    try:
        while True:
            try:
                _load(port, "/healthz", 1)
                break
            except OSError:
                if process.poll() is not None:
                    sys.exit(f"{command} ended with {process.returncode}")
                time.sleep(0.05)
        yield process.pid, port
    finally:
        process.kill()
        process.wait()


def _note(port: int) -> str:
    """Have the service make a note, and give its id."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    content = json.dumps({"title": "Title", "body": "Body"})
    connection.request("POST", "/notes", content, {"content-type": "application/json"})
    response = connection.getresponse()
    body = response.read()
    if response.status != HTTPStatus.CREATED:
        sys.exit(f"no note was made: {body.decode()}")
    return str(json.loads(body)["id"])


def _processor(pid: int) -> float:
    """Give the seconds of processor time that a process has taken."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _load(port: int, path: str, requests: int = REQUESTS) -> None:
    """Ask over some connections at once; every answer has to be a success."""

    def ask(share: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for _ in range(share):
            connection.request("GET", path)
            response = connection.getresponse()
            body = response.read()
            if response.status != HTTPStatus.OK:
                sys.exit(f"{path} is {response.status}: {body.decode()}")
        connection.close()

    workers = min(CONNECTIONS, requests)
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(ask, [requests // workers] * workers))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 15, *sys.argv[2:]))
