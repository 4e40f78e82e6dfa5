"""A generated service with a database of its own, and ops/migrate in it."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from mariadb import MariaDB
from postgres import Postgres

Done = subprocess.CompletedProcess[str]
FIRST = "20261130000000_create_notes.sql"
SWITCHES = "20261130000001_create_flag_switches"
COLOUR = "20261201000000_colour.sql"


def block(up: str, down: str = "select 1;", option: str = "") -> str:
    """Give the text of a migration."""
    return f"-- migrate:up{option}\n{up}\n-- migrate:down\n{down}\n"


ADD = block(
    "alter table notes add colour text not null default 'red';",
    "alter table notes drop column colour;",
)


@dataclass
class Project:
    """A repository with a remote, and a database of its own for each environment that it has."""

    folder: Path
    server: Postgres | MariaDB
    database: str

    def run(self, *arguments: str, **variables: str) -> Done:
        """Run ops/migrate."""
        return subprocess.run(
            ["ops/migrate", *arguments], cwd=self.folder, env=self.environment(**variables),
            check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start it as a process group of its own."""
        return subprocess.Popen(
            ["ops/migrate", *arguments], cwd=self.folder, env=self.environment(),
            stderr=subprocess.PIPE, text=True, process_group=0,
        )  # fmt: skip

    def environment(self, **variables: str) -> dict[str, str]:
        """Give the environment of a shell without settings; nothing is waited for twice."""
        known = {name: os.environ[name] for name in os.environ if name.startswith("GIT_")}
        fast = {"RETRY_DELAY": "0.05", "POLL_INTERVAL": "0.05"}
        home = {"PATH": os.environ["PATH"], "HOME": str(self.folder.parent)}
        return {**known, **fast, **home, **variables}

    def ok(self, *arguments: str, **variables: str) -> Done:
        """Run it, which has to succeed."""
        done = self.run(*arguments, **variables)
        assert done.returncode == 0, done.stderr
        return done

    def add(self, name: str, text: str) -> None:
        """Write a migration."""
        (self.folder / "db/migrations" / name).write_text(text)

    def git(self, *arguments: str) -> str:
        """Run git."""
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    def commit(self, tag: str = "") -> None:
        """Commit all there is, and tag it."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", tag or "work")
        if tag:
            self.git("tag", tag)

    def sql(self, text: str) -> str:
        """Ask the database."""
        return self.server.run(text, self.database)

    def applied(self) -> list[str]:
        """Give the migrations that are applied, as the database has it."""
        return self.sql("select version from schema_migrations order by version").split()


def project_of(
    folder: Path, server: Postgres | MariaDB, name: str, *, whole: bool = False
) -> Project:
    """Make a project a repository with a remote, and give it a database, which is empty.

    Unless it is to be `whole`, it has one migration, as one from before there were switches.
    """
    if not whole:
        for seed in (f"db/migrations/{SWITCHES}.sql", "test/integration/flag-switches.test.ts"):
            (folder / seed).unlink()
        rows = folder / "db/rows.sql"
        rows.write_text(rows.read_text().partition("insert into flag_switches")[0])
    server.run(f"create database {name}")
    made = Project(folder, server, name)
    begin(made)
    return made


def begin(made: Project) -> None:
    """Make a project a repository with a remote, and tell it its database."""
    url = urlsplit(made.server.url)._replace(path=f"/{made.database}").geturl()
    (made.folder / ".env.local").write_text(f"DATABASE_URL={url}\n")
    subprocess.run(["git", "init", "--quiet", "--bare", f"{made.folder}.git"], check=True)
    made.git("init", "--quiet", "--initial-branch=main")
    made.git("remote", "add", "origin", f"{made.folder}.git")
    made.commit()
