"""Where a file of a project comes from: the template's files and the answers behind it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from jinja2 import meta, nodes
from pathspec import PathSpec

from scaffold.project.cause import causes, names
from scaffold.project.inputs import Inputs
from scaffold.project.ownership import FILE, Owner
from scaffold.template import tracing
from scaffold.template.definition import broken
from scaffold.template.renderer import is_rendered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import PurePosixPath

    from scaffold.files import File
    from scaffold.project.cause import Cause
    from scaffold.project.ownership import Ownership
    from scaffold.template.answers import Answers
    from scaffold.template.definition import Template
    from scaffold.template.tracing import Place, Text


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the template, or a line of it, that a file of a project is made from.

    Attributes:
        path: Where, in the template.
        causes: The answers that it depends on, the layer's own first; none when it is always taken.
        line: The number of the line, when one is meant.
    """

    path: PurePosixPath
    causes: tuple[Cause, ...]
    line: int | None = None

    @classmethod
    def of(cls, template: Template, answers: Answers, path: PurePosixPath) -> Source:
        """Look up the answers behind a file of the template.

        Raises:
            TemplateError: When a folder's name cannot be read.
        """
        return cls(path, causes(template, answers, path))


@dataclass(frozen=True)
class Provenance:
    """What a file of a project is made from.

    Attributes:
        source: The template's file that writes it.
        fragments: Those that it includes.
        macros: Those that it imports.
        answers: The answers that its text or name uses.
        text: What the template writes, with the places of each piece.
        tried: What finds the values that this depends on, which takes longer than the rest.
    """

    source: Source
    fragments: tuple[Source, ...]
    macros: tuple[PurePosixPath, ...]
    answers: Mapping[str, Any]
    text: Text
    tried: Callable[[], Inputs]

    @classmethod
    def of(cls, file: File, template: Template, answers: Answers) -> Provenance:
        """Look up where a file comes from.

        Raises:
            TemplateError: When the template cannot be read.
        """
        traced = tracing.traced(template, answers, file)
        parsed = []
        with broken(f"{file.origin} cannot be read"):
            for path in [file.origin, *traced.reads] if is_rendered(template, file.origin) else []:
                text = (template.root / path).read_text("utf-8")
                parsed.append(template.environment.parse(text))
        used = set[str]().union(
            *map(meta.find_undeclared_variables, parsed),
            *(names(template, part) for part in file.origin.parts),
        )
        imported = {name for one in parsed for name in _imports(one)}
        included = [path for path in traced.reads if str(path) not in imported]
        return cls(
            Source.of(template, answers, file.origin),
            tuple(Source.of(template, answers, path) for path in included),
            tuple(path for path in traced.reads if str(path) in imported),
            {name: value for name, value in answers.remembered.items() if name in used},
            traced.text,
            partial(Inputs.of, file, template, answers, parsed) if parsed else Inputs,
        )

    @cached_property
    def inputs(self) -> Inputs:
        """The values that the text depends on."""
        return self.tried()

    def source_of(self, place: Place | None) -> Source:
        """Give a line of one of the template's files; that which writes it if nobody knows."""
        if place is None:
            return self.source
        known = {source.path: source.causes for source in (*self.fragments, self.source)}
        return Source(place.path, known.get(place.path, ()), place.line)


def _imports(parsed: nodes.Template) -> set[str]:
    """Give the names of what a template imports, where it says them outright."""
    named = [node.template for node in parsed.find_all(nodes.Import)]
    named += [node.template for node in parsed.find_all(nodes.FromImport)]
    return {node.value for node in named if isinstance(node, nodes.Const)}


def reason(owners: Ownership, path: PurePosixPath) -> str:
    """Say why somebody owns a path that the template writes, in a few words."""
    owner = owners.of(path)
    if owner is Owner.MANAGED:
        return "updates merge what you and the template change"
    if path in owners.deleted:
        return "you deleted it, and updates do not bring it back"
    if owner is Owner.SEED:
        return f"written once, then yours ({_matching(owners.seeds, path)})"
    return f"{FILE} keeps {_matching(owners.keep, path)}"


def _matching(patterns: Iterable[str], path: PurePosixPath) -> str:
    """Give the pattern that decides over a path."""
    patterns = list(filter(None, patterns))  # PathSpec counts no empty line
    index = PathSpec.from_lines("gitignore", patterns).check_file(path).index
    return patterns[index] if index is not None else ""
