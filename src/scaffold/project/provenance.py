"""Where a file of a project comes from: the template's files and the answers behind it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jinja2 import meta, nodes
from pathspec import PathSpec

from scaffold.errors import UsageError
from scaffold.project.ownership import FILE, Owner
from scaffold.template.answers import resolve
from scaffold.template.definition import broken
from scaffold.template.questions import Question
from scaffold.template.renderer import reads, targets

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import PurePosixPath

    from scaffold.files import File
    from scaffold.project.ownership import Ownership
    from scaffold.template.answers import Answers
    from scaffold.template.definition import Template


@dataclass(frozen=True, slots=True)
class Cause:
    """An answer because of which the template writes something.

    Attributes:
        question: The question.
        answer: The answer.
        label: What a person calls it, if that is something else.
    """

    question: str
    answer: Any
    label: str = ""


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
                used |= _names(template, part)
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


def causes(template: Template, answers: Answers, path: PurePosixPath) -> tuple[Cause, ...]:
    """Tell which answers make the template use one of its files, by the folders that it is in.

    Raises:
        TemplateError: When a folder's name cannot be read.
    """
    options = {f"{{{{use.{o.axis}.{o.id}}}}}": o for o in template.catalog.options}
    for chosen in template.catalog.chosen(answers.values):
        options |= {f"{{{{use.trait.{name}}}}}": chosen for name in chosen.row.get("traits", ())}
    found: dict[Cause, None] = {}
    for part in path.parts:
        option = options.get(re.sub(r"\s", "", part))
        if option:
            found[Cause(option.axis, option.id, option.label)] = None
        elif re.search(r"\{%|\bif\b", part):  # any other name is one, whatever the answer
            for name in sorted(_names(template, part) & answers.stored):
                found[Cause(name, answers.values[name])] = None
    return tuple(found)


def _names(template: Template, text: str) -> set[str]:
    if "{" not in text:
        return set()
    with broken(f"{text!r} cannot be read"):
        return meta.find_undeclared_variables(template.environment.parse(text))


def alternatives(template: Template, answers: Answers, path: PurePosixPath) -> list[Cause]:
    """Tell which other answer to one question would make the template write a path.

    Raises:
        TemplateError: When the template cannot be rendered.
    """
    labels = {(o.axis, o.id): o.label for o in template.catalog.options}
    found = []
    for name, answer in _other_answers(template, answers):
        try:
            changed = resolve(
                template, {**answers.remembered, name: answer}, carried=answers.carried
            )
        except UsageError:  # it does not go with the rest
            continue
        if path in targets(template, changed):
            found.append(Cause(name, answer, labels.get((name, answer), "")))
    return found


def _other_answers(template: Template, answers: Answers) -> Iterator[tuple[str, Any]]:
    """Give the answers that were not given, for each question that lists them."""
    known = {**template.context, **answers.carried, **answers.values}
    for name in answers.values:
        if name not in answers.stored:
            continue
        question = Question(name, template.questions[name], template.environment, known)
        with broken(f"The template's question '{name}' cannot be rendered"):
            choices = [choice.value for choice in question.choices if not choice.misfit]
            if not choices and question.type == "bool":
                choices = [True, False]
        yield from ((name, value) for value in choices if value != answers.values[name])


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
