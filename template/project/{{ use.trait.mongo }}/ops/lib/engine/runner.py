"""What applies migrations, by the driver of the service and in its language: see client.py."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from . import client, driver
from .connection import Connection
from .errors import Failure
from .migrations import FOLDER, Migration
from .script import SUFFIX
from .variables import Settings

LIMIT = 600


def need(settings: Settings) -> None:
    """Have what runs it, or note that it is missing."""
    settings.seconds("MIGRATE_TIMEOUT", LIMIT)
    client.need(settings)


class Runner:
    """Migrations of one database.

    Args:
        keeps: A lock, as an open file: it is held for as long as a migration runs, whatever becomes of the task.
    """

    def __init__(self, database: Connection, settings: Settings, keeps: Sequence[int] = ()) -> None:
        self.database = database
        self._limit = settings.seconds("MIGRATE_TIMEOUT", LIMIT)
        self._keeps = keeps
        self._folder = FOLDER

    def status(self) -> dict[str, bool]:
        """Give the names of migrations, oldest first, and whether they are applied."""
        return dict(self._ask("status"))

    def up(self) -> None:
        """Apply what is pending."""
        self._ask("up")

    def down(self) -> None:
        """Take the newest back."""
        self._ask("down")

    def create(self) -> None:
        """Have the database: it is there as soon as something is in it."""

    def drop(self) -> None:
        """Drop the database."""
        self._ask("drop")

    def fill(self, file: Path) -> None:
        """Write the documents that a file has."""
        self._ask("fill", rows=file.read_text("utf-8"))

    @contextmanager
    def with_files(self, files: Sequence[Migration], *, alone: bool = False) -> Iterator[None]:
        """Have it know these files, too; or these `alone`."""
        before = self._folder
        with tempfile.TemporaryDirectory() as name:
            self._folder = Path(name)
            client.furnish(self._folder)
            there = () if alone else before.glob(f"*{SUFFIX}")
            known = {file.name: file.read_text("utf-8") for file in there}
            for file, text in {**known, **{each.name: each.text for each in files}}.items():
                (self._folder / file).write_text(text, "utf-8")
            try:
                yield
            finally:
                self._folder = before

    def _ask(self, what: str, **more: str) -> Any:  # noqa: ANN401
        try:
            where = str(self._folder.absolute())
            return driver.ask(self.database, what, limit=self._limit, keeps=self._keeps, folder=where, **more)
        except subprocess.TimeoutExpired:
            how = "the server may go on for a while with what it had begun"
            raise Failure(f"it was stopped after {self._limit:g} seconds (MIGRATE_TIMEOUT); {how}") from None
