"""The options a template offers: one row for each option folder."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from scaffold.errors import TemplateError, UsageError
from scaffold.wording import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


@contextmanager
def _incomplete() -> Iterator[None]:
    try:
        yield
    except (AttributeError, KeyError, TypeError) as error:
        raise TemplateError(
            f"An option row of the template is incomplete: {error}",
            "docs/reference/option-row.md lists what a row needs.",
        ) from error


@dataclass(frozen=True, slots=True, order=True)
class Option:
    """One choice on one axis, as its `_layer/option.yml` states it.

    Attributes:
        order: Place among the options of its axis, ascending.
        id: What an answers file and `-d` call it.
        axis: The question it answers: `stack`, `ci`, `hosting`, …
        label: What a person calls it.
        why: One line on when to choose it.
        row: The whole row, for what only one axis knows, with what its traits add to it.
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
        with _incomplete():
            return cls(row["order"], row["id"], row["axis"], row["label"], row["why"], row)

    @property
    def key(self) -> str:
        """What its folder calls it: a hyphen is no part of a name in Jinja."""
        return self.id.replace("-", "_")

    @property
    def needs(self) -> Mapping[str, Sequence[str]]:
        """The ids of the options that it works with, for each axis where not all do."""
        found: Mapping[str, Sequence[str]] = self.row.get("needs", {})
        return found

    def takes(self, other: Option) -> bool:
        """Tell whether it works with an option of another axis, whatever that says itself."""
        return other.id in self.needs.get(other.axis, [other.id])


@dataclass(frozen=True)
class Catalog:
    """All options, by axis in the order of the questions and then by their own order."""

    axes: Mapping[str, tuple[Option, ...]]

    @classmethod
    def from_rows(
        cls,
        rows: Iterable[Mapping[str, Any]],
        questions: Iterable[str],
        traits: Iterable[Mapping[str, Any]] = (),
    ) -> Catalog:
        """Group rows by the questions that are axes.

        Args:
            rows: One for each option.
            questions: The names of all questions, in order.
            traits: What the options that name a trait have in common, in the form of rows.

        Raises:
            TemplateError: When a row is incomplete.
        """
        with _incomplete():
            shared = {trait["id"]: trait for trait in traits}
            whole = [_with_traits(row, shared) for row in rows]
            options = sorted(Option.from_row(_with_needs(row, whole)) for row in whole)
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

    def fitting(self, axis: str, answers: Mapping[str, Any]) -> tuple[Option, ...]:
        """Give the options of an axis that go with what was answered before it.

        Of two options either may need something of the other (macros/catalog.jinja does the same).
        """
        chosen = [option for option in self.chosen(answers) if option.axis != axis]
        return tuple(
            option
            for option in self.axis(axis)
            if all(option.takes(other) and other.takes(option) for other in chosen)
        )

    def choice(self, axis: str, answers: Mapping[str, Any]) -> str:
        """Name the option of an axis that these answers choose; nothing if there is none."""
        return next((o.id for o in self.chosen(answers) if o.axis == axis), "")

    def said(self, answers: Mapping[str, Any], key: str) -> str:
        """Give what the first option that these answers choose says under a key of its row."""
        return next((str(o.row[key]) for o in self.chosen(answers) if key in o.row), "")


def _with_traits(
    row: Mapping[str, Any], traits: Mapping[str, Mapping[str, Any]]
) -> Mapping[str, Any]:
    """Put what its traits say before what a row says itself."""
    said = [traits[name] for name in row.get("traits", ()) if name in traits]
    found: dict[str, Any] = {}
    for each in [*said, row]:
        for key, value in each.items():
            found[key] = _joined(found[key], value) if key in found else value
    return found


def _joined(one: Any, other: Any) -> Any:
    """Join two lists, or two mappings of lists; of anything else the second one counts."""
    if isinstance(one, list):
        return [*one, *other]
    if isinstance(one, dict):
        return {**one, **{k: _joined(one[k], v) if k in one else v for k, v in other.items()}}
    return other


def _with_needs(row: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Name the options that have what a row needs, where it names a trait of theirs.

    Raises:
        TemplateError: When it needs of another axis what no option of that has.
    """
    needs = {}
    for axis, names in row.get("needs", {}).items():
        if axis.startswith("/"):
            continue  # of a template of before: files, which are under `requires` now
        needs[axis] = [
            other["id"]
            for other in sorted(rows, key=lambda other: (int(other["order"]), str(other["id"])))
            if other["axis"] == axis and {other["id"], *other.get("traits", ())} & set(names)
        ]
        if axis == row["axis"] or not needs[axis]:
            raise TemplateError(
                f"{row['axis']}: {row['id']} needs {' or '.join(names)} as {axis}, "
                "which no other option is or has."
            )
    return {**row, "needs": needs} if needs else row
