"""Copies of a MongoDB database, by the driver of the service: how one is made and brought back, see copying.py.

A dump is BSON as the server has it, so no type and no order of fields is lost on its way through a language:

    dump       = { collection } end
    collection = header { document } end     header: name, type, options, indexes
    end        = ff ff ff ff, which is no length of a document

A collection that comes twice is what the second one says: of the first the server did not keep the moment.
"""

from __future__ import annotations

import json
import re
import secrets
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import IO, Any
from urllib.parse import unquote, urlsplit

from . import client
from .copies import Between, Contents, Frozen
from .copying import PROGRAM
from .errors import Failure, Misuse, otherwise
from .manifest import Table
from .pipes import Step, piped
from .variables import Settings

ENGINE = "mongo"
LOSES = "nobody is kept from writing: what is written from here on until it is done is lost"
HALFWAY = ", or collections of both"
#: Names that a server has, whatever the file system below it.
NAME = re.compile("[a-zA-Z_][a-zA-Z0-9_-]{0,37}")
PACK, UNPACK = Step(("gzip", "--stdout", "--fast")), Step(("gzip", "--decompress", "--stdout"))


def need(settings: Settings) -> None:
    """Note what is missing."""
    client.need(settings)
    settings.need_tool("gzip")


def name(url: str) -> str:
    """Give the name of the database."""
    return unquote(urlsplit(url).path.lstrip("/"))


@contextmanager
def frozen(url: str) -> Iterator[Frozen]:
    """Have it dumped at one moment, where the server keeps one; what is counted are the documents that are dumped."""
    with tempfile.TemporaryFile() as said:
        yield Frozen((_step(url, "dump", str(said.fileno()), keeps=(said.fileno(),)), PACK), lambda: _contents(said))


def create(url: str, new: str) -> None:
    """Claim another database on its server, in which there must be nothing yet."""
    if not NAME.fullmatch(new):
        raise Misuse(f"'{new}' is no name for a database: letters, digits, _ and -, 38 at most")
    with otherwise(f"nothing was restored: {new} could not be made"):
        _ask(url, "claim", new)


def drop(url: str, other: str) -> None:
    """Take away one that was made."""
    _ask(url, "drop", other)


def fill(url: str, opened: Step, dump: Iterable[bytes]) -> dict[str, Table]:
    """Bring a dump into a database that is new, and give what is there; `opened` reads it from how it is kept."""
    return _fill(url, opened, dump, "")[0]


def replace(url: str, opened: Step, dump: Iterable[bytes], between: Between) -> None:
    """Bring a dump beside what the database has, and then put one collection after the other in its place."""
    aside = f"restoring.{int(time.time())}-{secrets.token_hex(2)}."
    try:
        has, views = _fill(url, opened, dump, aside)
        between.check(has)
        between.keep()
    except BaseException:
        with suppress(Failure):
            _ask(url, "clear", aside)
        raise
    between.turn()
    _ask(url, "swap", aside, json.dumps(views))


def _step(url: str, *what: str, keeps: tuple[int, ...] = ()) -> Step:
    return Step((*PROGRAM, *what), {"DATABASE_URL": url}, keeps)


def _ask(url: str, what: str, of: str, told: str = "") -> Any:  # noqa: ANN401 (JSON)
    with piped(_step(url, what, of), fed=True) as asked:
        feeding = asked.feed([told.encode()])
        said = asked.output.read()
        feeding.done()
        asked.ended()
    return json.loads(said)


def _fill(url: str, opened: Step, dump: Iterable[bytes], aside: str) -> tuple[dict[str, Table], list[str]]:
    """Bring it into collections whose names begin so; give what they have, and which views are to come."""
    with piped(opened, UNPACK, _step(url, "fill", aside), fed=True) as restoring:
        feeding = restoring.feed(dump)
        said = restoring.output.read()
        feeding.done()
        restoring.ended()
    tables, views = json.loads(said)
    return _tables(tables), views


def _contents(said: IO[bytes]) -> Contents:
    said.seek(0)
    told = json.load(said)
    return Contents(**{**told, "tables": _tables(told["tables"])})


def _tables(told: Any) -> dict[str, Table]:  # noqa: ANN401 (JSON)
    return {name: Table(rows, checksum) for name, (rows, checksum) in told.items()}
