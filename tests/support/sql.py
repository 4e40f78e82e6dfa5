"""What is alike with the servers that speak SQL."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path


class Sql(ABC):
    """A server, as tests of services ask it."""

    @abstractmethod
    def run(self, sql: str, database: str) -> str:
        """Run SQL; give what it prints, without headings."""

    @abstractmethod
    def create(self, database: str) -> None:
        """Make a database."""

    def make(self, database: str, project: Path) -> None:
        """Make a database by the migrations of a project."""
        self.create(database)
        self.apply(database, project)

    def apply(self, database: str, project: Path, name: str = "") -> None:
        """Apply the migrations of a project, or those whose name begins so."""
        for migration in sorted((project / "db/migrations").glob(f"{name}*")):
            self.run(migration.read_text().split("-- migrate:down")[0], database)

    def titles(self, database: str, table: str = "notes") -> set[str]:
        """Give those of the notes that are stored."""
        return set(self.run(f"select title from {table}", database).splitlines())  # noqa: S608

    def switched(self, database: str, flag: str, state: str, who: str) -> None:
        """Have a change of a flag that ops/flag would not make."""
        what = f"('{flag}', '{state}', '{who}')"
        self.run(f"insert into flag_switches (flag, state, who) values {what}", database)  # noqa: S608

    def without_switches(self, database: str) -> None:
        """Take the table of switches away."""
        self.run("drop table flag_switches", database)
