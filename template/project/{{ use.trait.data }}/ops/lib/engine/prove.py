"""Prove of the migrations since the last release that there is a way back from each, and that the release goes on."""

from __future__ import annotations

import difflib
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from . import catalogue, connection, migrations, runner
from .catalogue import ROWS
from .connection import Connection
from .errors import Failure, Misuse, otherwise
from .history import last_release, of
from .migrations import FOLDER, Migration
from .platform import Context
from .process import run
from .runner import Runner
from .script import OWNED

#: What is red without a word, and may be so with one.
MEANT = f"if that is meant, say why: {OWNED}"
TESTS = ". ops/lib/common.sh; . ops/lib/stack.sh; ops/setup >&2; mkdir -p test-results; stack_test >&2"


def prove(at: Context) -> None:
    """Prove it, in databases of its own beside that of this machine, or of the pipeline."""
    if at.env != "local":
        raise Misuse("only on this machine or in a pipeline, where a database may be dropped: ops/migrate local prove")
    runner.need(at.settings)
    catalogue.need(at.settings)
    at.settings.need_tool("git")
    at.settings.met("")
    at.git.check()
    Proof(at).run()


class Proof:
    """One proof: what the last release had, and what is new."""

    def __init__(self, at: Context) -> None:
        self._at = at
        self._files = migrations.here()
        self._release = last_release(at.git)
        self._old = of(at.git, self._release) if self._release else []
        known = {each.name for each in self._old}
        self._new = [each for each in self._files if each.name not in known]

    def run(self) -> None:
        """Run it."""
        say, since = self._at.console.say, f"since {self._release}" if self._release else "that there are"
        wrong = self._wrong()
        for line in wrong:
            say(line)
        if wrong:
            raise Failure("not proved: correct the files first")
        if not self._new:
            say(f"no migrations {since}: nothing to prove")
            return
        with self._scratch("proof") as tool:
            self._there_and_back(tool)
        say(f"each of the {len(self._new)} migrations {since} has a way back")
        if self._old:
            with self._scratch("release") as tool, tool.with_files(self._files, alone=True):
                tool.up()
                self._release_goes_on(tool.database)

    def _wrong(self) -> list[str]:
        """Say what is wrong with the files: as they stand, or beside those of the release."""
        wrong = migrations.wrong(self._new)
        here = {each.name: each.text.strip() for each in self._files}
        for each in self._old:
            if here.get(each.name) != each.text.strip():
                what = "changed" if each.name in here else "taken away"
                wrong.append(f"{each.name}: {what} since {self._release}, which has run it: write another one instead")
        newest = self._old[-1] if self._old else None
        for each in self._new:
            if newest and each.version <= newest.version:
                wrong.append(f"{each.name}: {newest.name} of {self._release} comes after it: give it a later time")
        return wrong

    @contextmanager
    def _scratch(self, what: str) -> Iterator[Runner]:
        """Have a database that is dropped in the end; one that a killed proof left is in nobody's way."""
        database = connection.find(self._at)
        scratch = database.beside(f"{database.name}_{what}_{os.getpid()}")
        tool = Runner(scratch, self._at.settings)
        tool.create()
        try:
            yield tool
        finally:
            tool.drop()

    def _there_and_back(self, tool: Runner) -> None:
        """Apply each, take it back, apply it again: schemas and rows are compared on the way."""
        if self._old:
            with tool.with_files(self._old, alone=True):
                tool.up()
            self._fill(tool)
        for number, each in enumerate(self._new, 1):
            with tool.with_files([*self._old, *self._new[:number]], alone=True):
                self._step(tool, each)

    def _fill(self, tool: Runner) -> None:
        """Write the rows of the release."""
        text = self._at.git.found("show", f"{self._release}:./{ROWS}")
        if not text:
            self._at.console.say(f"{self._release} has no {ROWS}: whether rows stay readable is not looked at")
            return
        with tempfile.TemporaryDirectory() as folder, otherwise(f"{ROWS} of {self._release} does not fit its schema"):
            file = Path(folder, ROWS.name)
            file.write_text(text, "utf-8")
            tool.fill(file)

    def _step(self, tool: Runner, each: Migration) -> None:
        schema, contents, database = catalogue.schema, catalogue.contents, tool.database
        before, tables = schema(database), catalogue.tables(database)
        rows = contents(database, tables)
        with otherwise(f"{each.name}: it cannot be applied"):
            tool.up()
        after = schema(database)
        if not each.owned_up:
            now = contents(database, self._surviving(tool, tables))
            self._same(_counts(rows), _counts(now), f"{each.name}: applied, it takes rows away; {MEANT}")
        with otherwise(f"{each.name}: it cannot be taken back"):
            tool.down()
        self._same(before, schema(database), f"{each.name}: taken back, it leaves another schema")
        if not each.owned_up:
            now = contents(database, tables)
            self._same(_told(rows), _told(now), f"{each.name}: taken back, it leaves other rows; {MEANT}")
        with otherwise(f"{each.name}: it cannot be applied again"):
            tool.up()
        self._same(after, schema(database), f"{each.name}: applied again, it makes another schema")

    def _same(self, before: Sequence[str], after: Sequence[str], wrong: str) -> None:
        """Show what differs, and say what is wrong if anything does."""
        differ = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
        for line in differ:
            self._at.console.say(line)
        if differ:
            raise Failure(wrong)

    def _surviving(self, tool: Runner, tables: dict[str, list[str]]) -> dict[str, list[str]]:
        now = catalogue.tables(tool.database)
        return {table: now[table] for table in tables if table in now}

    def _release_goes_on(self, database: Connection) -> None:
        """Run the tests of the last release on the schema of now, as after a rollback of the code alone."""
        at = self._at
        at.console.say(f"running the tests of {self._release} on the schema of now")
        how = "add what is new beside the old, and take the old away in a later release"
        with tempfile.TemporaryDirectory() as name, database.opened() as url:
            folder = Path(name)
            at.git.unpack(self._release, folder)
            # Whoever applies migrations in a test is to apply those of now.
            shutil.rmtree(folder / FOLDER)
            shutil.copytree(FOLDER, folder / FOLDER)
            with otherwise(f"{self._release} does not pass its tests on the new schema; {how}"):
                run("sh", "-euc", TESTS, "ops", folder=folder, environment={"DATABASE_URL": url}, shown=True)
        at.console.say(f"{self._release} passes its tests on the new schema")


def _counts(rows: list[list[str]]) -> list[str]:
    return [f"{table}: {count} rows" for table, count, _ in rows]


def _told(rows: list[list[str]]) -> list[str]:
    return [f"{table}: {count} rows, checksum {checksum}" for table, count, checksum in rows]
