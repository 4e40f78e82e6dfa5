"""Questions put to a person. The only module that imports questionary."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import questionary
from prompt_toolkit.validation import ValidationError, Validator
from rich.console import Console
from rich.markup import escape
from rich.tree import Tree

from scaffold.errors import UsageError
from scaffold.template.answers import Answers, resolve
from scaffold.wording import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path, PurePath

    from prompt_toolkit.document import Document

    from scaffold.files import File
    from scaffold.template.definition import Template
    from scaffold.template.questions import Question

#: Columns for the names of what is not asked yet, on a line of 80 with the question.
ROOM = 48


def interview(template: Template, given: Mapping[str, Any]) -> Answers:
    """Ask what is not given: the short path first, the rest if somebody wants to.

    Raises:
        KeyboardInterrupt: When the person leaves.
    """
    short_path = template.questions.get("short_path", {}).get("default", ())
    asked: dict[str, Any] = {}

    def ask_short(question: Question) -> Any:
        if question.name not in short_path:
            return question.default
        asked[question.name] = ask(question)
        return asked[question.name]

    answers = resolve(template, given, ask_short)
    rest = [n for n in answers.remembered if n not in {*given, *asked}]
    if rest and _answered(
        questionary.confirm(f"Customise the rest ({_some(rest)})?", default=False)
    ):
        answers = resolve(template, {**given, **asked}, ask)
    return answers


def _some(names: Sequence[str]) -> str:
    """Give names, as many as fit on a line with the question, and how many more there are."""
    for shown in range(len(names), 0, -1):
        more = len(names) - shown
        text = ", ".join(names[:shown]) + (f" and {more} more" if more else "")
        if len(text) <= ROOM:
            break
    return text


def confirmed(destination: Path, files: Iterable[File], kept: Iterable[PurePath] = ()) -> bool:
    """Show what would be written and what stays, folders folded, and ask whether to."""
    tree = Tree(escape(f"{destination}/"), guide_style="dim", highlight=False)
    entries = Counter((file.path.parts[0], len(file.path.parts) > 1) for file in files)
    for (name, folder), number in sorted(entries.items()):
        many = f"/  [dim]{count(number, 'file')}[/dim]" if folder else ""
        tree.add(escape(name) + many)
    for path in kept:
        tree.add(f"{escape(str(path))}  [dim]yours, stays as it is[/dim]")
    Console(stderr=True).print(tree)
    return bool(_answered(questionary.confirm("Create it?", default=True)))


def ask(question: Question) -> Any:
    """Ask one question.

    Raises:
        KeyboardInterrupt: When the person leaves.
    """
    choices = question.choices
    if choices:
        return _answered(
            questionary.select(
                question.help,
                choices=[
                    # The reason takes the place of the why: both would not fit on a line.
                    questionary.Choice(c.label.partition(": ")[0], value=c.value, disabled=c.misfit)
                    if c.misfit
                    else questionary.Choice(c.label, value=c.value)
                    for c in choices
                ],
                default=question.default,
            )
        )
    if question.type == "bool":
        return _answered(questionary.confirm(question.help, default=question.default))
    text = questionary.text(question.help, default=str(question.default), validate=_Valid(question))
    return question.parse(_answered(text))


def _answered(prompt: questionary.Question) -> Any:
    return prompt.unsafe_ask()  # lets Ctrl-C through


class _Valid(Validator):
    """Holds what is typed to the question's own rule."""

    def __init__(self, question: Question) -> None:
        self.question = question

    def validate(self, document: Document) -> None:
        try:
            self.question.parse(document.text)
        except UsageError as error:
            raise ValidationError(message=error.hint or error.message) from error
