"""Answers to a template's questions, as far as a repository shows them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from scaffold.adopt import evidence
from scaffold.adopt.head import Head
from scaffold.errors import UsageError
from scaffold.template.answers import resolve

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from scaffold.adopt.evidence import Guess
    from scaffold.git.repository import Repository
    from scaffold.template.answers import Answers
    from scaffold.template.definition import Template
    from scaffold.template.questions import Question


def guesses(template: Template, repository: Repository) -> dict[str, Guess]:
    """Guess the answers that a repository shows."""
    name = repository.folder.name
    return evidence.infer(template.catalog, template.questions, Head.of(repository), name)


def answered(
    template: Template,
    found: Mapping[str, Guess],
    given: Mapping[str, Any],
    ask: Callable[[Question], Any] | None = None,
) -> Answers:
    """Answer a template's questions: as given, else as guessed, else as asked, else by default.

    Raises:
        UsageError: When an answer is invalid, or when nothing says what the stack is.
    """
    stack = found.get("stack")
    if stack and stack.answer is None and "stack" not in given:
        options = template.catalog.axes["stack"]
        raise UsageError(
            f"Nothing here is of a stack that this template has: "
            f"{', '.join(option.label for option in options)}.",
            f"If it is one of them, say so: -d stack={options[0].id}",
        )
    taken = dict(given)
    for name, guess in found.items():
        if name in taken or guess.answer is None or (ask and guess.confidence == "unsure"):
            continue
        for answer in (guess.answer, *guess.alternatives):
            # What a repository says of itself need not be an answer here.
            with suppress(UsageError):
                resolve(template, {**taken, name: answer})
                taken[name] = answer
                break
    if ask is None:
        return resolve(template, taken)

    def asked(question: Question) -> Any:
        guess = found.get(question.name)
        if guess and guess.answer is not None:  # not sure, but better than the template's own
            question = _proposing(question, guess.answer)
        return ask(question)

    return resolve(template, taken, asked)


def _proposing(question: Question, answer: Any) -> Question:
    """Give a question with another default, where that would be an answer."""
    with suppress(UsageError):
        question.parse(answer)
        # As a value: what a repository says is no template.
        return replace(
            question,
            spec={**question.spec, "default": "{{ guessed }}"},
            context={**question.context, "guessed": answer},
        )
    return question
