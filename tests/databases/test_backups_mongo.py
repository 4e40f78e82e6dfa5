"""Backups of MongoDB as people take and restore them, in both languages: SecantusDB in its place.

What is the same with every database is in test_backups.py: losses, a bucket that fails.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from typing import Any

import bson
import pytest
from bson import (
    Binary,
    Code,
    Decimal128,
    Int64,
    MaxKey,
    MinKey,
    ObjectId,
    Regex,
    Timestamp,
)  # fmt: skip
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from bucket import bucket
from laptop import Machine, at_home, every_bad_one_is_refused, is_dump, is_read
from mongo import Mongo, mongo
from services.service import APIS
from store import Store

pytestmark = pytest.mark.slow

ROWS = 3_000
NUMBERS = count()
END = b"\xff\xff\xff\xff"
#: A value of every type that no driver turns into another by itself, and numbers as names.
ODD: dict[str, Any] = {
    "_id": Int64(7), "title": "odd", "10": 1, "9": Int64(1), "one": 1.0, "zero": -0.0,
    "nan": float("nan"), "price": Decimal128("1.10"), "raw": Binary(b"\x00\xff", 0),
    "uuid": Binary(bytes(range(16)), 4), "own": Binary(b"\x01", 128), "by": ObjectId(),
    "at": datetime(1969, 12, 31, tzinfo=UTC), "like": Regex("^a", "im"), "code": Code("x"),
    "tick": Timestamp(5, 2), "least": MinKey(), "most": MaxKey(), "nothing": None, "yes": True,
    "in": {"b": [{"2": 1, "1": [Int64(2), 2]}, {}], "a": ""}, "nul\u00fcl \U0001f427": "\u0000",
}  # fmt: skip


def fill(db: Any) -> None:
    """Write what has to come back: with rules, indexes, a view, and what a rule forbids by now."""
    db.create_collection("notes", collation={"locale": "en", "strength": 2})
    notes = [{"title": f"note {it}", "body": "x" * 300, "size": it} for it in range(ROWS - 3)]
    db.notes.insert_many([{"title": "no body"}, {"_id": "text", "title": ""}, ODD, *notes])
    db.notes.create_index("title", unique=True, name="title")
    db.notes.create_index([("b", 1), ("9", -1), ("10", 1)], name="odd")
    db.notes.create_index("until", expireAfterSeconds=10**9, partialFilterExpression={"one": 1.0})
    rule = {"$jsonSchema": {"required": ["title", "body"]}}
    db.command("collMod", "notes", validator=rule, validationLevel="moderate")
    db.create_collection("last", capped=True, size=65_536, max=20)
    db.last.insert_many([{"at": it} for it in range(15)])
    db.create_collection("restoring.nothing")
    db.create_collection("titles", viewOn="notes", pipeline=[{"$project": {"title": 1}}])
    db.changelog.insert_one({"fileName": "20261130000000_create_notes.ts"})
    db.changelog_lock.insert_one({"_id": "lock"})


@dataclass
class Laptop(Machine):
    """One with a server of MongoDB's."""

    server: Mongo

    def databases(self) -> set[str]:
        """Give all that there are."""
        with self.server.asked("admin") as db:
            return {*db.client.list_database_names()}

    def state(self) -> dict[str, Any]:
        """Give what must not change, to the byte."""
        return {
            name: (kind, options, *(hashlib.sha256(b"".join(it)).hexdigest() for it in contents))
            for name, (kind, options, *contents) in self.contents().items()
        }

    def contents(self) -> dict[str, Any]:
        """Give what there is: kind, options, documents and indexes of each collection."""
        with self.server.asked(self.database) as db:
            return {
                it["name"]: (it["type"], it["options"], *self._contents(db, it))
                for it in db.list_collections()
                if it["name"] != "changelog_lock"
            }

    def _contents(self, db: Any, it: dict[str, Any]) -> tuple[list[bytes], list[Any]]:
        if it["type"] == "view":
            return [], []
        exact: Any = CodecOptions(document_class=RawBSONDocument)
        rows = [row.raw for row in db.get_collection(it["name"], exact).find()]
        indexes = [bson.encode(index) for index in db[it["name"]].list_indexes()]
        return rows if "capped" in it["options"] else sorted(rows), sorted(indexes)

    def alter(self) -> None:
        """Change what there is."""
        with self.server.asked(self.database) as db:
            db.notes.delete_many({"size": {"$gt": 100}})
            db.notes.drop_index("title")
            db.later.insert_one({})
            db.titles.drop()
            db.create_collection("titles")

    def exchange(self) -> None:
        """Have two rows have each other's values."""
        with self.server.asked(self.database) as db:
            for one, its in ((1, 2), (2, 1)):
                db.notes.update_one({"title": f"note {one}"}, {"$set": {"size": its}})

    def halve(self) -> None:
        """Lose rows of a table."""
        with self.server.asked(self.database) as db:
            db.notes.delete_many({"size": {"$lt": 50}})

    def dumped(self, *, rows: bool = True) -> bytes:
        """Dump and encrypt by hand."""
        dump = b""
        for name, (kind, options, documents, indexes) in self.contents().items():
            known = [bson.decode(index) for index in indexes]
            head = {"name": name, "type": kind, "options": options, "indexes": known}
            dump += bson.encode(head) + b"".join(documents if rows else ()) + END
        return self.closed(gzip.compress(dump + END))


@pytest.fixture(scope="module")
def server() -> Iterator[Mongo]:
    """A replica set, as Atlas has it."""
    with mongo("--enable-test-commands", alone=False) as server:
        yield server


