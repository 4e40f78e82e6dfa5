"""One line of a file of a project: which line of the template wrote it, and on what it depends."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

from scaffold.errors import UsageError
from scaffold.project.inputs import Inputs
from scaffold.template.tracing import lines
from scaffold.wording import count

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import PurePosixPath

    from scaffold.project.cause import Cause
    from scaffold.project.provenance import Provenance, Source
    from scaffold.template.tracing import Place

#: Files that updates merge by their keys, and may indent anew.
MANIFESTS = frozenset({".json", ".toml", ".yaml", ".yml"})


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file of a project.

    Attributes:
        number: Its number, from 1.
        text: What it says.
        written: Its number in what the template wrote; None when it is somebody's own.
        sources: The lines of the template that wrote it, in the order of their text.
        macros: The lines of macros by which they did.
        inputs: The values that it depends on. An answer is none for which alone the sources or
            the rows are taken.
    """

    number: int
    text: str
    written: int | None = None
    sources: tuple[Source, ...] = ()
    macros: tuple[Place, ...] = ()
    inputs: Inputs = field(default_factory=Inputs)

    @classmethod
    def of(cls, number: int, now: str, path: PurePosixPath, made: Provenance | None) -> Line:
        """Look up a line.

        Args:
            number: Its number, from 1.
            now: What is in the file.
            path: Where the file is.
            made: What the template made it from, if it did.

        Raises:
            UsageError: When there is no such line.
        """
        there = lines(now)
        if not 1 <= number <= len(there):
            raise UsageError(
                f"{path} has {count(len(there), 'line')}, and no line {number}.",
                f"Name one from 1 to {len(there)}." if there else "Name a file with some.",
            )
        line = cls(number, there[number - 1].rstrip("\r\n"))
        written = _written(lines(made.text), there, number, path) if made else None
        if made is None or written is None:
            return line
        pieces = made.text.by_line()[written - 1]
        pieces = [piece for piece in pieces if piece.text.strip()] or pieces
        sources = tuple(dict.fromkeys(made.source_of(piece.source) for piece in pieces))
        inputs = made.inputs.at(written)
        named = {cause for source in sources for cause in source.causes}
        named |= {one.cause for one in inputs.rows if one.cause}
        return replace(
            line,
            written=written,
            sources=sources,
            macros=tuple(dict.fromkeys(place for piece in pieces for place in piece.macros)),
            inputs=replace(
                inputs,
                answers=tuple(
                    one for one in inputs.answers if one.cause and not _covers(named, one.cause)
                ),
            ),
        )


def _covers(named: set[Cause], cause: Cause) -> bool:
    """Tell whether an answer goes without saying, beside others."""
    bringing = {replace(each, trait="") for each in named}
    return cause in named or cause in bringing


def _written(before: list[str], now: list[str], number: int, path: PurePosixPath) -> int | None:
    """Give the number that a line had, unless it was not there."""
    if before == now:
        return number
    found = _matched(before, now, number, lambda line: line.rstrip("\r\n"))
    if found is None and path.suffix in MANIFESTS:
        found = _matched(before, now, number, lambda line: line.strip().rstrip(","))
    return found


def _matched(
    before: list[str], now: list[str], number: int, form: Callable[[str], str]
) -> int | None:
    matcher = SequenceMatcher(None, [*map(form, before)], [*map(form, now)], autojunk=False)
    for block in matcher.get_matching_blocks():
        if block.b < number <= block.b + block.size:
            return block.a + number - block.b
    return None
