"""SecantusDB, which stands in for MongoDB, on a free port of loopback: PyPI's `secantusdb`."""

from __future__ import annotations

import asyncio
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import bson
from between import Between
from conftest import memory
from ports import free_port
from pymongo import MongoClient
from pymongo.errors import PyMongoError

#: What Node and Python have for a migration, whose module is the first argument.
NODE = """
import { MongoClient } from "mongodb";
const client = await MongoClient.connect(process.env.DATABASE_URL);
await (await import(process.argv[1])).up(client.db());
await client.close();
"""
PYTHON = """
import os, runpy, sys, pymongo
with pymongo.MongoClient(os.environ["DATABASE_URL"]) as client:
    runpy.run_path(sys.argv[1])["up"](client.get_default_database())
"""
HEADER = struct.Struct("<iiii")
OP_QUERY, OP_MSG = CODES = (2004, 2013)


@dataclass(eq=False)
class Talk:
    """A connection of a client, by what it asked."""

    databases: set[str] = field(default_factory=set)
    busy: bool = False


class Gate(Between):
    """A port before a server's: knows who asks for which database, and may have that wait."""

    def __init__(self, port: int, to: int) -> None:
        self.talks: set[Talk] = set()
        self._locked = ""
        self._open = asyncio.Event()
        super().__init__(port, to)

    @contextmanager
    def locked(self, database: str) -> Iterator[None]:
        """Have every statement about its notes wait."""
        self._locked = database
        self._open.clear()
        try:
            yield
        finally:
            self._locked = ""
            self._loop.call_soon_threadsafe(self._open.set)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = Talk()
        self.talks.add(talk)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            head = await reader.readexactly(HEADER.size)
            if HEADER.unpack(head)[-1] in CODES:  # of TLS it understands nothing
                answers, there = await asyncio.open_connection("127.0.0.1", self._to)
                back = asyncio.create_task(self._answer(answers, writer, talk))
                try:
                    await self._ask(head, reader, there, talk)
                finally:
                    there.close()
                    await back
        writer.close()
        self.talks.discard(talk)

    async def _ask(
        self, head: bytes, reader: asyncio.StreamReader, there: asyncio.StreamWriter, talk: Talk
    ) -> None:
        while True:
            length, *_, code = HEADER.unpack(head)
            body = await reader.readexactly(length - HEADER.size)
            asked: dict[str, Any] = bson.decode_all(section(body))[0] if code == OP_MSG else {}
            talk.databases.add(asked.get("$db", ""))
            talk.busy = True
            following = asyncio.create_task(reader.readexactly(HEADER.size))
            if self._locked and asked.get("$db") == self._locked and "notes" in asked.values():
                opened = asyncio.create_task(self._open.wait())
                await asyncio.wait({opened, following}, return_when=asyncio.FIRST_COMPLETED)
                opened.cancel()
                if following.done():
                    following.result()  # hung up
            there.write(head + body)
            await there.drain()
            head = await following

    async def _answer(
        self, answers: asyncio.StreamReader, writer: asyncio.StreamWriter, talk: Talk
    ) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            while data := await answers.read(65536):
                talk.busy = False
                writer.write(data)
                await writer.drain()
        writer.close()


def section(body: bytes) -> bytes:
    """Give the document of a message: after its flags, and what kind of section it is."""
    (length,) = struct.unpack_from("<i", body, 5)
    return body[5 : 5 + length]


