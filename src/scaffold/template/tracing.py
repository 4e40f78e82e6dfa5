"""Where each piece of a rendered text was written: the template's file and line.

What a macro gives keeps its pieces for as long as it is passed on whole. Where a filter makes
another text of it, the line with the filter wrote that.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

import jinja2
from jinja2 import nodes

from scaffold.template.environment import Environment
from scaffold.template.renderer import context, is_rendered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from scaffold.files import File
    from scaffold.template.answers import Answers
    from scaffold.template.definition import Template

_FILTER = "traced"


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a template.

    Attributes:
        path: Its file, in the template.
        line: Its number, from 1.
        in_macro: Whether it is in a macro.
    """

    path: PurePosixPath
    line: int
    in_macro: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a rendered text, within one line.

    Attributes:
        text: The piece.
        places: Where it was written, from the outermost call inwards; none when nobody knows.
    """

    text: str
    places: tuple[Place, ...] = ()

    @property
    def source(self) -> Place | None:
        """The line that wrote it; a macro counts for the line that calls it."""
        own = [place for place in self.places if not place.in_macro]
        return own[-1] if own else next(iter(self.places), None)

    @property
    def macros(self) -> tuple[Place, ...]:
        """The lines of macros by which that line wrote it."""
        return self.places[self.places.index(self.source) + 1 :] if self.source else ()


class Text(str):
    """A text that knows its pieces."""

    __slots__ = ("pieces",)
    pieces: tuple[Piece, ...]

    @classmethod
    def of(cls, pieces: Iterable[Piece]) -> Text:
        """Join pieces."""
        known = tuple(pieces)
        text = cls("".join(piece.text for piece in known))
        text.pieces = known
        return text

    @classmethod
    def copied(cls, text: str, start: Place) -> Text:
        """Give a text as it stands in a file, from a line of it on."""
        return cls.of(
            Piece(part, (Place(start.path, start.line + number, start.in_macro),))
            for number, part in enumerate(lines(text))
        )

    def __str__(self) -> str:
        """Stay what it is where `str()` changes no text."""
        return self

    def by_line(self) -> list[list[Piece]]:
        """Give the pieces of each line."""
        found: list[list[Piece]] = []
        ended = True
        for piece in self.pieces:
            for part in lines(piece.text):
                if ended:
                    found.append([])
                found[-1].append(Piece(part, piece.places))
                ended = part.endswith("\n")
        return found


@dataclass(frozen=True, slots=True)
class Traced:
    """How a template writes one file.

    Attributes:
        text: What it writes, with the places of each piece.
        reads: The template's other files that this takes: what is included and imported,
            directly or not, in that order.
    """

    text: Text
    reads: list[PurePosixPath]


def traced(template: Template, answers: Answers, file: File) -> Traced:
    """Follow how a template writes a file, which it has written before."""
    content = file.content.decode("utf-8", "replace")
    if not is_rendered(template, file.origin):
        return Traced(Text.copied(content, Place(file.origin, 1)), [])
    # One of its own: what is compiled already would not be read again.
    environment = Tracing(template.root, template.settings.get("_envops", {}))
    text = Text.of([])
    with suppress(Exception):  # a filter that takes no other text than Python's own
        compiled = environment.get_template(file.origin.as_posix())
        text = Tracing.concat([compiled.render(context(template, answers))])
    reads = [path for path in map(PurePosixPath, environment.names) if path != file.origin]
    return Traced(text if text == content else Text.of([Piece(content)]), reads)


def lines(text: str) -> list[str]:
    """Split a text after each line feed, as git and editors count lines."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


class Tracing(Environment):
    """An environment that remembers what wrote each piece, and which files it was asked for."""

    kind = "traced"

    def __init__(self, root: Path, envops: Mapping[str, Any]) -> None:
        super().__init__(root, envops)
        self.filters[_FILTER] = _traced
        #: Their names in the order in which they were first asked for.
        self.names: dict[str, None] = {}

    @staticmethod
    def concat(parts: Iterable[str]) -> Text:  # Jinja's is "".join
        """Join what a template or a macro writes."""
        return Text.of(
            piece
            for part in parts
            for piece in (part.pieces if isinstance(part, Text) else [Piece(part)])
        )

    def get_template(self, *args: Any, **kwargs: Any) -> jinja2.Template:
        """Give a template by its name."""
        return self._noted(super().get_template(*args, **kwargs))

    def select_template(self, *args: Any, **kwargs: Any) -> jinja2.Template:
        """Give the first of some templates that there is."""
        return self._noted(super().select_template(*args, **kwargs))

    def _noted(self, found: jinja2.Template) -> jinja2.Template:
        if found.name and found.name not in self._texts.strings:
            self.names[found.name] = None
        return found

    def _generate(self, source: nodes.Template, name: str | None, *args: Any, **kwargs: Any) -> str:
        """Have each text and expression that is written pass by `_traced`."""
        in_macros = {id(node) for macro in source.find_all(nodes.Macro) for node in _outputs(macro)}
        for node in _outputs(source):
            known = (name or "", id(node) in in_macros)
            if isinstance(node, nodes.FilterBlock):
                node.filter = _noting(node.filter, *known)
            else:
                node.nodes = [_noting(child, *known) for child in node.nodes]
        source.set_environment(self)
        return super()._generate(source, name, *args, **kwargs)


def _outputs(node: nodes.Node) -> list[nodes.Output | nodes.FilterBlock]:
    return [*node.find_all(nodes.Output), *node.find_all(nodes.FilterBlock)]


def _noting(node: nodes.Expr, name: str, in_macro: bool) -> nodes.Filter:  # noqa: FBT001
    line = min(each.lineno for each in (node, *node.find_all(nodes.Node)) if each.lineno)
    facts = [name, line, in_macro, isinstance(node, nodes.TemplateData)]
    told = [nodes.Const(fact, lineno=line) for fact in facts]
    return nodes.Filter(node, _FILTER, told, [], None, None, lineno=line)


@jinja2.pass_context  # otherwise Jinja would work it out while it compiles
def _traced(
    _: object,
    value: object,
    name: str,
    line: int,
    in_macro: bool,  # noqa: FBT001  # Jinja calls it
    is_text: bool,  # noqa: FBT001
) -> Text:
    place = Place(PurePosixPath(name), line, in_macro)
    if isinstance(value, Text):
        return Text.of(Piece(piece.text, (place, *piece.places)) for piece in value.pieces)
    return Text.copied(str(value), place) if is_text else Text.of([Piece(str(value), (place,))])
