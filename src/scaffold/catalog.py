"""The options a template offers: one row for each option folder."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from scaffold.errors import TemplateError, UsageError
from scaffold.wording import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


@dataclass(frozen=True, slots=True, order=True)
class Option:
    """One choice on one axis, as its `_layer/option.yml` states it.

    Attributes:
        order: Place among the options of its axis, ascending.
        id: What an answers file and `-d` call it.
        axis: The question it answers: `stack`, `ci`, `hosting`, …
        label: What a person calls it.
        why: One line on when to choose it.
        row: The whole row, for what only one axis knows.
    """

    order: int
    id: str
    axis: str
    label: str
    why: str
    row: Mapping[str, Any]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Option:
        """Read one row.

        Raises:
            TemplateError: When the row lacks a key that every row has.
        """
        try:
            return cls(row["order"], row["id"], row["axis"], row["label"], row["why"], row)
        except (KeyError, TypeError) as error:
            raise TemplateError(
                f"An option row of the template is incomplete: {error}",
                "docs/reference/option-row.md lists what a row needs.",
            ) from error


@dataclass(frozen=True)
class Catalog:
    """All options, by axis in the order of the questions and then by their own order."""

    axes: Mapping[str, tuple[Option, ...]]

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, Any]], questions: Iterable[str]) -> Catalog:
        """Group rows by the questions that are axes."""
        options = sorted(Option.from_row(row) for row in rows)
        grouped = {name: tuple(o for o in options if o.axis == name) for name in questions}
        return cls({axis: found for axis, found in grouped.items() if found})

    @cached_property
    def options(self) -> tuple[Option, ...]:
        """Every option of every axis."""
        return tuple(option for options in self.axes.values() for option in options)

    def axis(self, name: str) -> tuple[Option, ...]:
        """Give the options of one axis.

        Raises:
            UsageError: When there is no such axis.
        """
        if name not in self.axes:
            raise UsageError(
                f"There is no axis '{name}'.",
                f"{nearest(name, self.axes)}The axes are {', '.join(self.axes)}.",
            )
        return self.axes[name]

    def chosen(self, answers: Mapping[str, Any]) -> tuple[Option, ...]:
        """Give the options that these answers choose."""
        return tuple(o for o in self.options if answers.get(o.axis) == o.id)

    def said(self, answers: Mapping[str, Any], key: str) -> str:
        """Give what the first option that these answers choose says under a key of its row."""
        return next((str(o.row[key]) for o in self.chosen(answers) if key in o.row), "")