@pytest.fixture(params=APIS)
def at(
    request: pytest.FixtureRequest, store: Store, server: Mongo, tmp_path: Path
) -> Iterator[Laptop]:
    """One whose database has content, in its own database of the server."""
    stack = request.param
    made = store.project(stack, "-d", "database=atlas", name=f"{stack}-atlas")
    project, installed = tmp_path / "shop", ("node_modules", ".venv")
    shutil.copytree(made, project, symlinks=True, ignore=shutil.ignore_patterns(".git", *installed))
    for name in installed:
        if (made / name).exists():
            (project / name).symlink_to(made / name)
    database = f"shop_{next(NUMBERS)}"
    with server.asked(database) as db, bucket() as there:
        fill(db)
        environment = {**at_home(tmp_path, there), "DATABASE_URL": server.at(database)}
        yield Laptop(project, there, environment, database, server)
        db.client.drop_database(database)


def test_a_backup_comes_back_into_a_new_database_to_the_byte(at: Laptop) -> None:
    before = at.state()
    assert "of no one moment" in at.run("ops/backup", "local"), "a capped collection"
    at.alter()
    [known] = json.loads(at.run("ops/snapshots", "local", "--json"))
    assert known["migration"] == "20261130000000"
    rows = {table: it["rows"] for table, it in known["tables"].items()}
    assert rows == {"changelog": 1, "last": 15, "notes": ROWS, "restoring.nothing": 0}
    [dump] = [file for name, file in at.bucket.files.items() if name.endswith(".age")]
    assert dump.startswith(b"age-encryption.org")
    new = f"{at.database}_new"
    changed = at.state()
    said = at.run("ops/restore", "local", "newest", "--into", new)
    assert "local was not touched" in said
    assert at.state() == changed
    at.database = new
    assert at.state() == before
    # What is there is nobody's to write to.
    assert "already exists" in at.run("ops/restore", "local", "newest", "--into", new, code=1)
    assert at.state() == before


def test_what_an_environment_has_is_replaced_and_can_be_had_again(at: Laptop) -> None:
    before = at.state()
    name = at.backup()
    at.alter()
    changed = at.state()
    assert at.run("ops/restore", "local", name, "--overwrite", "live", code=2)
    assert at.state() == changed
    said = at.run("ops/restore", "local", name, "--overwrite", "local")
    assert "what is written from here on until it is done is lost" in said
    assert renamed(at.state()) == renamed(before)
    with at.server.asked(at.database) as db:
        assert db.changelog_lock.count_documents({}) == 1, "that of who migrates stays"
    undo = said.rpartition("undo: ")[2].split()
    at.run(*undo)
    assert renamed(at.state()) == renamed(changed)


def renamed(state: dict[str, Any]) -> dict[str, Any]:
    """Leave out what SecantusDB forgets of a collection that it renames, and MongoDB does not."""
    return {name: (it[0], it[0] == "view" and it[1], *it[2:]) for name, it in state.items()}


def test_a_drill_leaves_evidence_and_nothing_else(at: Laptop) -> None:
    """Of the newest with an identity; without one of its own, which no other run can read."""
    before = at.databases()
    name = at.backup()
    at.run("ops/restore", "local", "--drill")
    [file] = (at.project / "drills").iterdir()
    evidence = json.loads(file.read_text())
    assert (evidence["result"], evidence["snapshot"]) == ("passed", name)
    assert evidence["tables"]["notes"]["rows"] == ROWS
    at.run("ops/restore", "local", "--drill", BACKUP_IDENTITY="")
    assert json.loads(file.read_text())["snapshot"] > name
    assert at.databases() == before


def test_a_bad_backup_is_refused_by_what_is_wrong_with_it(at: Laptop) -> None:
    """A new database is gone again; what was to be replaced stays as it was."""
    every_bad_one_is_refused(at, ROWS)


def test_of_which_moment_it_is(at: Laptop) -> None:
    """If the server forgets it, or keeps none, what was not read by then is read as it is."""
    with at.server.asked(at.database) as db:
        db.last.drop()
        before, asked = at.state(), at.database
        assert "of no one moment" not in at.run("ops/backup", "local")
        for number, (command, code) in enumerate((("getMore", 239), ("find", 246))):
            data = {"failCommands": [command], "errorCode": code}
            fails = {"mode": {"times": 1}, "data": data}
            db.client.admin.command("configureFailPoint", "failCommand", **fails)
            name = at.backup()
            listed = at.run("ops/snapshots", "local").splitlines()
            [line] = [each for each in listed if each.startswith(name)]  # two may be of one second
            assert line.endswith("of no one moment")
            at.run("ops/restore", "local", name, "--into", f"{asked}_{number}")
            at.database = f"{asked}_{number}"
            assert at.state() == before


def test_whatever_is_killed_leaves_what_there_was(at: Laptop) -> None:
    first = at.backup()
    at.alter()
    changed = at.state()
    at.killing("ops/backup", "local", when=is_dump)
    assert "unfinished" in at.run("ops/snapshots", "local")
    at.killing("ops/restore", "local", first, "--overwrite", "local", when=is_read)
    assert at.state() == changed
    for command, when in (
        (("ops/backup", "local"), is_dump),
        (("ops/restore", "local", first, "--overwrite", "local"), is_read),
    ):
        at.killing(*command, when=when, kill=at.server.kill)
        at.server.start()
        assert at.state() == changed
    at.run("ops/restore", "local", first, "--overwrite", "local")
    assert at.state() != changed
