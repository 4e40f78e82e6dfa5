"""Answers to a template's questions: given, asked for, or by default."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from scaffold.errors import UsageError
from scaffold.questions import Question
from scaffold.template import broken
from scaffold.wording import nearest, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scaffold.template import Template


@dataclass(frozen=True, slots=True)
class Answers:
    """One valid answer to each question.

    Attributes:
        values: Every answer by name, computed ones included.
        stored: The names of those that a project remembers.
    """

    values: Mapping[str, Any]
    stored: frozenset[str]

    @property
    def remembered(self) -> dict[str, Any]:
        """What a project's answers file keeps."""
        return {name: value for name, value in self.values.items() if name in self.stored}


def resolve(
    template: Template,
    given: Mapping[str, Any],
    ask: Callable[[Question], Any] | None = None,
) -> Answers:
    """Answer every question, in the template's order.

    Args:
        template: Whose questions.
        given: Answers by name; they need not be complete.
        ask: Called for each question that nobody answered; without it the default is taken.

    Raises:
        UsageError: When an answer is invalid or answers no question.
        TemplateError: When a question cannot be rendered.
    """
    askable = [name for name, spec in template.questions.items() if spec.get("when") is not False]
    for name in given:
        if name not in askable:
            raise UsageError(
                f"{shown(name)} is no question of this template.",
                f"{nearest(name, askable)}The questions are {', '.join(askable) or 'none'}.",
            )
    values: dict[str, Any] = {}
    stored = set()
    for name, spec in template.questions.items():
        question = Question(name, spec, template.environment, {**template.context, **values})
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
    return Answers(values, frozenset(stored))
