"""A service under load, the book of what it acknowledged, and the tasks that are run on it."""

from __future__ import annotations

import http.client
import json
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import httpx
from bucket import Bucket, bucket
from conftest import ENGINE, Call, Render, answering
from keepers import VENDORS
from migrating import block
from mongo import Mongo
from postgres import BIN, Postgres
from postgres_tls import certificate
from servers import Server
from services.service import Project, Service, start
from vendors.base import Machine, commit_of
from vendors.fly import Fly

WRITERS = 8
#: Seconds between two notes of a writer: tasks are to get their turn on a small machine, too.
PAUSE = 0.02
#: What the second release brings: what is written from then on is in another table, too. Its
#: down-script takes that away, and with it all that was written there.
ARRIVALS = {
    "postgres": block(
        """create table arrivals (title text not null);
create function arrive() returns trigger language plpgsql as $$
  begin insert into arrivals values (new.title); return new; end
$$;
create trigger arrive after insert on notes for each row execute function arrive();""",
        """-- destroys: in which order notes came
drop trigger arrive on notes;
drop function arrive();
drop table arrivals;""",
    ),
    "mysql": block(
        """create table arrivals (title varchar(200) not null);
create trigger arrive after insert on notes
  for each row insert into arrivals values (new.title);""",
        """-- destroys: in which order notes came
drop trigger arrive;
drop table arrivals;""",
    ),
    # It has no triggers: a copy of what was there by then.
    "mongo-node": """import type { Db } from "mongodb";

export async function up(db: Db): Promise<void> {
  const notes = await db.collection("notes").find().toArray();
  await db.collection("arrivals").insertMany(notes);
}

// destroys: in which order notes came
export async function down(db: Db): Promise<void> {
  await db.dropCollection("arrivals");
}
""",
    "mongo-python": """def up(db):
    db.arrivals.insert_many(list(db.notes.find()))


def down(db):
    # destroys: in which order notes came
    db.drop_collection("arrivals")
""",
}
#: PyPI's client programs speak no TLS, which the server has another program speak before it.
PLAIN = """\
#!/bin/sh
PGSSLMODE=disable PGHOST=127.0.0.1 PGPORT={port} exec '{program}' "$@"
"""


class Loaded(Machine):
    """One whose tasks share it with a service under load."""

    limit: ClassVar[int] = 300


@dataclass
class Balanced(Fly):
    """An app whose releases are processes: whoever calls is led to the newest that is ready."""

    built: Project | None = None
    folder: Path = Path()
    processes: ExitStack = field(default_factory=ExitStack)
    serving_now: Service | None = None
    numbers: ClassVar[count[int]] = count()

    def _deploy(self, image: str) -> dict[str, Any]:
        assert self.built
        told = {**self.secrets, "APP_ENV": "live", "GIT_COMMIT": commit_of(image)}
        out = self.folder / f"out-{next(self.numbers)}"
        new = self.processes.enter_context(start(self.built, out, **told))
        deadline = time.monotonic() + 15
        while new.client.get("/readyz").status_code != httpx.codes.OK:
            if time.monotonic() > deadline:
                self.doomed.add(commit_of(image))
                break
            time.sleep(0.05)
        done = super()._deploy(image)
        if not done["code"]:
            old, self.serving_now = self.serving_now, new
            if old:
                old.stop()
        return done

    def health(self, path: str) -> tuple[int, bytes]:
        """Ask the process."""
        if not self.serving_now:
            return 404, b""
        answer = httpx.get(f"{self.serving_now.url}{path}", trust_env=False, timeout=20)
        return answer.status_code, answer.content


