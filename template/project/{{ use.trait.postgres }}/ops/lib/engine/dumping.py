"""Copies of a PostgreSQL database: how one is made, what is in it, how it is brought back."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from .copies import Between, Contents, Frozen
from .errors import Failure, Misuse, otherwise
from .libpq import PSQL, ask, environment, version_of
from .manifest import Table
from .packages import provide
from .pipes import Pipeline, Step, piped
from .questions import CLEAR, EXTENSIONS, LOCK, MIGRATION, SAME, TABLES
from .variables import Settings
from .vendor import APART, RESTORING

ENGINE = "postgres"
#: Nobody else writes while a database is replaced, and that is one transaction.
LOSES = HALFWAY = ""
#: Names that need no quotes.
NAME = re.compile("[a-z_][a-z0-9_]{0,62}")
END = "that is all"


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


@contextmanager
def frozen(url: str) -> Iterator[Frozen]:
    """Have one moment of it for the dump and for what is counted, which goes on beside it, while others write."""
    server = _server(url)
    programs, tool = version_of(server)
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
        dump = Step(("pg_dump", *options), {**environment(url), **programs})
        yield Frozen((dump,), lambda: Contents(server, tool, migration, _tables(session)))


def create(url: str, new: str) -> None:
    """Make another database on its server, which must not be there yet."""
    if not NAME.fullmatch(new):
        raise Misuse(f"'{new}' is no name for a database: small letters, digits and _")
    with otherwise(f"nothing was restored: {new} could not be made"):
        ask(url, f"create database {new} template template0")


def drop(url: str, other: str) -> None:
    """Take away one that was made."""
    ask(url, f"drop database if exists {other} with (force)")


def fill(url: str, opened: Step, dump: Iterable[bytes]) -> dict[str, Table]:
    """Bring a dump into a database that is new, and give what is there; `opened` reads it from how it is kept."""
    options = ("--exit-on-error", "--no-owner", "--no-privileges", "--no-password", *RESTORING, f"--dbname={name(url)}")
    with piped(opened, Step(("pg_restore", *options), _with_programs(url)), fed=True) as restoring:
        feeding = restoring.feed(dump)
        restoring.output.read()
        feeding.done()
        restoring.ended()
    with piped(Step(("psql", *PSQL), environment(url)), fed=True) as session:
        _write(session, f"{SAME}{TABLES}\\echo {END}\n")
        return _tables(session)


def replace(url: str, opened: Step, dump: Iterable[bytes], between: Between) -> None:
    """Have it be what a dump has, in one transaction: whatever fails, it is as before."""
    reading = (opened, Step(("pg_restore", "--no-owner", *RESTORING, "--file=-"), _with_programs(url)))
    with piped(Step(("psql", *PSQL), environment(url)), fed=True) as session, piped(*reading, fed=True) as restoring:
        _write(session, f"{SAME}begin;\n{LOCK}\\echo {END}\n")
        _before(session)
        between.keep()
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
        between.check(_tables(session))
        between.turn()
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
