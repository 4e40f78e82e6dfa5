"""What a migration says as code: the way there, the way back, and which of it no release may do in silence."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .language import COMMENT, FUNCTION, QUIET, SKELETON, SUFFIX

__all__ = ["NOTHING", "OWNED", "SKELETON", "SUFFIX", "alone", "owned_up", "problems", "undone"]

#: What is said of a way back that takes nothing away.
NOTHING = "no collection and no field"
#: What has a migration say why it may destroy something.
OWNED = f"{COMMENT} destroys: WHY"
MARKER = re.compile(rf"^\s*{COMMENT} destroys:[ \t]*(\S.*)$", re.MULTILINE)
#: Comments above something.
ABOVE = re.compile(rf"(?:^[ \t]*(?:{COMMENT}[^\n]*)?\n)+\Z", re.MULTILINE)
#: What is done to the database, which every function has as an argument.
USE = re.compile(r"\bdb\b(?!\s*:)")
#: The lines of calls and commands by which documents go, or fields of theirs.
DESTROYS = re.compile(
    r"""[^\n]*(?:\.drop\w*\((?<!Index\()(?<!Indexes\()(?<!index\()(?<!indexes\()
    | \bdrop(?:Database)?["']?\s*: | \bdropTarget\b | \$unset\b | \$out\b
    | \.delete_?[mM]any\(\s*(?:\{\s*\}\s*)?[,)])[^\n]*""",
    re.VERBOSE,
)


def owned_up(text: str) -> bool:
    """Say whether it says of itself that it destroys something, and why."""
    return bool(MARKER.search(text, 0, _down(text)))


def alone(_text: str) -> bool:
    """Say whether it runs outside of a transaction that others have."""
    return False


def problems(text: str) -> Iterator[str]:
    """Say what is wrong with it as it stands."""
    if not USE.search(_body(text, "up")):
        yield "nothing in up(db)"
    if not USE.search(_body(text, "down")):
        yield "nothing in down(db), so it cannot be taken back"
    for call in () if owned_up(text) else _destroys(text, "up"):
        yield f"it destroys ({call}) and does not say why that may be: {OWNED}"


def undone(text: str) -> list[str]:
    """Say what is lost when it is taken back: what that owns up to, and what it takes away."""
    return [*MARKER.findall(text, _down(text)), *_destroys(text, "down")]


def _down(text: str) -> int:
    """Give where the way back begins, with what is said of it."""
    head = next((found.start() for found in FUNCTION.finditer(text) if found[1] == "down"), len(text))
    above = ABOVE.search(text, 0, head)
    return above.start() if above else head


def _destroys(text: str, which: str) -> list[str]:
    """Give the lines by which data goes."""
    return [" ".join(found[0].split()) for found in DESTROYS.finditer(_body(text, which))]


def _body(text: str, which: str) -> str:
    """Give what a function does, without comments and without its head, up to the next one."""
    bare = QUIET.sub("", text)
    found = list(FUNCTION.finditer(bare))
    ends = [each.start() for each in found[1:]] + [len(bare)]
    return "\n".join(bare[each.end() : end] for each, end in zip(found, ends) if each[1] == which)
