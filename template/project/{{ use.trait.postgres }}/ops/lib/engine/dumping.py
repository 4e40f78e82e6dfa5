"""Copies of a PostgreSQL database: how one is made, what is in it, how it is brought back."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

from .errors import Failure, Misuse, otherwise
from .libpq import PSQL, ask, environment, version_of
from .manifest import Table
from .packages import provide
from .pipes import Pipeline, Step, piped
from .questions import CLEAR, EXTENSIONS, LOCK, MIGRATION, SAME, TABLES
from .variables import Settings
from .vendor import APART, RESTORING

ENGINE = "postgres"
#: Names that need no quotes.
NAME = re.compile("[a-z_][a-z0-9_]{0,62}")
END = "that is all"


class Frozen(NamedTuple):
    """A database as it is at one moment."""

    dump: Step
    migration: str
    session: Pipeline

    def tables(self) -> dict[str, Table]:
        """Give what is in it; that takes a while, and goes on beside the dump."""
        return _tables(self.session)


def need(settings: Settings) -> None:
    """Note what is missing; which version the others are to be of, the server says."""
    provide(settings, "psql", apk="postgresql-client", apt="postgresql-client")
    what = "PostgreSQL's client programs, of the server's version"
    settings.need_tool("psql", what)
    settings.need_tool("pg_dump", what)
    settings.need_tool("pg_restore", what)


def name(url: str) -> str:
    """Give the name of the database."""
    return environment(url)["PGDATABASE"]


def versions(url: str) -> tuple[str, str]:
    """Give those of the server, and of the program that dumps."""
    server = _server(url)
    return server, version_of(server)[1]


@contextmanager
def frozen(url: str) -> Iterator[Frozen]:
    """Have one moment of it for the dump and for what is counted, while others write."""
    with piped(Step(("psql", *PSQL), environment(url)), fed=True) as session:
        begin = "begin isolation level repeatable read read only;\nselect pg_export_snapshot();\n"
        _write(session, f"{SAME}{begin}{MIGRATION}{TABLES}\\echo {END}\n")
        snapshot, migration = (session.output.readline().decode().strip() for _ in range(2))
        if not snapshot:
            session.input.close()
            session.ended()
        apart = (f"--exclude-schema={schema}" for schema in APART)
        some = ask(url, EXTENSIONS).split()
        options = (
            "--format=custom",
            "--no-password",
            "--lock-wait-timeout=60s",
            f"--snapshot={snapshot}",
            *apart,
            *some,
        )
        yield Frozen(Step(("pg_dump", *options), _with_programs(url)), migration, session)


def tables(url: str) -> dict[str, Table]:
    """Give what is in it now."""
    with piped(Step(("psql", *PSQL), environment(url)), fed=True) as session:
        _write(session, f"{SAME}{TABLES}\\echo {END}\n")
        return _tables(session)


def create(url: str, new: str) -> None:
    """Make another database on its server, which must not be there yet."""
    if not NAME.fullmatch(new):
        raise Misuse(f"'{new}' is no name for a database: small letters, digits and _")
    with otherwise(f"nothing was restored: {new} could not be made"):
        ask(url, f"create database {new} template template0")


def drop(url: str, other: str) -> None:
    """Take away one that was made."""
    ask(url, f"drop database if exists {other} with (force)")


def fill(url: str, opened: Step, dump: Iterable[bytes]) -> None:
    """Bring a dump into a database that is new; `opened` reads it from how it is kept."""
    options = ("--exit-on-error", "--no-owner", "--no-privileges", "--no-password", *RESTORING, f"--dbname={name(url)}")
    with piped(opened, Step(("pg_restore", *options), _with_programs(url)), fed=True) as restoring:
        feeding = restoring.feed(dump)
        restoring.output.read()
        feeding.done()
        restoring.ended()


class Between(NamedTuple):
    """What is done while nobody else can write: `first`, and `last` to what is there then; it raises what is wrong."""

    first: Callable[[], object]
    last: Callable[[dict[str, Table]], object]


def replace(url: str, opened: Step, dump: Iterable[bytes], between: Between) -> None:
    """Have it be what a dump has, in one transaction: whatever fails, it is as before."""
    reading = (opened, Step(("pg_restore", "--no-owner", *RESTORING, "--file=-"), _with_programs(url)))
    with piped(Step(("psql", *PSQL), environment(url)), fed=True) as session, piped(*reading, fed=True) as restoring:
        _write(session, f"{SAME}begin;\n{LOCK}\\echo {END}\n")
        _before(session)
        between.first()
        _write(session, CLEAR)
        feeding = restoring.feed(dump)
        while True:
            part = restoring.output.read(1 << 16)
            if not part:
                break
            _write(session, part)
        feeding.done()
        restoring.ended()
        _write(session, f"{SAME}\\echo {END}\n{TABLES}\\echo {END}\n")
        _before(session)
        between.last(_tables(session))
        _write(session, "commit;\n")
        session.input.close()
        session.ended()


def _server(url: str) -> str:
    return ask(url, "show server_version").split()[0]


def _with_programs(url: str) -> dict[str, str]:
    return {**environment(url), **version_of(_server(url))[0]}


def _write(session: Pipeline, what: str | bytes) -> None:
    """Tell psql something; if it has ended, it says why."""
    try:
        session.input.write(what.encode() if isinstance(what, str) else what)
        session.input.flush()
    except BrokenPipeError:
        session.ended()
        raise


def _before(session: Pipeline) -> None:
    """Pass over what it says of what it was told until now."""
    for line in session.output:
        if line.strip() == END.encode():
            return
    session.ended()


def _tables(session: Pipeline) -> dict[str, Table]:
    found: dict[str, Table] = {}
    for line in session.output:
        if line.strip() == END.encode():
            return found
        table, rows, checksum = json.loads(line)
        found[table] = Table(rows, checksum)
    session.ended()
    raise Failure("psql ended before it had read all tables")