@dataclass
class Mongo:
    """A server, and how it is started, stopped and killed."""

    folder: Path
    gate: Gate
    port: int
    inner: int
    options: tuple[str, ...] = ()
    #: As the one of compose.yaml is: no replica set.
    alone: bool = True
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"mongodb://127.0.0.1:{self.port}/app"

    def start(self) -> None:
        """Have it run, and wait until it answers."""
        command = [str(Path(sys.executable).with_name("secantusd-py"))]
        command += ["--standalone"] * self.alone
        where = ["--host=127.0.0.1", f"--port={self.inner}", f"--storage-path={self.folder}"]
        with (self.folder / "log").open("ab") as log:
            self.running = [
                subprocess.Popen([*command, *where, *self.options], stdout=log, stderr=log)
            ]
        deadline = time.monotonic() + 60
        while not self._answers():
            ended = self.running[0].poll() is not None
            assert not ended, (self.folder / "log").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def stop(self) -> None:
        """Have it end what is under way, and stop."""
        self.running[0].terminate()
        self.running[0].wait(timeout=60)

    def kill(self) -> None:
        """End it as by `kill -9`."""
        self.running[0].kill()
        self.running[0].wait(timeout=60)

    def at(self, database: str) -> str:
        """Give the address of a database."""
        return f"{self.url.rpartition('/')[0]}/{database}"

    @contextmanager
    def asked(self, database: str) -> Iterator[Any]:
        """Give a database, without its being counted."""
        where = f"mongodb://127.0.0.1:{self.inner}"
        with MongoClient[dict[str, Any]](where, **self._tls) as client:
            yield client[database]

    def create(self, database: str) -> None:
        """Have a database: it is there as soon as something is in it."""

    def make(self, database: str, project: Path) -> None:
        """Make a database by the migrations of a project."""
        self.apply(database, project)

    def apply(self, database: str, project: Path, name: str = "[0-9]") -> None:
        """Apply the migrations of a project, or those whose name begins so."""
        for migration in sorted((project / "db/migrations").glob(f"{name}*")):
            command = ["node", "--input-type=module", "--eval", NODE]
            if migration.suffix == ".py":
                command = [".venv/bin/python", "-c", PYTHON]
            subprocess.run(
                [*command, str(migration)],
                check=True, cwd=project, capture_output=True,
                env={"DATABASE_URL": self.at(database), "PATH": path()},
            )  # fmt: skip

    def titles(self, database: str, table: str = "notes") -> set[str]:
        """Give those of the notes that are stored."""
        with self.asked(database) as db:
            assert table in db.list_collection_names(), f"there is no {table}"
            return {note["title"] for note in db[table].find()}

    def switched(self, database: str, *change: str) -> None:
        """Switch a flag: its name, on or off, and who did."""
        told: dict[str, Any] = dict(zip(("flag", "state", "who"), change, strict=True))
        with self.asked(database) as db:
            db.flag_switches.insert_one({**told, "at": datetime.now(UTC)})

    def without_switches(self, database: str) -> None:
        """Take the collection of switches away."""
        with self.asked(database) as db:
            db.drop_collection("flag_switches")

    def connections(self, database: str, *, busy: bool = False) -> int:
        """Count those of services to a database."""
        ours = (talk for talk in self.gate.talks.copy() if database in talk.databases)
        return sum(talk.busy or not busy for talk in ours)

    @contextmanager
    def locked(self, database: str) -> Iterator[None]:
        """Have every statement about notes wait."""
        with self.gate.locked(database):
            yield

    @contextmanager
    def with_tls(self, key: Path, crt: Path) -> Iterator[int]:
        """Have it speak TLS until the end; give its port."""
        before = self.options
        try:
            self._again((*before, f"--tls-key-file={key}", f"--tls-cert-file={crt}"))
            yield self.inner
        finally:
            self._again(before)

    def _again(self, options: tuple[str, ...]) -> None:
        self.stop()
        self.options = options
        self.start()

    @property
    def _tls(self) -> dict[str, Any]:
        secured = any(option.startswith("--tls") for option in self.options)
        return {"tls": True, "tlsInsecure": True} if secured else {}

    def _answers(self) -> bool:
        where = f"mongodb://127.0.0.1:{self.inner}"
        try:
            with MongoClient[Any](where, serverSelectionTimeoutMS=1000, **self._tls) as client:
                return bool(client.admin.command("ping")["ok"])
        except PyMongoError:
            return False


def path() -> str:
    """Give where Node is."""
    node = shutil.which("node")
    assert node
    return f"{Path(node).parent}:/usr/bin:/bin"


@contextmanager
def mongo(*options: str, alone: bool = True) -> Iterator[Mongo]:
    """Give a server that runs until the end, with these options; alone or as a replica set."""
    folder = Path(tempfile.mkdtemp(prefix="mongo-", dir=memory()))
    port, inner = free_port(), free_port()
    gate = Gate(port, inner)
    server = Mongo(folder, gate, port, inner, options, alone)
    try:
        server.start()
        yield server
    finally:
        gate.close()
        for running in server.running:
            running.kill()
            running.wait()
        shutil.rmtree(folder, ignore_errors=True)
