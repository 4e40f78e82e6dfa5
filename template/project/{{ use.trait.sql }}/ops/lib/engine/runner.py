"""dbmate, which applies migrations: what it is told, and what it says."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from .connection import Connection
from .dialect import VARIABLES, told
from .errors import Failure
from .migrations import FOLDER, Migration
from .process import ProgramFailed, ended
from .tools import use_tool
from .variables import Settings

ADDRESS = "https://github.com/amacneil/dbmate"
LINE = re.compile(r"^\[([X ])\] (\S+\.sql)$", re.MULTILINE)
LIMIT = 600


def need(settings: Settings) -> None:
    """Have it, or note that it is missing."""
    settings.seconds("MIGRATE_TIMEOUT", LIMIT)
    use_tool("dbmate", ADDRESS, settings)


class Runner:
    """dbmate at work on one database.

    Args:
        keeps: A lock, as an open file: it is held for as long as dbmate runs, whatever becomes of the task.
    """

    def __init__(self, database: Connection, settings: Settings, keeps: Sequence[int] = ()) -> None:
        self.database = database
        self._limit = settings.seconds("MIGRATE_TIMEOUT", LIMIT)
        self._keeps = keeps
        #: What else there is of migrations beside the folder.
        self.folders: list[Path] = [FOLDER]

    def _run(self, *arguments: str) -> str:
        """Run it. It is told the address by its environment, and nothing by a person's own settings."""
        command = [
            "dbmate", "--env=DATABASE_URL", "--env-file=/dev/null", "--migrations-table=schema_migrations",
            "--no-dump-schema", *(f"--migrations-dir={folder}" for folder in self.folders), *arguments,
        ]  # fmt: skip
        ours = {name: it for name, it in os.environ.items() if not name.startswith(("DBMATE_", VARIABLES))}
        with self.database.opened() as url:
            try:
                done = ended(
                    command, env={**ours, **told(url)}, stdin=subprocess.DEVNULL,
                    capture_output=True, encoding="utf-8", errors="replace",
                    timeout=self._limit, pass_fds=self._keeps,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                how = "the server may go on for a while with what it had begun, and then takes that back"
                raise Failure(f"dbmate was stopped after {self._limit:g} seconds (MIGRATE_TIMEOUT); {how}") from None
        if done.returncode:
            raise Failure(self.database.scrubbed(str(ProgramFailed("dbmate", done.returncode, done.stderr))))
        return done.stdout

    def status(self) -> dict[str, bool]:
        """Give the names of migrations, oldest first, and whether they are applied."""
        return {name: mark == "X" for mark, name in LINE.findall(self._run("status"))}

    def up(self) -> None:
        """Apply what is pending."""
        self._run("migrate")

    def down(self) -> None:
        """Take the newest back."""
        self._run("rollback")

    def create(self) -> None:
        """Have the database, which there is not."""
        self._run("create")

    def drop(self) -> None:
        """Drop the database."""
        self._run("drop")

    def fill(self, file: Path) -> None:
        """Write the rows that a file has."""
        self._run(f"--schema-file={file}", "load")

    @contextmanager
    def with_files(self, files: Sequence[Migration], *, alone: bool = False) -> Iterator[None]:
        """Have it know these files, too; or these `alone`."""
        before = self.folders
        with tempfile.TemporaryDirectory() as folder:
            for each in files:
                Path(folder, each.name).write_text(each.text, "utf-8")
            self.folders = [Path(folder)] if alone else [*before, Path(folder)]
            try:
                yield
            finally:
                self.folders = before
