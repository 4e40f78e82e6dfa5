"""Where a file of a project comes from: the template's files and the answers behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jinja2 import meta, nodes
from pathspec import PathSpec

from scaffold.project.cause import causes, names
from scaffold.project.ownership import FILE, Owner
from scaffold.template.definition import broken
from scaffold.template.renderer import reads

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import PurePosixPath

    from scaffold.files import File
    from scaffold.project.cause import Cause
    from scaffold.project.ownership import Ownership
    from scaffold.template.answers import Answers
    from scaffold.template.definition import Template


@dataclass(frozen=True, slots=True)
class Source:
    """A file of the template that a file of a project is made from.

    Attributes:
        path: Where, in the template.
        causes: The answers that it depends on, the layer's own first; none when it is always taken.
    """

    path: PurePosixPath
    causes: tuple[Cause, ...]


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a file of a project is made from.

    Attributes:
        source: The template's file that writes it.
        fragments: Those that it includes.
        macros: Those that it imports.
        answers: The answers that its text or name uses.
    """

    source: Source
    fragments: tuple[Source, ...]
    macros: tuple[PurePosixPath, ...]
    answers: Mapping[str, Any]

    @classmethod
    def of(cls, file: File, template: Template, answers: Answers) -> Provenance:
        """Look up where a file comes from.

        Raises:
            TemplateError: When the template cannot be read.
        """
        others = reads(template, answers, file.origin)
        imported: set[str] = set()
        used: set[str] = set()
        with broken(f"{file.origin} cannot be read"):
            rendered = file.origin.name.endswith(
                template.settings.get("_templates_suffix", ".jinja")
            )
            for path in [file.origin, *others] if rendered else []:
                text = (template.root / path).read_text("utf-8")
                parsed = template.environment.parse(text)
                used |= meta.find_undeclared_variables(parsed)
                imported |= _imports(parsed)
            for part in file.origin.parts:
                used |= names(template, part)
        return cls(
            Source(file.origin, causes(template, answers, file.origin)),
            tuple(
                Source(path, causes(template, answers, path))
                for path in others
                if str(path) not in imported
            ),
            tuple(path for path in others if str(path) in imported),
            {name: value for name, value in answers.remembered.items() if name in used},
        )


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
