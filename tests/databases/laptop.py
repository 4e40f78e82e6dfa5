"""A laptop from which people take and restore backups."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from bucket import Bucket
from postgres import Postgres


@dataclass
class Machine:
    """A project on a laptop, with a database beside it and a bucket elsewhere."""

    project: Path
    server: Postgres
    bucket: Bucket
    environment: dict[str, str]
    database: str = ""

    def start(self, *command: str, **variables: str) -> subprocess.Popen[str]:
        """Start a task."""
        return subprocess.Popen(
            command, cwd=self.project, env={**self.environment, **variables}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
        )  # fmt: skip

    def run(self, *command: str, code: int = 0, **variables: str) -> str:
        """Run a task; give what it says."""
        process = self.start(*command, **variables)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, out + err
        assert "secret" not in err + out
        return out + err

    @property
    def folder(self) -> str:
        """Where its backups are."""
        return f"{json.loads((self.project / 'ops/project.json').read_text())['name']}/local/"

    def backup(self) -> str:
        """Take one, and give its name."""
        return self.run("ops/backup", "local").split()[0]

    def ask(self, question: str, database: str = "") -> str:
        """Ask the server."""
        return self.server.run(question, database or self.database)

    def databases(self) -> set[str]:
        """Give all that there are."""
        return set(self.ask("select datname from pg_database", "postgres").split())

    def state(self) -> str:
        """Give what must not change: every row, and which tables there are."""
        tables = (
            "select string_agg(relname, ' ' order by relname) from pg_class"
            " where relkind = 'r' and relname !~ '^(pg|sql)_'"
        )
        rows = "select md5(string_agg(it::text, '' order by title)) from notes it"
        return self.ask(f"{tables}; {rows}")
