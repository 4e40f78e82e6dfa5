"""What the repository, its pool and its timeouts take beside the bare driver in the same handler.

In one process, a generated service has two more routes, which find the same note: one by the
repository, one by the driver's own pool as it comes, without timeouts. Prints the ratios of the
processor time of the service for each request, medians over alternating rounds, with PostgreSQL
from PyPI on loopback. Exits 1 when one is more than a tenth above.

    python benchmarks/databases.py [ROUNDS]
"""

from __future__ import annotations

import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests/support")]

from postgres import Postgres, free_port, postgres  # noqa: E402

LIMIT = 1.1
OK = 200
CONNECTIONS, REQUESTS = 8, 1600
NOTE = "5f0c6f5e-8b1d-4d52-9a3e-2f6f0a1c7b01"
INSERT = f"insert into notes (id, title, body) values ('{NOTE}', 'Title', 'Body')"  # noqa: S608
SELECT = "select * from notes where id = $1"

NODE = f"""\
import pg from "pg";
import {{ buildApp }} from "./dist/app.js";
import {{ readConfig }} from "./dist/config.js";
import {{ NotesRepository }} from "./dist/resources/notes/repository.js";
import {{ noteParamsSchema, noteSchema }} from "./dist/resources/notes/schemas.js";

const config = readConfig(process.env);
const app = buildApp(config);
const pool = new pg.Pool({{ connectionString: config.DATABASE_URL, max: 10 }});
pool.on("error", () => undefined);
const schema = {{ params: noteParamsSchema, response: {{ 200: noteSchema }} }};
app.register(async () => {{
  const repository = new NotesRepository(app.database);
  app.get("/ours/:id", {{ schema }}, async (request) => repository.find(request.params.id));
  app.get("/bare/:id", {{ schema }}, async (request) => {{
    const {{ rows }} = await pool.query("{SELECT}", [request.params.id]);
    const [{{ id, title, body, created_at }}] = rows;
    return {{ id, title, body, createdAt: created_at.toISOString() }};
  }});
}});
await app.listen({{ host: "127.0.0.1", port: config.PORT }});
"""

PYTHON = f"""\
import asyncio
from typing import Annotated

import asyncpg
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


@app.get("/ours/{{id}}")
async def ours(id: Annotated[PlainUUID, Path()]) -> Note:
    return await repository.find(id)


@app.get("/bare/{{id}}")
async def bare(id: Annotated[PlainUUID, Path()]) -> Note:
    global pool
    if pool is None:
        # Nothing that a pooler would lose, as ours.
        pool = await asyncpg.create_pool(
            config.DATABASE_URL, min_size=0, max_size=10, statement_cache_size=0
        )
    return _note(await pool.fetchrow("{SELECT}", id))


uvicorn.run(app, host="127.0.0.1", port=config.PORT, access_log=False, log_config=None)
"""


def main(rounds: int) -> int:
    """Print the ratios."""
    ok = True
    with tempfile.TemporaryDirectory() as scratch, postgres() as server:
        for stack, file, text in (("node", "bench.mjs", NODE), ("python", "bench.py", PYTHON)):
            project = _project(Path(scratch), stack)
            (project / file).write_text(text)
            python: list[str | Path] = [project / ".venv/bin/python", file]
            # What PyPI puts on PATH as node is a Python script.
            said = subprocess.check_output(["node", "--print", "process.execPath"], text=True)
            node: list[str | Path] = [said.strip(), file]
            ok &= _compare(stack, python if stack == "python" else node, project, server, rounds)
    return 0 if ok else 1


def _project(folder: Path, stack: str) -> Path:
    project = folder / f"{stack}-service"
    told = ["-d", f"stack={stack}", "-d", "database=supabase", "--defaults"]
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
    stack: str, command: list[str | Path], project: Path, server: Postgres, rounds: int
) -> bool:
    server.run(f"create database {stack}")
    for migration in sorted((project / "db/migrations").iterdir()):
        server.run(migration.read_text().split("-- migrate:down")[0], stack)
    server.run(INSERT, stack)
    url = f"{server.url.rpartition('/')[0]}/{stack}"
    spent: dict[str, list[float]] = {"ours": [], "bare": []}
    with _running(command, project, url) as (pid, port):
        for number in range(rounds + 1):
            for route, found in spent.items():
                before = _processor(pid)
                _load(port, f"/{route}/{NOTE}")
                if number:  # the first round warms everything up
                    found.append((_processor(pid) - before) / REQUESTS * 1e6)
    ours, bare = map(statistics.median, spent.values())
    ok = ours / bare <= LIMIT
    print(
        f"{stack}: processor time for each request: {ours / bare:.2f} (limit {LIMIT}; "
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
            if response.status != OK:
                sys.exit(f"{path} is {response.status}: {body.decode()}")
        connection.close()

    workers = min(CONNECTIONS, requests)
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(ask, [requests // workers] * workers))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 15))
