"""A generated service with MongoDB, and migrations in its language."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from migrating import Project, begin
from mongo import Mongo
from services.service import APIS
from store import Store

NUMBERS = count()
FIRST, COLOUR = "20261130000000_create_notes", "20261201000000_colour"
#: A migration in each language, with what goes into its functions.
TEXTS = {
    "node": """import type {{ Db }} from "mongodb";

export async function up(db: Db): Promise<void> {{
  {up}
}}

export async function down(db: Db): Promise<void> {{
  {down}
}}
""",
    "python": """import time


def up(db):
    {up}


def down(db):
    {down}
""",
}
#: What these functions do, in words of the tests.
DOES = {
    "add": (
        'await db.collection("notes").updateMany({}, { $set: { colour: "red" } });',
        'db.notes.update_many({}, {"$set": {"colour": "red"}})',
    ),
    "remove": (
        'await db.collection("notes").updateMany({}, { $unset: { colour: "" } });',
        'db.notes.update_many({}, {"$unset": {"colour": ""}})',
    ),
    "index": (
        'await db.collection("notes").createIndex({ body: 1 }, { name: "body" });',
        'db.notes.create_index("body", name="body")',
    ),
    "no index": ('await db.collection("notes").dropIndex("body");', 'db.notes.drop_index("body")'),
    "nothing": ("await db.listCollections().toArray();", "list(db.list_collections())"),
    "fail": (
        'await db.command({ nonsense: "s3cr3t" });',
        'db.command("nonsense", "s3cr3t")',
    ),
    # Until somebody says so.
    "wait": (
        """await db.createCollection("begun");
  while (!(await db.collection("go").findOne())) await new Promise((ok) => setTimeout(ok, 50));""",
        """db.create_collection("begun")
    while not db.go.find_one():
        time.sleep(0.05)""",
    ),
    "empty": (
        'await db.collection("notes").deleteMany({ title: { $ne: "" } });',
        'db.notes.delete_many({"title": {"$ne": ""}})',
    ),
    "drop": ('await db.dropCollection("notes");', 'db.drop_collection("notes")'),
    "blank": (
        'await db.collection("notes").updateMany({}, { $set: { body: "" } });',
        'db.notes.update_many({}, {"$set": {"body": ""}})',
    ),
    "demand": (
        'await db.command({ collMod: "notes", validator: { size: { $exists: true } } });',
        'db.command("collMod", "notes", validator={"size": {"$exists": True}})',
    ),
}


@dataclass
class Service(Project):
    """A project with migrations in its language."""

    server: Mongo  # type: ignore[assignment]
    stack: str

    @property
    def suffix(self) -> str:
        """The end of their names."""
        return ".ts" if self.stack == "node" else ".py"

    def write(self, up: str, down: str, name: str = COLOUR, why: str = "") -> str:
        """Write a migration that does something, and give its name."""
        which = APIS.index(self.stack)
        text = TEXTS[self.stack].format(up=DOES[up][which], down=DOES[down][which])
        comment = "//" if self.stack == "node" else "#"
        self.add(f"{name}{self.suffix}", f"{comment} destroys: {why}\n{text}" if why else text)
        return f"{name}{self.suffix}"

    def applied(self) -> list[str]:
        """Give the migrations that are applied, as the database has it."""
        with self.server.asked(self.database) as db:
            return sorted(each["fileName"][:14] for each in db.changelog.find())

    def collections(self) -> set[str]:
        """Give what is there, but for what keeps account of migrations."""
        with self.server.asked(self.database) as db:
            return {name for name in db.list_collection_names() if "changelog" not in name}


def service_of(folder: Path, server: Mongo, stack: str) -> Service:
    """Make a project a repository with a remote, and give it a database."""
    made = Service(folder, server, f"notes_{next(NUMBERS)}", stack)
    begin(made)
    return made


def before_switches(stack: str, store: Store, server: Mongo, folder: Path) -> Service:
    """A service that is set up, from before there were switches; its database has nothing yet."""
    made = store.project(stack, "-d", "database=atlas", name=f"{stack}-atlas")
    shutil.copytree(
        made, folder, symlinks=True, ignore=shutil.ignore_patterns(".git", "node_modules", ".venv")
    )
    for name in ("node_modules", ".venv"):
        if (made / name).exists():
            (folder / name).symlink_to(made / name)
    for seed in ("db/migrations", "test/integration", "tests/integration"):
        for file in (folder / seed).glob("*flag?switches.*"):
            file.unlink()
    rows = folder / "db/rows.json"
    rows.write_text(json.dumps({"notes": json.loads(rows.read_text())["notes"]}))
    return service_of(folder, server, stack)