@dataclass
class Books:
    """What was acknowledged: when it was sent, and when the answer was there."""

    app: Balanced
    entries: dict[str, tuple[float, float]] = field(default_factory=dict)
    #: How others were answered, which may be there or not.
    refused: set[int] = field(default_factory=set)
    over: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Have notes written until the end of the block."""
        writers = [threading.Thread(target=self._write, args=(it,)) for it in range(WRITERS)]
        for each in writers:
            each.start()
        try:
            yield
        finally:
            self.over.set()
            for each in writers:
                each.join()

    def grow(self, more: int) -> None:
        """Wait until so many more are acknowledged."""
        wanted, deadline = len(self.entries) + more, time.monotonic() + 60
        while len(self.entries) < wanted:
            assert time.monotonic() < deadline, "nothing is acknowledged any more"
            time.sleep(0.02)

    def sent(self, after: float, before: float) -> set[str]:
        """Give those that were sent and acknowledged between two moments."""
        entries = dict(self.entries)
        return {it for it, (begun, ended) in entries.items() if after < begun and ended < before}

    def _write(self, writer: int) -> None:
        """Write one after another; what is not answered with a 201 is on no record."""
        port, connection = 0, http.client.HTTPConnection("127.0.0.1")
        for number in count():
            if self.over.is_set():
                break
            title = f"{writer}-{number}"
            app = self.app.serving_now
            if app and app.port != port:
                connection.close()
                port = app.port
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            begun = time.monotonic()
            try:
                body = json.dumps({"title": title, "body": "x" * 100})
                connection.request("POST", "/notes", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                time.sleep(0.05)
                continue
            if answer.status == httpx.codes.CREATED:
                self.entries[title] = (begun, time.monotonic())
                time.sleep(PAUSE)
            else:
                self.refused.add(answer.status)
                time.sleep(0.05)
        connection.close()


@dataclass(frozen=True)
class Step:
    """A task that was run under load: when it began and ended, and what it said."""

    began: float
    ended: float
    out: str
    said: str


@dataclass
class Ledger:
    """A service in `live`, its database, and its books."""

    machine: Machine
    app: Balanced
    server: Server
    database: str
    books: Books

    def run(self, *command: str, code: int = 0) -> Step:
        """Run a task, with writes before it, while it runs, and after it."""
        self.books.grow(200)
        began = time.monotonic()
        done = self.machine.run(*command)
        ended = time.monotonic()
        assert done.returncode == code, done.stderr
        self.books.grow(200)
        return Step(began, ended, done.stdout.strip(), done.stderr)

    @property
    def dumps(self) -> bool:
        """Whether what is restored here is a dump of one's own, and not the vendor's to restore."""
        return "BACKUP_BUCKET" in self.machine.environment

    @property
    def open(self) -> bool:
        """Whether others write while a database is overwritten."""
        return isinstance(self.server, Mongo)

    def released(self) -> str:
        """Give the version that runs."""
        return self.machine.git("describe", "--tags", "--exact-match", self.app.running())

    def rows(self, table: str = "notes", database: str = "") -> set[str]:
        """Give the titles that are stored."""
        return self.server.titles(database or self.database, table)

    def lost(self) -> set[str]:
        """Give what was acknowledged, and is not stored."""
        acknowledged = set(self.books.entries)  # before it is asked what is stored
        return acknowledged - self.rows()


def vendor_at(machine: Machine, stack: ExitStack) -> dict[str, str]:
    """Have the vendor's stand-in answer, which backs nothing up; give how it is reached."""
    answers = (machine.project / ".copier-answers.yml").read_text()
    fit = [each for each in VENDORS if f"database: {each.option}\n" in answers]
    # Of Atlas the one that takes a backup when it is told to, which Flex is a kind of.
    vendor = min(fit, key=lambda each: len(each.__mro__))()

    def answer(call: Call) -> tuple[int, bytes]:
        def made(status: int, body: bytes = b"") -> SimpleNamespace:
            return SimpleNamespace(status=status, body=body)

        url = f"https://{vendor.option}.test{call.target}"
        said = vendor.send(made, call.method, url, dict(call.headers), call.body or None)
        return said.status, said.body

    address = stack.enter_context(answering(answer))
    told = vendor.environment()
    [place] = [name for name in told if name.endswith("_API_URL")]
    return {**told, place: f"{address}{vendor.prefix}"}


def furnish(
    machine: Machine, server: Server, name: str, stack: ExitStack, home: Path
) -> Bucket | None:
    """Give a machine's `live` a database that speaks TLS, and the bucket of its dumps, if any."""
    key, crt = certificate(home)
    server.create(name)
    port = stack.enter_context(server.with_tls(key, crt))
    url = server.url.rpartition("/")[0].replace(f"127.0.0.1:{server.port}", f"localhost:{port}")
    told = {"DATABASE_URL": f"{url}/{name}", "DATABASE_CA": crt.read_text()}
    told["RATE_LIMIT_PER_MINUTE"] = "0"
    lines = (f'{variable}="{value}"\n' for variable, value in told.items())
    (machine.project / ".env.live").write_text("".join(lines))
    machine.environment |= {"SMOKE_TIMEOUT": "20", "POLL_INTERVAL": "0.1", "HTTP_TIMEOUT": "20"}
    if isinstance(server, Postgres):
        for program in ("psql", "pg_dump", "pg_restore"):
            shim = machine.bin / program
            shim.write_text(PLAIN.format(port=server.port, program=BIN / program))
            shim.chmod(0o755)
    if not (machine.project / ENGINE / "dumping.py").exists():
        machine.environment |= vendor_at(machine, stack)
        return None
    there = stack.enter_context(bucket())
    made = subprocess.run(["age-keygen"], check=True, capture_output=True, text=True).stdout.split()
    machine.environment |= {
        **there.settings(),
        "BACKUP_IDENTITY": made[-1],
        "BACKUP_RECIPIENT": next(word for word in made if word.startswith("age1")),
    }
    return there


@contextmanager
def ledger(
    built: Project, option: str, server: Server, render: Render, home: Path
) -> Iterator[Ledger]:
    """Have a service on a host, of which nothing is deployed and nothing written yet."""
    with ExitStack() as stack:
        app = Balanced(built=built, folder=home, processes=stack)
        stack.enter_context(app.serving())
        machine = Loaded.new(app, render, home, stack=built.stack, database=option)
        if isinstance(server, Mongo):
            # What ops/setup installs, which runs migrations.
            for folder in (built.folder / "node_modules", built.folder / ".venv"):
                if folder.exists():
                    (machine.project / folder.name).symlink_to(folder)
        furnish(machine, server, "ledger", stack, home)
        yield Ledger(machine, app, server, "ledger", Books(app))
