"""Why a template writes something: the answers behind its files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jinja2 import meta

from scaffold.errors import UsageError
from scaffold.template.answers import resolve
from scaffold.template.definition import broken
from scaffold.template.questions import Question
from scaffold.template.renderer import targets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import PurePosixPath

    from scaffold.template.answers import Answers
    from scaffold.template.catalog import Option
    from scaffold.template.definition import Template


@dataclass(frozen=True, slots=True)
class Cause:
    """An answer because of which the template writes something.

    Attributes:
        question: The question.
        answer: The answer.
        label: What a person calls it, if that is something else.
        trait: What the answer brings with it, when it is this that the template writes for.
    """

    question: str
    answer: Any
    label: str = ""
    trait: str = ""

    @classmethod
    def of(cls, option: Option, trait: str = "") -> Cause:
        """Give an option, or one of its traits, as a cause."""
        return cls(option.axis, option.id, option.label, trait)


def traits(template: Template, answers: Answers) -> dict[str, Cause]:
    """Give the traits of the chosen options, each with the first option that brings it."""
    found: dict[str, Cause] = {}
    for option in template.catalog.chosen(answers.values):
        for name in option.row.get("traits", ()):
            found.setdefault(name, Cause.of(option, name))
    return found


def causes(template: Template, answers: Answers, path: PurePosixPath) -> tuple[Cause, ...]:
    """Tell which answers make the template use one of its files, by the folders that it is in.

    Raises:
        TemplateError: When a folder's name cannot be read.
    """
    folders = {f"{{{{use.{o.axis}.{o.key}}}}}": Cause.of(o) for o in template.catalog.options}
    for name, cause in traits(template, answers).items():
        folders[f"{{{{use.trait.{name}}}}}"] = cause
    found: dict[Cause, None] = {}
    for part in path.parts:
        known = folders.get(re.sub(r"\s", "", part))
        if known:
            found[known] = None
        elif re.search(r"\{%|\bif\b", part):  # any other name is one, whatever the answer
            for name in sorted(names(template, part) & answers.stored):
                found[Cause(name, answers.values[name])] = None
    return tuple(found)


def names(template: Template, text: str) -> set[str]:
    """Give the variables that a text uses.

    Raises:
        TemplateError: When it cannot be read.
    """
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
