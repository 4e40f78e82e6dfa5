"""Answers to a template's questions: given, asked for, or by default."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from scaffold.errors import UsageError
from scaffold.template.definition import broken
from scaffold.template.questions import Question
from scaffold.wording import nearest, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from scaffold.template.definition import Template


@dataclass(frozen=True, slots=True)
class Answers:
    """One valid answer to each question.

    Attributes:
        values: Every answer by name, computed ones included.
        stored: The names of those that a project remembers.
        carried: Answers to questions that are asked no more, which a template may still read.
    """

    values: Mapping[str, Any]
    stored: frozenset[str]
    carried: Mapping[str, Any] = field(default_factory=dict)

    @property
    def remembered(self) -> dict[str, Any]:
        """What a project's answers file keeps."""
        return {name: value for name, value in self.values.items() if name in self.stored}


def resolve(
    template: Template,
    given: Mapping[str, Any],
    ask: Callable[[Question], Any] | None = None,
    carried: Mapping[str, Any] | None = None,
) -> Answers:
    """Answer every question, in the template's order.

    Args:
        template: Whose questions.
        given: Answers by name; they need not be complete.
        ask: Called for each question that nobody answered; without it the default is taken.
        carried: A project's answers to questions that this version asks no more.

    Raises:
        UsageError: When an answer is invalid or answers no question.
        TemplateError: When a question cannot be rendered.
    """
    known = {**template.context, **(carried or {})}
    askable = askable_in(template)
    for name in given:
        if name not in askable:
            raise UsageError(
                f"{shown(name)} is no question of this template.",
                f"{nearest(name, askable)}The questions are {', '.join(askable) or 'none'}.",
            )
    values: dict[str, Any] = {}
    stored = set()
    for name, spec in template.questions.items():
        kept = {**template.metadata, **{each: values[each] for each in values if each in stored}}
        context = {**known, **values, "_copier_answers": kept}
        question = Question(name, spec, template.environment, context)
        with broken(f"The template's question '{name}' cannot be rendered"):
            if not question.asked:
                values[name] = question.default
                continue
            stored.add(name)
            if name in given:
                values[name] = question.parse(given[name])
            elif ask:
                values[name] = ask(question)
            else:
                values[name] = question.default
    return Answers(values, frozenset(stored), carried or {})


def askable_in(template: Template) -> list[str]:
    """Give the questions that somebody may answer; the others are computed."""
    return [name for name, spec in template.questions.items() if spec.get("when") is not False]


def applicable(answers: Mapping[str, Any], template: Template) -> dict[str, Any]:
    """Leave out what a version of the template does not ask."""
    asked = askable_in(template)
    return {name: value for name, value in answers.items() if name in asked}


def pairs(given: Iterable[str]) -> dict[str, Any]:
    """Read answers from a command line, each as `key=value`.

    Raises:
        UsageError: When one is not.
    """
    answers = {}
    for pair in given:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"-d takes key=value, not {shown(pair)}.", "For example: -d ci=gitlab")
        answers[key] = value
    return answers
