"""What a migration says in SQL: the way there, the way back, and which of it no release may do in silence."""

from __future__ import annotations

import re
from collections.abc import Iterator

SUFFIX = ".sql"
MARKER = re.compile(r"^-- destroys:[ \t]*(\S.*)$", re.MULTILINE)
#: What is said of a way back that takes nothing away.
NOTHING = "no table and no column"
#: What has a migration say why it may destroy something.
OWNED = "-- destroys: WHY"
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


def owned_up(text: str) -> bool:
    """Say whether it says of itself that it destroys something, and why."""
    found = BLOCK.search(text)
    head = text[: found.start()] if found else ""
    return bool(MARKER.search(_block(text, "up")) or MARKER.search(head))


def alone(text: str) -> bool:
    """Say whether it runs outside of a transaction."""
    return any("transaction:false" in found[2] for found in BLOCK.finditer(text))


def problems(text: str) -> Iterator[str]:
    """Say what is wrong with it as it stands."""
    if not _statements(text, "up"):
        yield "nothing after -- migrate:up"
    if not _statements(text, "down"):
        yield "nothing after -- migrate:down, so it cannot be taken back"
    for statement in () if owned_up(text) else _destroys(text, "up"):
        yield f"it destroys ({statement[:60]}) and does not say why that may be: {OWNED}"


def undone(text: str) -> list[str]:
    """Say what is lost when it is taken back: what its script owns up to, and what that takes away."""
    return [*MARKER.findall(_block(text, "down")), *_destroys(text, "down")]


def _block(text: str, which: str) -> str:
    found = list(BLOCK.finditer(text))
    ends = [each.start() for each in found[1:]] + [len(text)]
    return "\n".join(text[each.end() : end] for each, end in zip(found, ends) if each[1] == which)


def _destroys(text: str, which: str) -> list[str]:
    """Give the statements that take data away."""
    found = [each for each in _statements(text, which) if any(rule.search(each) for rule in DESTROYS)]
    return [" ".join(each.split()) for each in found]


def _statements(text: str, which: str) -> list[str]:
    """Give the statements of a block, without what is none."""
    bare = QUIET.sub(" ", _block(text, which)).lower()
    return [each.strip() for each in bare.split(";") if each.strip()]
