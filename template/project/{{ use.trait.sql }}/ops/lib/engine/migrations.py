"""The files in db/migrations: what they are called, what they say, and which of it no release may do in silence."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .errors import Failure, Misuse

FOLDER = Path("db/migrations")
NAME = re.compile(r"(\d{14})_[a-z0-9_]+\.sql")
MARKER = re.compile(r"^-- destroys:[ \t]*(\S.*)$", re.MULTILINE)
BLOCK = re.compile(r"^--\s*migrate:(up|down)\b(.*)$", re.MULTILINE)
#: What is no statement: comments, texts and quoted names, the bodies of functions. Of `do` the body is what runs.
QUIET = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|(?<!do )(\$\w*\$).*?\1", re.DOTALL | re.IGNORECASE)
#: What an `alter table … drop` takes away that is no data.
NO_DATA = "constraint|default|not|index|key|primary|foreign|expression|identity|check|generated"
DESTROYS = (
    re.compile(r"\bdrop\s+(?:table|schema|database|sequence|materialized|owned|partition)\b"),
    re.compile(rf"\balter\s+(?:foreign\s+)?table\b.*\bdrop\s+(?!(?:{NO_DATA})\b)", re.DOTALL),
    re.compile(r"\btruncate\b(?!\s*\()"),
    re.compile(r"\bdelete\s+from\b(?!.*\bwhere\b)", re.DOTALL),
)
SKELETON = """\
-- {name}
--
-- Expand, then contract: the release before this one goes on with the new schema, while a deploy lasts and after a
-- rollback. Add first. Take away in a later release, when nothing reads it any more, with a line that says why that
-- is no loss:  -- destroys: WHY

-- migrate:up

-- migrate:down
"""


class Migration(NamedTuple):
    """A file."""

    name: str
    text: str

    @property
    def version(self) -> str:
        """Give what it is sorted by, and what the database knows it by."""
        return self.name.partition("_")[0]

    @property
    def owned_up(self) -> bool:
        """Say whether it says of itself that it destroys something, and why."""
        return bool(MARKER.search(self._block("up")) or MARKER.search(self._head))

    @property
    def alone(self) -> bool:
        """Say whether it runs outside of a transaction."""
        return any("transaction:false" in found[2] for found in BLOCK.finditer(self.text))

    @property
    def _head(self) -> str:
        found = BLOCK.search(self.text)
        return self.text[: found.start()] if found else ""

    def _block(self, which: str) -> str:
        found = list(BLOCK.finditer(self.text))
        ends = [each.start() for each in found[1:]] + [len(self.text)]
        return "\n".join(self.text[each.end() : end] for each, end in zip(found, ends) if each[1] == which)

    def statements(self, which: str) -> list[str]:
        """Give the statements of a block, without what is none."""
        bare = QUIET.sub(" ", self._block(which)).lower()
        return [each.strip() for each in bare.split(";") if each.strip()]

    def destroys(self, which: str = "up") -> list[str]:
        """Give the statements that take data away."""
        found = [each for each in self.statements(which) if any(rule.search(each) for rule in DESTROYS)]
        return [" ".join(each.split()) for each in found]

    @property
    def undone(self) -> list[str]:
        """Say what is lost when it is taken back: what its script owns up to, and what that takes away."""
        return [*MARKER.findall(self._block("down")), *self.destroys("down")]

    def problems(self) -> Iterator[str]:
        """Say what is wrong with it as it stands."""
        if not NAME.fullmatch(self.name):
            yield f"{self.name}: expected a name as ops/migrate ENV new gives it, 20261130120000_what_it_does.sql"
        if not self.statements("up"):
            yield f"{self.name}: nothing after -- migrate:up"
        if not self.statements("down"):
            yield f"{self.name}: nothing after -- migrate:down, so it cannot be taken back"
        for statement in () if self.owned_up else self.destroys():
            yield f"{self.name}: it destroys ({statement[:60]}) and does not say why that may be: -- destroys: WHY"


def here(folder: Path = FOLDER) -> list[Migration]:
    """Read them, oldest first."""
    if not folder.is_dir():
        raise Failure(f"there is no folder {folder}")
    return [Migration(file.name, file.read_text("utf-8")) for file in sorted(folder.glob("[0-9]*.sql"))]


def wrong(found: list[Migration]) -> list[str]:
    """Say what is wrong with these files, a line for each."""
    lines = [line for each in found for line in each.problems()]
    for one, other in zip(found, found[1:]):
        if one.version == other.version:
            lines.append(f"{other.name}: {one.name} has the same number, so that one of them would never run")
    return lines


def write(what: str, known: list[Migration]) -> Path:
    """Write the file of the next one."""
    what = re.sub(r"[^a-z0-9]+", "_", what.lower()).strip("_")
    if not what:
        raise Misuse("a name has letters: ops/migrate local new add_colour_to_orders")
    now = time.strftime("%Y%m%d%H%M%S", time.gmtime())
    newest = known[-1].version if known else ""
    version = now if now > newest else str(int(newest) + 1)
    FOLDER.mkdir(parents=True, exist_ok=True)
    file = FOLDER / f"{version}_{what}.sql"
    file.write_text(SKELETON.format(name=what.replace("_", " ").capitalize()), "utf-8")
    return file
